/**
 * From a wish to effects: what is at stake is asked first. `none` and `low` of the action's risk act at once on one guest;
 * `disruptive` wants a yes, `destructive` the id typed; several guests are listed and always asked about. Pure.
 */
import type { GuestView } from "../../../src/actions/views.ts";
import { type ActionId, actionSpec } from "../../../src/actions/table.ts";
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model, Overlay } from "../../model.ts";
import { own, perform } from "./messages.ts";
import { whyNotOn } from "./possible.ts";

export interface Wish {
  readonly action: ActionId;
  /** Besides the guest's id. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** What it comes to, a sentence; default: the action's own summary. */
  readonly lines?: readonly string[];
  /** Asked about even if little is at stake. */
  readonly sure?: true;
}

/** What a wish about these guests comes to: an action at once, or a question with the action behind it. */
export function ask(model: Model, wish: Wish, targets: readonly GuestView[]): readonly Message[] {
  const possible = targets.filter((guest) => whyNotOn(model, wish.action, guest) === undefined);
  if (possible.length === 0) return [];
  const then = effectsOf(wish, possible);
  const overlay = questionOf(model, wish, targets, possible, then);
  return [overlay ? { type: "open", overlay } : own({ do: "act", effects: then })];
}

function effectsOf({ action, params }: Wish, guests: readonly GuestView[]): readonly Effect[] {
  return guests.map(({ id }) => perform(action, { id, ...params }));
}

function questionOf(
  model: Model,
  wish: Wish,
  targets: readonly GuestView[],
  possible: readonly GuestView[],
  then: readonly Effect[],
): Overlay | undefined {
  const { title, risk, summary } = actionSpec(wish.action);
  const [first] = possible;
  const lines = wish.lines ?? [`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`];
  const verb = title.toLowerCase();
  if (targets.length === 1 && first) {
    if (!wish.sure && (risk === "none" || risk === "low")) return undefined;
    const word = risk === "destructive" ? { word: first.id, given: "" } : undefined;
    return {
      kind: "confirm",
      title: `${title} ${nameOf(first)}?`,
      lines: [...lines, ...presence(first)],
      ...(word ? { typed: word } : {}),
      then,
    };
  }
  const left = targets.filter((guest) => !possible.includes(guest));
  return {
    kind: "confirm",
    title: `${title} ${possible.length} ${possible.length === 1 ? "guest" : "guests"}?`,
    lines: [
      ...lines,
      ...possible.map((guest) => `  ${nameOf(guest)}  ${guest.state}${guest.presented ? ", presented" : ""}`),
      ...(left.length === 0 ? [] : ["Left as they are:"]),
      ...left.map((guest) => `  ${nameOf(guest)}  ${whyNotOn(model, wish.action, guest) ?? ""}`),
    ],
    ...(risk === "destructive" ? { typed: { word: `${verb} ${possible.length}`, given: "" } } : {}),
    then,
  };
}

function presence(guest: GuestView): readonly string[] {
  return [
    ...(guest.presented ? ["It is presented."] : []),
    ...(guest.provision?.state === "running" ? ["It is being provisioned."] : []),
  ];
}

function nameOf({ id, name }: GuestView): string {
  return name === id ? sanitizeLine(id, 64) : `${sanitizeLine(id, 64)} (${sanitizeLine(name, 64)})`;
}

/** What of a deletion goes: the entry alone, or the disks too. Either has to be confirmed by typing. */
export function askDelete(model: Model, targets: readonly GuestView[]): readonly Message[] {
  const which = targets.length === 1 && targets[0] ? nameOf(targets[0]) : `${targets.length} guests`;
  return choice(`Delete ${which}: what of it?`, [
    {
      label: "The entry in the registry; its folder stays",
      then: ask(
        model,
        { action: "vm.delete", lines: ["Takes it out of the registry; its folder stays."] },
        targets,
      ),
    },
    {
      label: "The entry and its folder: disks, UEFI variables, TPM state, logs",
      then: ask(model, {
        action: "vm.delete",
        params: { disks: true },
        lines: [
          "Takes it out of the registry and removes its folder with all its disks. This can't be undone.",
        ],
      }, targets),
    },
  ]);
}

/** How a suspended guest is started: where it stood, or anew, which gives its saved state up. */
export function askStart(model: Model, targets: readonly GuestView[]): readonly Message[] {
  const wish: Wish = { action: "vm.start", params: { wait: "running" } };
  const [guest] = targets;
  if (targets.length !== 1 || guest?.state !== "suspended") return ask(model, wish, targets);
  return choice(`Start ${nameOf(guest)}: from where?`, [
    { label: "Go on where it was suspended", then: ask(model, wish, targets) },
    {
      label: "Boot it anew; its saved state is given up",
      then: ask(model, {
        action: "vm.start",
        params: { wait: "running", cold: true },
        lines: ["Drops the state that was saved when it was suspended, and boots it anew."],
        sure: true,
      }, targets),
    },
  ]);
}

function choice(
  title: string,
  choices: readonly { readonly label: string; readonly then: readonly Message[] }[],
): readonly Message[] {
  const open: Overlay = {
    kind: "choose",
    title,
    at: 0,
    choices: choices.map(({ label, then }) => ({
      label,
      then: then.map((message): Effect => ({ do: "message", message })),
    })),
  };
  return [{ type: "open", overlay: open }];
}
