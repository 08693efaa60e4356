/** The screen's own messages: what its keys come to. */
import type { ActionId } from "../../../src/actions/table.ts";
import type { Effect } from "../../model.ts";
import type { Message } from "../../messages.ts";

export type GuestsMessage =
  /** Moves the cursor by so many rows. */
  | { readonly do: "move"; readonly by: number }
  | { readonly do: "select"; readonly vm: string }
  | { readonly do: "scroll"; readonly by: number }
  | { readonly do: "filter" }
  | { readonly do: "sort" }
  | { readonly do: "turn" }
  | { readonly do: "group" }
  | { readonly do: "mark" }
  | { readonly do: "mark_all" }
  | { readonly do: "details"; readonly open: boolean }
  | { readonly do: "events" }
  | { readonly do: "back" }
  /** Effects at once: nothing is at stake, or it was asked before. */
  | { readonly do: "act"; readonly effects: readonly Effect[] }
  /** Asks which network profiles there are for a guest, then lets one be chosen. */
  | { readonly do: "network"; readonly vm: string }
  | { readonly do: "show_text"; readonly vm: string; readonly what: "argv" };

const DOES: ReadonlySet<string> = new Set<GuestsMessage["do"]>([
  "move",
  "select",
  "scroll",
  "filter",
  "sort",
  "turn",
  "group",
  "mark",
  "mark_all",
  "details",
  "events",
  "back",
  "act",
  "network",
  "show_text",
]);

/** The message for the shell that carries one of ours. */
export function own(message: GuestsMessage): Message {
  return { type: "screen", screen: "guests", message };
}

/** What {@link own} has packed: nobody else makes messages for this screen. */
export function ownOf(message: unknown): GuestsMessage | undefined {
  return typeof message === "object" && message !== null && "do" in message &&
      typeof message.do === "string" && DOES.has(message.do)
    ? message as GuestsMessage
    : undefined;
}

export function perform(action: ActionId, params: Readonly<Record<string, unknown>>): Effect {
  return { do: "perform", action, params };
}
