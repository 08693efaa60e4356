/** What can happen, as data. */
import type { LiveSample } from "../src/actions/live_views.ts";
import type { JobView, StatusView } from "../src/actions/views.ts";
import type { LoggedEvent } from "../src/audit/log.ts";
import type { Problem } from "../src/core/problem.ts";
import type { Instant } from "../src/core/time.ts";
import type { Key } from "./key.ts";
import type { Came, Effect, Overlay, ScreenId, Toast } from "./model.ts";

export type Message =
  | { readonly type: "key"; readonly key: Key }
  | { readonly type: "resized"; readonly columns: number; readonly rows: number }
  | { readonly type: "tick"; readonly now: Instant }
  | { readonly type: "connected"; readonly now: Instant }
  | { readonly type: "lost"; readonly now: Instant; readonly why: string }
  | { readonly type: "status"; readonly status: StatusView }
  | { readonly type: "live"; readonly sample: LiveSample }
  | { readonly type: "event"; readonly event: LoggedEvent }
  | { readonly type: "jobs"; readonly jobs: readonly JobView[] }
  | ({ readonly type: "came"; readonly now: Instant } & Came)
  | {
    readonly type: "answered";
    readonly tag: string;
    readonly result: { readonly ok: true; readonly value: unknown } | {
      readonly ok: false;
      readonly problem: Problem;
    };
  }
  | { readonly type: "show"; readonly screen: ScreenId }
  | { readonly type: "open"; readonly overlay: Overlay }
  | { readonly type: "close" }
  /** To be done; what changes something disruptive is asked first. */
  | { readonly type: "do"; readonly effects: readonly Effect[] }
  | { readonly type: "toast"; readonly tone: Toast["tone"]; readonly text: string }
  /** A screen's own; only its `state.ts` knows what is in it. */
  | { readonly type: "screen"; readonly screen: ScreenId; readonly message: unknown };
