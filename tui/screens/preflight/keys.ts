/** The keys of the screen `preflight`. */
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { KeyRow } from "../../screen.ts";
import { askNew } from "../provision/state.ts";
import { isFault, own, type PreflightMessage, selectedRow } from "./state.ts";

const PAGE = 10;
const ALL = Number.MAX_SAFE_INTEGER;

const says = (message: PreflightMessage) => (): readonly Message[] => [own(message)];
const stateOf = ({ screens }: Model) => screens.preflight;

function whileRunning(model: Model): string | undefined {
  return stateOf(model).run.kind === "running" ? "the checks are still running" : undefined;
}

function noFaults(model: Model): string | undefined {
  return stateOf(model).rows.some(isFault) ? undefined : "nothing warns or fails";
}

export const KEYS: readonly KeyRow[] = [
  { keys: ["r"], title: "Run all checks", footer: true, disabled: whileRunning, run: says({ kind: "run" }) },
  {
    keys: ["enter"],
    title: "Run this check again",
    footer: true,
    disabled: (model) =>
      whileRunning(model) ?? (selectedRow(stateOf(model)) ? undefined : "no check is selected"),
    run: (model) => {
      const only = selectedRow(stateOf(model))?.id;
      return only === undefined ? [] : [own({ kind: "run", only })];
    },
  },
  {
    keys: ["x"],
    title: "Cancel",
    footer: true,
    disabled: (model) => whileRunning(model) ? undefined : "no check is running",
    run: says({ kind: "cancel" }),
  },
  {
    keys: ["w"],
    title: "Windows or Linux guests",
    footer: true,
    disabled: whileRunning,
    run: says({ kind: "profile" }),
  },
  { keys: ["f"], title: "Only what warns or fails", footer: true, run: says({ kind: "faults" }) },
  {
    keys: ["n"],
    title: "New guest",
    footer: true,
    changes: true,
    run: () => [{ type: "show", screen: "provision" }, askNew],
  },
  {
    keys: ["]"],
    title: "Next that warns or fails",
    disabled: noFaults,
    run: says({ kind: "next_fault", by: 1 }),
  },
  {
    keys: ["["],
    title: "Last that warns or fails",
    disabled: noFaults,
    run: says({ kind: "next_fault", by: -1 }),
  },
  { keys: ["down", "j"], title: "Down", run: says({ kind: "move", by: 1 }) },
  { keys: ["up", "k"], title: "Up", run: says({ kind: "move", by: -1 }) },
  { keys: ["page-down"], title: "A page down", run: says({ kind: "move", by: PAGE }) },
  { keys: ["page-up"], title: "A page up", run: says({ kind: "move", by: -PAGE }) },
  { keys: ["home"], title: "To the first", run: says({ kind: "move", by: -ALL }) },
  { keys: ["end"], title: "To the last", run: says({ kind: "move", by: ALL }) },
];
