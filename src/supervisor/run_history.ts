/**
 * The last things that happened between the supervisor and a guest's QEMU, for a report: events of QEMU, and commands that
 * did something. Kept small whatever a guest makes QEMU say: the same event again only counts.
 */
import { boundJson } from "../audit/bounds.ts";
import { canonicalJson, type Json } from "../core/json.ts";
import { formatUtc, type Instant } from "../core/time.ts";
import type { QmpEvent } from "../qmp/events.ts";
import type { ToldOutcome } from "../qmp/client.ts";

const MOST_EVENTS = 50;
const MOST_COMMANDS = 20;
/** Characters of an event's data as JSON. */
const MAX_DATA = 1024;

export interface EventNote {
  readonly at: string;
  readonly event: string;
  readonly data: Json;
  /** How often it came one after the other; absent: once. */
  readonly times?: number;
  /** When it came last, where it came more than once. */
  readonly last_at?: string;
}

export interface CommandNote {
  readonly at: string;
  readonly command: string;
  readonly outcome: string;
  readonly took_ms: number;
}

export class RunHistory {
  #events: EventNote[] = [];
  #commands: CommandNote[] = [];

  get events(): readonly EventNote[] {
    return this.#events;
  }

  get commands(): readonly CommandNote[] {
    return this.#commands;
  }

  event(event: QmpEvent, now: Instant): void {
    const at = formatUtc(now);
    const name = event.name === "other" ? boundJson(event.wireName) : event.name;
    const data = boundData(event.data);
    const last = this.#events.at(-1);
    if (last && last.event === name && canonicalJson(last.data) === canonicalJson(data)) {
      this.#events[this.#events.length - 1] = { ...last, times: (last.times ?? 1) + 1, last_at: at };
      return;
    }
    this.#events = [...this.#events, { at, event: String(name), data }].slice(-MOST_EVENTS);
  }

  /** A command that has been answered, or whose time was over. Questions are left out: somebody may ask every second. */
  command({ command, outcome, tookMs }: ToldOutcome, now: Instant): void {
    if (/^(query|qom|device-list)-/.test(command) || command === "qmp_capabilities") return;
    const note = { at: formatUtc(now), command, outcome, took_ms: Math.round(tookMs) };
    this.#commands = [...this.#commands, note].slice(-MOST_COMMANDS);
  }
}

function boundData(data: unknown): Json {
  const bounded = boundJson(data);
  const size = canonicalJson(bounded).length;
  return size <= MAX_DATA ? bounded : { too_large: size };
}
