/** What stands above the list, and in its place when there is nothing to list. Pure. */
import type { Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { wrap } from "../../text.ts";
import { markedOf, rowsOf } from "./rows.ts";

/** How many are shown, what they are filtered and sorted by. */
export function headText(model: Model): readonly Span[] {
  const { filter, typing, sort, descending, grouped } = model.screens.guests;
  const spans: Span[] = [{ text: countText(model), tone: "strong" }];
  if (typing || filter !== "") {
    spans.push("  filter: ", { text: typing ? `${filter}_` : filter, tone: "accent" });
    spans.push({ text: typing ? "  Enter keeps it, Esc drops it" : "  Esc drops it", tone: "dim" });
  }
  if (model.guests.length === 0) return spans;
  const order = `${sort}${descending ? ", descending" : ""}${grouped ? ", by kind" : ""}`;
  spans.push({ text: `  sorted by ${order}`, tone: "dim" });
  return spans;
}

function countText(model: Model): string {
  const shown = rowsOf(model).reduce((count, row) => count + (row.kind === "guest" ? 1 : 0), 0);
  const total = model.guests.length;
  const marked = markedOf(model).length;
  return `${shown === total ? total : `${shown} of ${total}`} ${total === 1 ? "guest" : "guests"}` +
    (marked > 0 ? `, ${marked} marked` : "");
}

/** Why nothing is listed, and what can be done about it. */
export function emptyLines(model: Model, width: number): readonly (readonly Span[])[] {
  const lines = model.guests.length > 0
    ? [`No guest has "${model.screens.guests.filter}" in its id, name, state or kind.`]
    : model.status === undefined
    ? ["Waiting for the supervisor ..."]
    : [
      "There are no guests in this data root yet.",
      "",
      "4 makes one: it asks what to install, shows what would be done, and installs it unattended.",
      "`rayvisor vm define` enters one by hand, `rayvisor vm import` takes one over from libvirt or quickemu.",
    ];
  return ["", ...lines].flatMap((line) => wrap(line, width)).map((line) => [line]);
}
