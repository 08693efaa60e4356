/** What comes in from the supervisor, entered into the model. */
import type { GuestFigures } from "../src/actions/live_views.ts";
import { actionSpec } from "../src/actions/table.ts";
import type { GuestView, StatusView } from "../src/actions/views.ts";
import type { Problem } from "../src/core/problem.ts";
import { readable } from "./describe.ts";
import type { Message } from "./messages.ts";
import type { Came, Effect, Model, Series } from "./model.ts";
import { diskRate, netRate } from "./rates.ts";
import type { Step } from "./reduce.ts";
import { unexpired, withToast } from "./toasts.ts";
export { withToast };

/** So many events are kept, and so many figures of a guest. */
export const MAX_EVENTS = 500;
export const MAX_SERIES = 60;

/** Answers with such a tag are shown as text: what was asked from the palette. */
export const SHOW_TAG = "shell:";

type Data = Extract<
  Message,
  { type: "tick" | "connected" | "lost" | "status" | "live" | "event" | "jobs" }
>;

const REFRESH: readonly Effect[] = [{ do: "refresh" }];

export function onData(model: Model, message: Data): Step {
  switch (message.type) {
    case "tick": {
      const next = unexpired({ ...model, now: message.now });
      // How far a job has come is told by no event.
      return next.jobs.length > 0 ? { model: next, effects: REFRESH } : { model: next };
    }
    case "connected":
      return {
        model: { ...model, now: message.now, connection: { kind: "connected", since: message.now } },
        effects: REFRESH,
      };
    case "lost": {
      const { now, why } = message;
      const since = model.connection.kind === "lost" ? model.connection.since : now;
      return { model: { ...model, now, connection: { kind: "lost", since, why }, jobs: [] } };
    }
    case "status":
      return onStatus(model, message.status);
    case "live":
      return onLive(model, message.sample.guests);
    case "event": {
      const events = [...model.events.slice(1 - MAX_EVENTS), message.event];
      return { model: { ...model, events }, effects: isNews(message.event.event) ? REFRESH : [] };
    }
    case "jobs":
      return { model: { ...model, jobs: message.jobs } };
  }
}

/** Events that come by the dozen and change nothing that `status` tells. */
const NO_NEWS = ["RAYOS_INPUT", "RAYOS_NETWORK_DENIED"];

function isNews(event: string): boolean {
  return !NO_NEWS.some((name) => event === name || event.startsWith(`${name}:`));
}

function onStatus(model: Model, status: StatusView): Step {
  const guests = sharedGuests(model.guests, status.guests);
  const figures = ofRunning(model.figures, guests);
  return { model: { ...model, status, guests, figures, provisioning: status.provisioning } };
}

/** The last figures of a guest are none of now when it has ended. */
function ofRunning(figures: Model["figures"], guests: readonly GuestView[]): Model["figures"] {
  const ended = guests.filter(({ id, pid }) => pid === null && (figures.get(id)?.cpu ?? null) !== null);
  if (ended.length === 0) return figures;
  const left = new Map(figures);
  for (const { id } of ended) left.delete(id);
  return left;
}

/** The new guests; one that has not changed is the same object, so that its row is not drawn anew. */
function sharedGuests(before: readonly GuestView[], after: readonly GuestView[]): readonly GuestView[] {
  const known = new Map(before.map((guest) => [guest.id, guest]));
  let isSame = before.length === after.length;
  const guests = after.map((guest, i) => {
    const old = known.get(guest.id);
    const shared = old !== undefined && isEqual(old, guest) ? old : guest;
    if (shared !== before[i]) isSame = false;
    return shared;
  });
  return isSame ? before : guests;
}

/** Of values that came as JSON. */
function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const keys = Object.keys(one);
  return Array.isArray(one) === Array.isArray(other) && keys.length === Object.keys(other).length &&
    keys.every((key) => isEqual(Reflect.get(one, key), Reflect.get(other, key)));
}

function onLive(model: Model, guests: readonly GuestFigures[]): Step {
  const figures = new Map(guests.map((one) => [one.id, one]));
  const series = new Map<string, Series>();
  for (const one of guests) {
    if (one.cpu !== null) series.set(one.id, grown(model.series.get(one.id), one));
  }
  let isNews = guests.length !== model.guests.length;
  const patched = model.guests.map((guest) => {
    const now = figures.get(guest.id);
    if (now === undefined) return guest;
    const { state, ready, presented } = now;
    if (guest.state === state && guest.ready === ready && guest.presented === presented) return guest;
    isNews = true;
    return { ...guest, state, ready, presented };
  });
  const next = { ...model, figures, series, guests: isNews ? patched : model.guests };
  return isNews ? { model: next, effects: REFRESH } : { model: next };
}

const NO_SERIES: Series = { cpu: [], disk: [], net: [] };

function grown({ cpu, disk, net }: Series = NO_SERIES, figures: GuestFigures): Series {
  return {
    cpu: [...cpu.slice(1 - MAX_SERIES), figures.cpu?.percent ?? 0],
    disk: [...disk.slice(1 - MAX_SERIES), diskRate(figures) ?? 0],
    net: figures.network?.length === 0 ? [] : [...net.slice(1 - MAX_SERIES), netRate(figures) ?? 0],
  };
}

/** Says how an action has ended. */
export function cameToast(model: Model, { action, params, result }: Came): Model {
  const vm = typeof params.id === "string" ? ` ${params.id}` : "";
  const what = `${actionSpec(action).title}${vm}`;
  return result.ok
    ? withToast(model, "good", `${what}: done`)
    : withToast(model, "bad", `${what}: ${inShort(result.problem)}`);
}

/** A problem in one line: what, why, and where it stands. */
export function inShort({ message, reasons = [], hint }: Problem): string {
  const why = reasons.map((reason) => `${reason.why}${reason.where ? ` (${reason.where})` : ""}`).join("; ");
  return [message, why || hint].filter((part) => part).join(": ");
}

/** Opens the answer to what was asked from the palette. */
export function answeredOverlay(model: Model, message: Extract<Message, { type: "answered" }>): Step {
  if (!message.tag.startsWith(SHOW_TAG)) return { model };
  const title = message.tag.slice(SHOW_TAG.length);
  if (!message.result.ok) {
    return { model: withToast(model, "bad", `${title}: ${inShort(message.result.problem)}`) };
  }
  const lines = readable(message.result.value);
  return { model, messages: [{ type: "open", overlay: { kind: "text", title, lines, scroll: 0 } }] };
}
