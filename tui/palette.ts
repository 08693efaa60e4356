/** What can be typed after `:`: the rows of the key table, and the actions of the action table on each guest. Pure. */
import { ACTION_IDS, type ActionId, actionSpec } from "../src/actions/table.ts";
import type { GuestView } from "../src/actions/views.ts";
import { SHOW_TAG } from "./data.ts";
import { changes } from "./guard.ts";
import { rowsOf, shownKey } from "./keys.ts";
import type { Message } from "./messages.ts";
import type { Effect, Model } from "./model.ts";
import type { AllScreens } from "./screens/all.ts";

export interface PaletteEntry {
  readonly label: string;
  /** Beside the label: a key, or what the action does. */
  readonly hint: string;
  /** Why it is not possible now. */
  readonly disabled?: string;
  /** Wants the name of a guest yet. */
  readonly completes?: true;
  readonly run: (model: Model) => readonly Message[];
}

/** Actions that ask for more than a guest; the screens have them. */
const ELSEWHERE: readonly ActionId[] = ["net.set", "provision.plan", "provision.begin", "policy.explain"];

const MAX_ENTRIES = 200;

const OF_GUESTS = ACTION_IDS.filter((id) => actionSpec(id).path.includes("{id}") && !ELSEWHERE.includes(id));

/** Entries that have every word of `text` in them: those that begin with it first, those that can't be used now last. */
export function paletteEntries(model: Model, screens: AllScreens, text: string): readonly PaletteEntry[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const fits = (label: string) => words.every((word) => label.toLowerCase().includes(word));
  const entries = [
    ...ofRows(model, screens).filter(({ label }) => fits(label)),
    ...ofActions(model, fits, words.length > 0),
  ];
  const typed = text.toLowerCase().trimEnd();
  const rank = ({ label, disabled }: PaletteEntry) =>
    disabled !== undefined ? 2 : label.toLowerCase().startsWith(typed) ? 0 : 1;
  return [0, 1, 2].flatMap((wanted) => entries.filter((entry) => rank(entry) === wanted)).slice(
    0,
    MAX_ENTRIES,
  );
}

function ofRows(model: Model, screens: AllScreens): PaletteEntry[] {
  return rowsOf(model, screens).map((row) => {
    const disabled = row.disabled?.(model);
    return {
      label: row.title,
      hint: `key ${shownKey(row.keys[0] ?? "", model.prefs.unicode)}`,
      ...(disabled === undefined ? {} : { disabled }),
      run: row.run,
    };
  });
}

function ofActions(model: Model, fits: (label: string) => boolean, typed: boolean): PaletteEntry[] {
  const entries: PaletteEntry[] = [];
  const allowed = OF_GUESTS.filter((id) => !model.prefs.readOnly || !changes(id));
  for (const action of allowed) {
    const { title, summary } = actionSpec(action);
    if (model.guests.length > 0 && fits(title)) {
      entries.push({ label: title, hint: summary, completes: true, run: () => [] });
    }
    if (!typed) continue;
    for (const guest of model.guests) {
      const label = `${title} ${guest.id}`;
      if (fits(label)) entries.push(ofGuest(action, label, guest));
    }
  }
  if (!model.prefs.readOnly && fits(STOP_SUPERVISOR.label)) entries.push(STOP_SUPERVISOR);
  return entries;
}

function ofGuest(action: ActionId, label: string, guest: GuestView): PaletteEntry {
  const { states, summary } = actionSpec(action);
  const params = { id: guest.id };
  const effect: Effect = changes(action)
    ? { do: "perform", action, params }
    : { do: "ask", tag: `${SHOW_TAG}${label}`, action, params };
  return {
    label,
    hint: summary,
    ...(states && !states.includes(guest.state) ? { disabled: `${guest.id} is ${guest.state}` } : {}),
    run: () => [{ type: "do", effects: [effect] }],
  };
}

const STOP_SUPERVISOR: PaletteEntry = {
  label: actionSpec("supervisor.stop").title,
  hint: actionSpec("supervisor.stop").summary,
  run: () => [{
    type: "open",
    overlay: {
      kind: "confirm",
      title: "Stop the supervisor?",
      lines: ["Guests go on; nothing answers until one is started again."],
      then: [{ do: "perform", action: "supervisor.stop", params: {} }],
    },
  }],
};

/** The text after completion: as far as all entries agree, or the whole of the one at the cursor. */
export function completed(text: string, entries: readonly PaletteEntry[], at: number): string {
  const labels = entries.map(({ label }) => label).filter((label) =>
    label.toLowerCase().startsWith(text.toLowerCase())
  );
  const common = labels.reduce<string | undefined>(
    (so, label) => so === undefined ? label : agreed(so, label),
    undefined,
  );
  if (common !== undefined && common.length > text.length) {
    // An action is not all of it: the guest comes next.
    return entries.some(({ label, completes }) => completes && label === common) ? `${common} ` : common;
  }
  const entry = entries[at];
  if (entry === undefined) return text;
  return entry.completes ? `${entry.label} ` : entry.label;
}

function agreed(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length]?.toLowerCase() === other[length]?.toLowerCase()) length++;
  return one.slice(0, length);
}
