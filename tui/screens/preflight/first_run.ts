/**
 * A first run: a data root that is not there is made after a yes, and one without guests leads to this screen. Both are asked
 * once in a run of the program: who says no, or goes elsewhere, is left alone.
 */
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { Next } from "../../screen.ts";
import { own, type PreflightMessage, type PreflightState, work } from "./state.ts";

export function firstRun(state: PreflightState, message: Message, model: Model): Next<PreflightState> {
  switch (message.type) {
    case "lost":
      return state.root === "unknown"
        ? { state: { ...state, root: "asked" }, effects: [work({ kind: "look_root" })] }
        : { state };
    case "connected":
      return { state: { ...state, root: "there" } };
    case "status": {
      const { guests, provisioning } = message.status;
      if (state.first !== "unknown") return { state };
      const empty = guests.length === 0 && provisioning.length === 0 && model.screen === "guests";
      return {
        state: { ...state, first: empty ? "yes" : "no" },
        messages: empty ? [{ type: "show", screen: "preflight" }] : [],
      };
    }
    case "screen":
      // Handed on by this screen's reducer, which knows what is in it.
      return root(state, message.message as PreflightMessage, model);
    default:
      return { state };
  }
}

function root(state: PreflightState, message: PreflightMessage, model: Model): Next<PreflightState> {
  switch (message.kind) {
    case "root":
      if (message.found === "there" || model.connection.kind === "connected") {
        return { state: { ...state, root: "there" } };
      }
      return {
        state: { ...state, root: "missing" },
        ...(model.prefs.readOnly ? {} : { messages: [askToMake(model.root)] }),
      };
    case "make_root":
      if (state.root !== "missing" || model.prefs.readOnly) return { state };
      return { state: { ...state, root: "making" }, effects: [work({ kind: "make_root" })] };
    case "root_made":
      if (!message.problem) return { state: made(state), effects: [{ do: "reconnect" }] };
      return {
        state: { ...state, root: "missing" },
        messages: [{
          type: "open",
          overlay: {
            kind: "text",
            title: "The data root could not be made",
            lines: [message.problem.message, ...message.problem.hint ? [message.problem.hint] : []],
            scroll: 0,
          },
        }],
      };
    default:
      return { state };
  }
}

/** The policy of a new root allows Linux guests alone: whether this host is ready for those is looked at first. */
function made(state: PreflightState): PreflightState {
  return { ...state, root: "there", profile: state.run.kind === "never" ? "linux" : state.profile };
}

function askToMake(path: string): Message {
  return {
    type: "open",
    overlay: {
      kind: "confirm",
      title: "Make a data root?",
      lines: [
        `There is no data root at ${path}.`,
        "It gets folders, a commented policy that allows Linux guests without a network, and an empty registry.",
        "Nothing that is there is changed.",
      ],
      then: [{ do: "message", message: own({ kind: "make_root" }) }],
    },
  };
}
