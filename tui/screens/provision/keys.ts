/** The keys of the screen `provision`. */
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { KeyRow } from "../../screen.ts";
import { cancelDialog, goOnDialog, LEAVE_DIALOG, obstacleOf, undoDialog } from "./beginning.ts";
import { chosenRun, type Mode, own, type ProvisionMessage } from "./state.ts";

const PAGE = 10;

const modeOf = ({ screens }: Model): Mode => screens.provision.mode;
const says = (message: ProvisionMessage) => (): readonly Message[] => [own(message)];

/** Why there is nothing for a key of these modes; undefined: there is. */
const onlyIn = (kinds: readonly Mode["kind"][], why: string) => (model: Model) =>
  kinds.includes(modeOf(model).kind) ? undefined : why;

const inReview = onlyIn(["review"], "first all questions are answered");
const NO_RUN = "no run is selected";

const aboutRun = (dialog: (id: string) => Message) => (model: Model): readonly Message[] => {
  const run = chosenRun(model);
  return run ? [dialog(run.vm)] : [];
};

/** What cannot be: Enter takes an answer, opens a run, changes an answer. */
function nothingToTake(model: Model): string | undefined {
  const mode = modeOf(model);
  if (mode.kind === "plan" || mode.kind === "run") return "there is nothing to choose here";
  if (mode.kind !== "runs" || !model.prefs.readOnly) return undefined;
  return chosenRun(model) ? undefined : NO_RUN;
}

export const KEYS: readonly KeyRow[] = [
  {
    keys: ["enter"],
    title: "Take",
    footer: true,
    typing: "Take",
    disabled: nothingToTake,
    run: says({ kind: "take" }),
  },
  {
    keys: ["esc"],
    title: "Back",
    footer: true,
    typing: "Back",
    disabled: (model) => modeOf(model).kind === "runs" ? "this is the first page" : undefined,
    run: says({ kind: "back" }),
  },
  {
    keys: ["n"],
    title: "New guest",
    footer: true,
    changes: true,
    disabled: onlyIn(["runs", "run"], "a new guest is being asked for already"),
    run: says({ kind: "new" }),
  },
  {
    keys: ["b"],
    title: "Begin",
    footer: true,
    changes: true,
    disabled: (model) => {
      const mode = modeOf(model);
      return mode.kind === "review" ? obstacleOf(mode) : inReview(model);
    },
    run: says({ kind: "begin" }),
  },
  {
    keys: ["d"],
    title: "Dry run: all that would be done",
    footer: true,
    disabled: inReview,
    run: says({ kind: "plan" }),
  },
  {
    keys: ["s"],
    title: "Save answers",
    footer: true,
    changes: true,
    disabled: inReview,
    run: says({ kind: "save" }),
  },
  {
    keys: ["g"],
    title: "Go on",
    footer: true,
    changes: true,
    disabled: (model) => {
      const run = chosenRun(model);
      return run === undefined ? NO_RUN : run.state === "running" ? "it is under way" : undefined;
    },
    run: aboutRun(goOnDialog),
  },
  {
    keys: ["x"],
    title: "Cancel",
    footer: true,
    changes: true,
    disabled: (model) => {
      const run = chosenRun(model);
      return run === undefined ? NO_RUN : run.state === "running" ? undefined : `it is ${run.state} already`;
    },
    run: aboutRun(cancelDialog),
  },
  {
    keys: ["u"],
    title: "Undo",
    footer: true,
    changes: true,
    disabled: (model) => chosenRun(model) ? undefined : NO_RUN,
    run: aboutRun(undoDialog),
  },
  {
    keys: ["ctrl-x"],
    title: "Leave the wizard",
    typing: "Leave the wizard",
    disabled: onlyIn(["id", "ask", "review", "plan", "save", "password"], "no new guest is being asked for"),
    run: () => [LEAVE_DIALOG],
  },
  { keys: ["down"], title: "Down", run: says({ kind: "move", by: 1 }) },
  { keys: ["up"], title: "Up", run: says({ kind: "move", by: -1 }) },
  { keys: ["page-down"], title: "A page down", run: says({ kind: "move", by: PAGE }) },
  { keys: ["page-up"], title: "A page up", run: says({ kind: "move", by: -PAGE }) },
];
