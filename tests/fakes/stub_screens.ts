/** Screens that show next to nothing, so that tests of the shell stand apart from what the real ones show. */
import type { Message } from "../../tui/messages.ts";
import type { Effect, Model, ScreenId } from "../../tui/model.ts";
import type { KeyRow } from "../../tui/screen.ts";
import { ALL_SCREENS, type AllScreens } from "../../tui/screens/all.ts";

export interface Stub {
  readonly keys?: readonly KeyRow[];
  readonly typing?: () => boolean;
  /** What comes of a message of its own, of keys and of data. */
  readonly take?: (message: Message, model: Model) => {
    readonly effects?: readonly Effect[];
    readonly messages?: readonly Message[];
  };
}

/** `guests` as told, the others empty. */
export function stubScreens(guests: Stub = {}): AllScreens {
  const stub = <K extends ScreenId>(id: K, { keys = [], typing, take }: Stub = {}) => ({
    id,
    title: ALL_SCREENS[id].title,
    init: ALL_SCREENS[id].init,
    keys,
    ...(typing ? { typing } : {}),
    reduce: (state: AllScreens[K]["init"], message: Message, model: Model) => ({
      state,
      ...take?.(message, model),
    }),
    view: () => [["body"]],
  });
  return {
    guests: stub("guests", guests),
    policy: stub("policy"),
    preflight: stub("preflight"),
    provision: stub("provision"),
    audit: stub("audit"),
  };
}
