/** Events as lines, the newest last. Pure. */
import type { LoggedEvent } from "../../../src/audit/log.ts";
import { formatField } from "../../../src/audit/line.ts";
import type { Model } from "../../model.ts";
import { clean, fit } from "../../text.ts";
import type { Tone } from "../../theme.ts";
import { clockTime, zoneOf } from "../../time.ts";
import type { Line } from "./details.ts";

export const NO_EVENTS: Line = [{ text: "none since this UI was opened", tone: "dim" }];

export function eventsHead(model: Model, title: string): Line {
  return [{ text: title, tone: "strong" }, { text: `  times ${zoneOf(model.now)}`, tone: "dim" }];
}

/** The last `count` events of a guest; of all guests and of the host where none is named. */
export function eventLines(model: Model, vm: string | undefined, count: number): readonly Line[] {
  const found: LoggedEvent[] = [];
  for (let i = model.events.length - 1; i >= 0 && found.length < count; i--) {
    const event = model.events[i];
    if (event !== undefined && (vm === undefined || event.fields.vm === vm)) found.push(event);
  }
  return found.reverse().map((event) => eventLine(event, vm === undefined));
}

/** Cells of a guest's name before its event. */
const NAME = 14;

function eventLine({ time, level, event, fields }: LoggedEvent, named: boolean): Line {
  const tone: Tone = level === "error" ? "bad" : level === "warn" ? "warn" : "plain";
  const rest = Object.entries(fields).filter(([key]) => key !== "vm" && key !== "kind")
    .map(([key, value]) => formatField(key, value)).join(" ");
  return [
    { text: `${clockTime(Date.parse(time))} `, tone: "dim" },
    ...(named ? [`${fit(clean(String(fields.vm ?? "-"), 64), NAME)} `] : []),
    { text: clean(event.replace(/^RAYOS_/, ""), 80), tone },
    ` ${clean(rest, 200)}`,
  ];
}
