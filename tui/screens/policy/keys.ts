/** Keys of the screen `policy`. */
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model, Overlay } from "../../model.ts";
import type { KeyRow } from "../../screen.ts";
import { paramsOf, POLICY_ACTIONS, profilesOf } from "./asking.ts";
import { takenTexts } from "./difference_lines.ts";
import { lineOfRow } from "./moving.ts";
import { rightRows } from "./right_words.ts";
import { fileOf, type Panel, type PolicyMessage, toPolicy, valueOf } from "./state.ts";

const tell = (message: PolicyMessage) => (): readonly Message[] => [toPolicy(message)];

/** Rows of the file or panel that fit on a screen. */
function page({ size }: Model): number {
  return Math.max(1, size.rows - 8);
}

function panelKey(key: string, panel: Panel, title: string): KeyRow {
  return { keys: [key], title, run: tell({ kind: "panel", panel }) };
}

/** Those of the panels stand above them: the footer has room for others. */
export const KEYS: readonly KeyRow[] = [
  panelKey("r", "rights", "Rights"),
  panelKey("w", "what_if", "What if"),
  panelKey("p", "problems", "Problems"),
  panelKey("d", "difference", "Comparison"),
  { keys: ["f"], title: "File", run: tell({ kind: "focus" }) },
  { keys: ["up", "k"], title: "Row before", run: tell({ kind: "move", by: -1 }) },
  { keys: ["down", "j"], title: "Next row", run: tell({ kind: "move", by: 1 }) },
  { keys: ["page-up"], title: "Page up", run: (model) => [toPolicy({ kind: "move", by: -page(model) })] },
  { keys: ["page-down"], title: "Page down", run: (model) => [toPolicy({ kind: "move", by: page(model) })] },
  { keys: ["home"], title: "First row", run: tell({ kind: "move", by: "first" }) },
  { keys: ["end"], title: "Last row", run: tell({ kind: "move", by: "last" }) },
  {
    keys: ["right", "l"],
    title: "Next guest, in the what-if next value",
    run: tell({ kind: "turn", by: 1 }),
  },
  {
    keys: ["left", "h"],
    title: "Guest before, in the what-if value before",
    run: tell({ kind: "turn", by: -1 }),
  },
  { keys: ["enter"], title: "Choose, or show in full", footer: true, typing: "Compare", run: entered },
  { keys: ["esc"], title: "Leave the field of a path", typing: "Leave", run: () => [] },
  {
    keys: ["g"],
    title: "Choose a guest",
    footer: true,
    disabled: ({ guests }) => guests.length === 0 ? "there is no guest" : undefined,
    run: (model) => [{ type: "open", overlay: chooseGuest(model) }],
  },
  { keys: ["a"], title: "Compare a file", footer: true, run: tell({ kind: "edit" }) },
  {
    keys: ["A"],
    title: "Put it in force",
    footer: true,
    changes: true,
    disabled: whyNotApply,
    run: (model) => {
      const overlay = confirmApply(model);
      return overlay ? [{ type: "open", overlay }] : [];
    },
  },
];

/** What enter comes to, by where the cursor is. */
function entered(model: Model): readonly Message[] {
  const state = model.screens.policy;
  if (state.focus === "file") {
    return [textOverlay(`line ${state.line}`, [fileOf(state)?.lines[state.line - 1] ?? ""])];
  }
  switch (state.panel) {
    case "rights":
      return rightInFull(model);
    case "what_if":
      return [{ type: "open", overlay: chooseValue(model) }];
    case "problems":
      return lineOfRow(state) === undefined ? [] : [toPolicy({ kind: "focus" })];
    case "difference":
      return [];
  }
}

function rightInFull({ screens }: Model): readonly Message[] {
  const state = screens.policy;
  const rights = valueOf(state.rights);
  const one = rights ? rightRows(rights)[state.at.rights] : undefined;
  if (!one) return [];
  const text = one.line === undefined ? [] : [fileOf(state)?.lines[one.line - 1] ?? ""];
  return [textOverlay(one.label, [one.value, one.where, ...text])];
}

function textOverlay(title: string, lines: readonly string[]): Message {
  return { type: "open", overlay: { kind: "text", title, lines, scroll: 0 } };
}

type Choose = Extract<Overlay, { kind: "choose" }>;

function choose<T extends string>(
  title: string,
  all: readonly T[],
  now: T | undefined,
  message: (one: T) => PolicyMessage,
): Choose {
  return {
    kind: "choose",
    title,
    at: Math.max(0, now === undefined ? 0 : all.indexOf(now)),
    choices: all.map((one) => ({
      label: sanitizeLine(one, 64),
      then: [{ do: "message", message: toPolicy(message(one)) } satisfies Effect],
    })),
  };
}

function chooseGuest({ guests, screens }: Model): Choose {
  const ids: readonly string[] = guests.map(({ id }) => id);
  return choose("Guest", ids, screens.policy.vm, (vm) => ({ kind: "guest", vm }));
}

function chooseValue(model: Model): Choose {
  const state = model.screens.policy;
  const { field, action, profile } = state.whatIf;
  if (field === "guest") return chooseGuest(model);
  return field === "action"
    ? choose("Action", POLICY_ACTIONS, action, (one) => ({ kind: "action", action: one }))
    : choose("Network profile", profilesOf(state), profile, (one) => ({ kind: "profile", profile: one }));
}

/** Why the other file can't be put in force now; undefined: it can. */
export function whyNotApply({ screens }: Model): string | undefined {
  const { candidate } = screens.policy;
  if (candidate === undefined) return "compare with another file first";
  if (candidate.kind === "applied") return "it is in force";
  if (candidate.kind === "bad") return "it can't become the policy";
  const check = candidate.kind === "checked" ? candidate.check : undefined;
  if (check?.kind === "failed") return check.why;
  return check?.kind === "known" ? undefined : "the difference is not known yet";
}

/** The question before a policy is put in force, with what it would take away. Where it stops a guest, a word has to be typed. */
export function confirmApply({ screens }: Model): Overlay | undefined {
  const { candidate } = screens.policy;
  if (candidate?.kind !== "checked" || candidate.check.kind !== "known") return undefined;
  const view = candidate.check.value;
  const { guests, keys } = view.difference;
  const taken = takenTexts(view);
  const stops = view.consequences.some(({ steps }) => steps.some(({ kind }) => kind === "stop"));
  const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
  return {
    kind: "confirm",
    title: "Put this policy in force?",
    lines: [
      sanitizeLine(candidate.file.path, 300),
      `It changes the rights of ${count(guests.length, "guest", "guests")} and ${
        count(keys.length, "key", "keys")
      } of the host.`,
      ...(taken.length === 0 ? ["Nothing is taken from guests that run."] : ["Taken from guests that run:"]),
      ...taken.map((text) => `  ${text}`),
    ],
    ...(stops ? { typed: { word: "apply", given: "" } } : {}),
    then: [{ do: "perform", action: "policy.apply", params: paramsOf(candidate) }],
  };
}
