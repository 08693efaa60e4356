/**
 * Somebody who reads the screen, in the random walks: keys that answer what is asked, or that answer it wrongly. Chance alone
 * types no word and fills in no wizard.
 */
import { named } from "../../tui/key.ts";
import type { Message } from "../../tui/messages.ts";
import type { Model, Overlay } from "../../tui/model.ts";
import { choicesOf, questionOf } from "../../tui/screens/provision/asking.ts";
import type { Mode } from "../../tui/screens/provision/state.ts";

const press = (name: string): Message => ({ type: "key", key: named(name) });
const paste = (text: string): Message => ({ type: "key", key: { text } });

/** Keys that answer what the screen asks; none where it asks nothing. Not `right`: a no, or almost the word. */
export function replyTo(model: Model, right: boolean): readonly Message[] {
  const top = model.overlays.at(-1);
  if (top?.kind === "palette") {
    const command = right ? "stop supervisor" : `kill ${model.guests[0]?.id ?? ""}`;
    return [press("ctrl-u"), paste(command), press("enter")];
  }
  if (top !== undefined) return top.kind === "confirm" ? toQuestion(top, right) : [];
  const { provision, policy } = model.screens;
  if (model.screen === "provision") return toWizard(provision.mode, right);
  if (model.screen !== "policy" || policy.typing === undefined) return [];
  return [press("ctrl-u"), paste(right ? "/tmp/x.toml" : ""), press("enter")];
}

function toQuestion({ typed }: Extract<Overlay, { kind: "confirm" }>, right: boolean): readonly Message[] {
  if (typed === undefined) return [press(right ? "y" : "n")];
  return [press("ctrl-u"), paste(right ? typed.word : typed.word.slice(0, -1)), press("enter")];
}

/** What has no default, by question. */
const SAID: Readonly<Record<string, string>> = { "disk.image": "/img/debian.qcow2", "user.name": "op" };

function toWizard(mode: Mode, right: boolean): readonly Message[] {
  switch (mode.kind) {
    case "id":
      return [press("ctrl-u"), paste(right ? "new-1" : "No id"), press("enter")];
    case "ask": {
      const question = questionOf(mode.making);
      if (question === undefined) return [];
      // Linux: its questions can all be answered without a medium.
      if (question.id === "guest.type") return [press("down"), press("enter")];
      if (choicesOf(mode, question).length > 0) return [press("enter")];
      return [press("ctrl-u"), paste(right ? SAID[question.id] ?? "" : "\x1b[31mno"), press("enter")];
    }
    case "review":
      return [press("b")];
    case "password":
      return [press("ctrl-u"), paste(right ? "correct horse" : "other"), press("enter")];
    default:
      return [];
  }
}
