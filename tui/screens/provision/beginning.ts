/** From answers to a run: the password, what is said before it begins, and the yes that it takes. */
import { Secret } from "../../../src/core/secret.ts";
import { type Answers, readAnswers } from "../../../src/provision/answers.ts";
import { fileOf } from "../../../src/provision/wizard.ts";
import { passwordFault } from "../../../src/unattended/password_fault.ts";
import { exactTextOf, type Key } from "../../key.ts";
import type { Message } from "../../messages.ts";
import type { Effect } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { type HostLook, type Making, type Mode, own, type ProvisionState, work } from "./state.ts";

type Review = Extract<Mode, { readonly kind: "review" }>;
type Password = Extract<Mode, { readonly kind: "password" }>;

/** The answers as a whole, or in words what is wrong with them. */
export function wholeOf({ wizard }: Making): Answers | string {
  const read = readAnswers(fileOf(wizard.draft));
  return read.ok ? read.value : read.error[0]?.message ?? "the answers are no whole";
}

/** Why nothing can be begun with these answers now; undefined: it can. */
export function obstacleOf({ making, host }: Review): string | undefined {
  const whole = wholeOf(making);
  if (typeof whole === "string") return whole;
  if (making.looking) return "policy and media are being asked";
  return making.refusals[0] ?? (host.kind === "looking" ? "this host is being looked at" : undefined);
}

/** `b` in the review: asks for the password where one is to be asked for, else for the yes. */
export function begin(state: ProvisionState, mode: Review): Next<ProvisionState> {
  const whole = wholeOf(mode.making);
  if (typeof whole === "string" || obstacleOf(mode) !== undefined) return { state };
  if (whole.user.password.from !== "prompt") {
    return { state, messages: [beginDialog(mode.making, mode.host)] };
  }
  const { making, host } = mode;
  return { state: { ...state, mode: { kind: "password", making, host, typed: new Secret("") } } };
}

/** What is typed of a password: never text in the model. */
export function typePassword(mode: Password, key: Key): Password {
  const { wrong: _wrong, ...rest } = mode;
  const before = mode.typed.reveal();
  const more = exactTextOf(key);
  if (more !== undefined) return { ...rest, typed: new Secret(before + more.replace(/[\r\n]+$/, "")) };
  const name = "name" in key ? key.name : "";
  if (name === "backspace") return { ...rest, typed: new Secret([...before].slice(0, -1).join("")) };
  return name === "ctrl-u" ? { ...rest, typed: new Secret("") } : mode;
}

/** Enter at the password: once more, or the yes. It is in the dialog alone then, and gone with it. */
export function takePassword(state: ProvisionState, mode: Password): Next<ProvisionState> {
  const text = mode.typed.reveal();
  const { first, making, host } = mode;
  const again = (wrong: string) => ({
    state: { ...state, mode: { kind: "password", making, host, typed: new Secret(""), wrong } } as const,
  });
  const fault = passwordFault(text);
  if (fault !== undefined) return again(`it ${fault}`);
  if (!first) {
    return {
      state: { ...state, mode: { kind: "password", making, host, typed: new Secret(""), first: mode.typed } },
    };
  }
  if (first.reveal() !== text) return again("that was another one: type it twice");
  return {
    state: { ...state, mode: { kind: "review", making, at: 0, host } },
    messages: [beginDialog(making, host, first)],
  };
}

/** What is said before anything begins. Where this host lacks what such a guest needs, the id has to be typed. */
function beginDialog(making: Making, host: HostLook, password?: Secret): Message {
  const { id, wizard: { draft } } = making;
  const blocking = host.kind === "looked" ? host.faults.filter((one) => one.blocking) : [];
  const looked = host.kind === "looked"
    ? blocking.map(({ check_id, details }) => `preflight FAIL ${check_id}: ${details}`)
    : [host.kind === "looking" ? "This host has not been looked at to its end." : host.problem.message];
  return {
    type: "open",
    overlay: {
      kind: "confirm",
      title: `Provision ${id}?`,
      lines: [
        "Media, disk and registry entry are made, and the guest installs itself unattended.",
        "It can be called off, gone on with, and undone.",
        ...looked,
      ],
      ...(blocking.length > 0 ? { typed: { word: id, given: "" } } : {}),
      then: [
        { do: "message", message: own({ kind: "beginning" }) },
        work({ kind: "begin", id, draft, ...(password ? { password } : {}) }),
      ],
    },
  };
}

/** A file that is there is written over only when the guest's id was typed. */
export function overwriteDialog(id: string, path: string): Message {
  return {
    type: "open",
    overlay: {
      kind: "confirm",
      title: "Write over a file?",
      lines: [`${path} is there already and would be overwritten.`],
      typed: { word: id, given: "" },
      then: [{ do: "message", message: own({ kind: "write", path, over: true }) }],
    },
  };
}

const perform = (
  action: "provision.begin" | "provision.cancel",
  params: Record<string, unknown>,
): Effect => ({
  ...{ do: "perform", action, params },
});

function confirm(title: string, lines: readonly string[], then: readonly Effect[], word?: string): Message {
  const typed = word === undefined ? {} : { typed: { word, given: "" } };
  return { type: "open", overlay: { kind: "confirm", title, lines, ...typed, then } };
}

/** An interrupted or failed run goes on where it was. */
export function goOnDialog(id: string): Message {
  return confirm(`Go on with ${id}?`, ["It goes on where it was; what is made already is not made again."], [
    { do: "message", message: own({ kind: "open", vm: id }) },
    perform("provision.begin", { id, wait: false }),
  ]);
}

export function cancelDialog(id: string): Message {
  return confirm(`Call the provisioning of ${id} off?`, [
    "Its guest is ended at once. What it has made stays: it can be gone on with, or undone.",
  ], [perform("provision.cancel", { id })]);
}

export function undoDialog(id: string): Message {
  return confirm(
    `Undo the provisioning of ${id}?`,
    [
      "It is called off, and all that it has made is taken away: disk, media, registry entry, TPM state.",
      "That can't be taken back.",
    ],
    [perform("provision.cancel", { id, undo: true })],
    id,
  );
}

export const LEAVE_DIALOG: Message = confirm("Leave the wizard?", [
  "What was answered is forgotten. Nothing was done.",
], [{ do: "message", message: own({ kind: "leave" }) }]);
