/**
 * Everything that is shown, as one value. Only `reduce()` makes another one; views and keys read it. A screen's own part is in
 * its `state.ts`.
 */
import type { GuestFigures } from "../src/actions/live_views.ts";
import type { ActionId } from "../src/actions/table.ts";
import type { GuestView, JobView, ProvisionView, StatusView } from "../src/actions/views.ts";
import type { LoggedEvent } from "../src/audit/log.ts";
import type { Problem } from "../src/core/problem.ts";
import type { Instant } from "../src/core/time.ts";
import type { Message } from "./messages.ts";
import type { Prefs } from "./prefs.ts";
import type { AuditState } from "./screens/audit/state.ts";
import type { GuestsState } from "./screens/guests/state.ts";
import type { PolicyState } from "./screens/policy/state.ts";
import type { PreflightState } from "./screens/preflight/state.ts";
import type { ProvisionState } from "./screens/provision/state.ts";

/** In the order of their keys, 1 to 5. */
export const SCREENS = ["guests", "policy", "preflight", "provision", "audit"] as const;
export type ScreenId = typeof SCREENS[number];

export interface ScreenStates {
  readonly guests: GuestsState;
  readonly policy: PolicyState;
  readonly preflight: PreflightState;
  readonly provision: ProvisionState;
  readonly audit: AuditState;
}

export type Connection =
  | { readonly kind: "connecting"; readonly since: Instant }
  | { readonly kind: "connected"; readonly since: Instant }
  /** Nobody answers; it is tried again and again. What is shown is as old as `since`. */
  | { readonly kind: "lost"; readonly since: Instant; readonly why: string };

/** What lies over the screen, the uppermost last. Only that gets keys. */
export type Overlay =
  | { readonly kind: "help"; readonly scroll: number }
  | { readonly kind: "palette"; readonly text: string; readonly at: number }
  /** A yes or no; `typed`: the word that has to be typed for a yes, where much is at stake. */
  | {
    readonly kind: "confirm";
    readonly title: string;
    readonly lines: readonly string[];
    readonly typed?: { readonly word: string; readonly given: string };
    readonly then: readonly Effect[];
  }
  /** One of several. */
  | {
    readonly kind: "choose";
    readonly title: string;
    readonly at: number;
    readonly choices: readonly {
      readonly label: string;
      /** Why it can't be chosen. */
      readonly disabled?: string;
      readonly then: readonly Effect[];
    }[];
  }
  /** Text to be read: a problem with its reasons, a command line. */
  | {
    readonly kind: "text";
    readonly title: string;
    readonly lines: readonly string[];
    readonly scroll: number;
  }
  | { readonly kind: "jobs"; readonly at: number };

/** A line about what came of something, shown until the next key or for a while. */
export interface Toast {
  readonly id: number;
  readonly tone: "good" | "bad" | "plain";
  readonly text: string;
  readonly at: Instant;
}

/** What the runner is to do; data, so that tests see it and nothing happens by itself. */
export type Effect =
  | { readonly do: "perform"; readonly action: ActionId; readonly params: Readonly<Record<string, unknown>> }
  /** Asks something that only reads; the answer comes as `answered` with the same tag. */
  | {
    readonly do: "ask";
    readonly tag: string;
    readonly action: ActionId;
    readonly params: Readonly<Record<string, unknown>>;
  }
  /** Work of a screen outside the API (reads a file, runs preflight); its runner is in the screen's `effects.ts`. */
  | { readonly do: "screen"; readonly screen: ScreenId; readonly work: unknown }
  | { readonly do: "stop_work"; readonly screen: ScreenId }
  | { readonly do: "message"; readonly message: Message }
  /** Gives the terminal to a guest's serial console until it is left. */
  | { readonly do: "console"; readonly vm: string }
  /** Asks for status and jobs anew; `urgent`: somebody has just done something and waits to see it. */
  | { readonly do: "refresh"; readonly urgent?: true }
  /** Tries at once to reach the supervisor, and starts one where there is none. */
  | { readonly do: "reconnect" }
  | { readonly do: "redraw" }
  | { readonly do: "suspend" }
  | { readonly do: "quit" };

/** Last figures of a guest, the newest last, for sparklines: one a second. */
export interface Series {
  readonly cpu: readonly number[];
  readonly disk: readonly number[];
  readonly net: readonly number[];
}

export interface Model {
  readonly size: { readonly columns: number; readonly rows: number };
  readonly prefs: Prefs;
  readonly root: string;
  /** Of this program; the supervisor's may be another. */
  readonly version: string;
  /** Moves on once a second while something is shown that grows older. */
  readonly now: Instant;
  readonly connection: Connection;
  readonly status: StatusView | undefined;
  readonly guests: readonly GuestView[];
  readonly provisioning: readonly ProvisionView[];
  readonly figures: ReadonlyMap<string, GuestFigures>;
  readonly series: ReadonlyMap<string, Series>;
  /** The newest last, bounded. */
  readonly events: readonly LoggedEvent[];
  readonly jobs: readonly JobView[];
  readonly screen: ScreenId;
  readonly screens: ScreenStates;
  readonly overlays: readonly Overlay[];
  readonly toasts: readonly Toast[];
  readonly nextToast: number;
}

/** The end of something that was asked for. */
export interface Came {
  readonly action: ActionId;
  readonly params: Readonly<Record<string, unknown>>;
  readonly result: { readonly ok: true; readonly value: unknown } | {
    readonly ok: false;
    readonly problem: Problem;
  };
}
