/** The screen's part of the key table. Titles and what is at stake come from the action table. */
import { type ActionId, actionSpec } from "../../../src/actions/table.ts";
import { hasProcess } from "../../../src/lifecycle/states.ts";
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { KeyRow } from "../../screen.ts";
import { ask, askDelete, askStart } from "./ask.ts";
import { problemLines } from "./came.ts";
import { type GuestsMessage, own } from "./messages.ts";
import { notesOf } from "./notes.ts";
import { whyNot, whyNotOn } from "./possible.ts";
import { selectedOf, targetsOf } from "./rows.ts";

/** A row that moves about; always possible. */
function simple(keys: readonly string[], title: string, message: GuestsMessage): KeyRow {
  return { keys, title, run: () => [own(message)] };
}

/** A row of the action table. */
function acts(
  key: string,
  action: ActionId,
  more: {
    readonly footer?: true;
    readonly title?: string;
    readonly run?: (model: Model) => readonly Message[];
  } = {},
): KeyRow {
  const { run, title = actionSpec(action).title, ...rest } = more;
  return {
    keys: [key],
    title,
    changes: true,
    disabled: (model) => whyNot(model, action),
    run: run ?? ((model) => ask(model, { action }, targetsOf(model))),
    ...rest,
  };
}

/** As many rows as one page has, about: the list's height is the view's own. */
const PAGE = 10;
const FAR = 1_000_000;

const MOVES: readonly KeyRow[] = [
  simple(["up", "k"], "Guest above", { do: "move", by: -1 }),
  simple(["down", "j"], "Guest below", { do: "move", by: 1 }),
  { keys: ["page-up"], title: "Page up", run: (model) => [own(paged(model, -PAGE))] },
  { keys: ["page-down"], title: "Page down", run: (model) => [own(paged(model, PAGE))] },
  simple(["home"], "First guest", { do: "move", by: -FAR }),
  simple(["end"], "Last guest", { do: "move", by: FAR }),
  simple(["e"], "Events of all guests", { do: "events" }),
  simple(["s"], "Sort by the next column", { do: "sort" }),
  simple(["S"], "Sort the other way round", { do: "turn" }),
  simple(["g"], "Group by kind", { do: "group" }),
  simple(["*"], "Mark all that are shown, or none", { do: "mark_all" }),
];

/** Keys that hold for every guest: the footer begins with them, so that they stay where they are. */
const FIRST: readonly KeyRow[] = [
  {
    ...simple(["enter"], "Details", { do: "details", open: true }),
    footer: inList,
    typing: "Keep the filter",
    disabled: whyNoGuest,
  },
  {
    ...simple(["/"], "Filter", { do: "filter" }),
    footer: (model) => inList(model) && model.guests.length > 0,
  },
  { ...simple(["space"], "Mark", { do: "mark" }), footer: inList, disabled: whyNoGuest },
  { ...simple(["esc"], "Back", { do: "back" }), footer: hasBack, typing: "Drop the filter" },
  { ...simple([">"], "Scroll details down", { do: "scroll", by: 5 }), footer: inDetails },
  simple(["<"], "Scroll details up", { do: "scroll", by: -5 }),
];

/** What a guest's state decides comes before what policy says, which is known a moment later. */
const ACTS: readonly KeyRow[] = [
  acts("r", "vm.start", { footer: true, run: (model) => askStart(model, targetsOf(model)) }),
  acts("x", "vm.stop", { footer: true }),
  acts("X", "vm.kill"),
  acts("p", "vm.pause", { footer: true }),
  acts("c", "vm.resume", { footer: true }),
  acts("z", "vm.suspend"),
  acts("T", "vm.reset"),
  acts("n", "net.set", { title: "Network", footer: true, run: onSelected((vm) => ({ do: "network", vm })) }),
  acts("b", "baseline.create"),
  {
    keys: ["o"],
    title: "Serial console",
    footer: true,
    disabled: (model) => {
      if (model.connection.kind !== "connected") return "no supervisor answers";
      const guest = selectedOf(model);
      if (guest === undefined) return "there is no guest";
      return hasProcess(guest.state) ? undefined : `it is ${guest.state}: nothing writes to its console`;
    },
    run: onSelected((vm) => ({ do: "act", effects: [{ do: "console", vm }] })),
  },
  acts("v", "vm.present", { footer: true }),
  acts("h", "vm.hide", { footer: true }),
  acts("d", "vm.delete", { run: (model) => askDelete(model, targetsOf(model)) }),
];

const LOOKS: readonly KeyRow[] = [
  {
    keys: ["l"],
    title: actionSpec("vm.argv").title,
    disabled: (model) => whyNot(model, "vm.argv"),
    run: onSelected((vm) => ({ do: "show_text", vm, what: "argv" })),
  },
  {
    keys: ["u"],
    title: "Undo the last action",
    changes: true,
    disabled: whyNoUndo,
    run: (model) => {
      const { undo } = model.screens.guests;
      const guest = model.guests.find(({ id }) => id === undo?.vm);
      if (undo === undefined || guest === undefined) return [];
      const params = undo.action === "vm.start" ? { wait: "running" } : {};
      return ask(model, { action: undo.action, params }, [guest]);
    },
  },
  {
    keys: ["w"],
    title: "Why: the last refusal and the notes in full",
    disabled: (model) =>
      whyLines(model).length > 0 ? undefined : "nothing was refused, and there are no notes",
    run: (model) => {
      const { refused } = model.screens.guests;
      const title = refused?.title ?? `Notes of ${selectedOf(model)?.id}`;
      return [{ type: "open", overlay: { kind: "text", title, lines: whyLines(model), scroll: 0 } }];
    },
  },
];

/** The footer has room for the first of them. */
export const KEYS: readonly KeyRow[] = [...FIRST, ...ACTS, ...LOOKS, ...MOVES];

/** What was refused last with its reasons, then the notes of the guest that the cursor is on. */
function whyLines(model: Model): readonly string[] {
  const { refused } = model.screens.guests;
  const guest = selectedOf(model);
  const notes = guest ? notesOf(model, guest).map(({ text }) => text) : [];
  if (refused === undefined) return notes;
  const heading = notes.length > 0 && guest ? ["", `Notes of ${guest.id}:`] : [];
  return [...problemLines(refused.problem), ...heading, ...notes];
}

/** A page of the list, or of the details where they are all that is shown. */
function paged(model: Model, by: number): GuestsMessage {
  return model.screens.guests.details ? { do: "scroll", by } : { do: "move", by };
}

function inDetails({ screens }: Model): boolean {
  return screens.guests.details;
}

function inList(model: Model): boolean {
  return !inDetails(model);
}

/** Whether something is open, marked or filtered that Esc takes away. */
function hasBack({ screens: { guests } }: Model): boolean {
  return guests.details || guests.marks.length > 0 || guests.filter !== "";
}

function whyNoGuest(model: Model): string | undefined {
  return selectedOf(model) ? undefined : "there is no guest";
}

function whyNoUndo(model: Model): string | undefined {
  const { undo } = model.screens.guests;
  const guest = model.guests.find(({ id }) => id === undo?.vm);
  if (undo === undefined || guest === undefined) return "there is nothing to undo";
  if (model.connection.kind !== "connected") return "no supervisor answers";
  return whyNotOn(model, undo.action, guest);
}

/** A message about the one guest that is meant. */
function onSelected(message: (vm: string) => GuestsMessage): (model: Model) => readonly Message[] {
  return (model) => {
    const [guest, ...others] = targetsOf(model);
    return guest && others.length === 0 ? [own(message(guest.id))] : [];
  };
}
