/** Which layers an action passes through. An action that is not in this table is denied (`no_rule`). */
import type { Layer } from "./rules.ts";
import type { PolicyAction } from "./types.ts";

/** What safe mode does with an action (contract, section 4). */
export type InSafeMode =
  /** Takes away or ends something: goes on working. */
  | "allow"
  /** Starts or widens something: refused. */
  | "deny"
  /** Refused for a running guest; for a stopped one it goes on working, within the last good policy where there is one. */
  | "stopped_only"
  /** Goes on for what already runs, under the last good policy; refused without one. */
  | "last_good";

export interface ActionRule {
  readonly layers: readonly Layer[];
  readonly safe: InSafeMode;
  /** Instead of `safe` for what recovery asks: it undoes what the host did to a guest that ran. */
  readonly safeRecovery?: InSafeMode;
  /** Whether it only takes something away: then no layer can forbid it to an operator. */
  readonly narrows: boolean;
  /** One sentence for the reason of an allowed action. */
  readonly why: string;
}

const narrowing = (why: string): ActionRule => ({ layers: [], safe: "allow", narrows: true, why });
const passing = (safe: InSafeMode, ...layers: readonly Layer[]): ActionRule => ({
  layers,
  safe,
  narrows: false,
  why: "every layer that applies lets it pass",
});

export const ACTIONS: Readonly<Record<PolicyAction, ActionRule>> = {
  "vm.define": passing("deny", "kind", "profile", "storage", "devices", "caps", "network"),
  "vm.delete": passing("deny"),
  "vm.start": passing(
    "deny",
    "kind",
    "profile",
    "trigger",
    "storage",
    "devices",
    "caps",
    "totals",
    "network",
  ),
  "vm.argv": passing("deny", "kind", "profile", "storage", "devices", "caps", "network"),
  "vm.stop": narrowing("stopping only takes away"),
  "vm.kill": narrowing("killing only takes away"),
  "vm.pause": narrowing("pausing only takes away"),
  "vm.resume": { ...passing("deny", "kind", "profile"), safeRecovery: "last_good" },
  "vm.reset": passing("deny", "kind", "profile", "lifecycle"),
  "vm.suspend": passing("deny", "kind", "profile", "snapshot"),
  "vm.present": passing("deny", "kind", "profile", "presentation"),
  "vm.hide": narrowing("hiding only takes away"),
  "vm.input": passing("last_good", "kind", "profile", "presentation"),
  "vm.view": passing("deny", "kind", "profile", "presentation"),
  "vm.console": passing("deny", "kind", "profile", "presentation"),
  "vm.exec": passing("deny", "kind", "profile", "agent"),
  "agent.call": passing("last_good", "kind", "profile", "agent"),
  "net.set": passing("deny", "kind", "profile", "network"),
  "snapshot.create": passing("stopped_only", "kind", "profile", "trigger", "snapshot"),
  "snapshot.revert": passing("stopped_only", "kind", "profile", "snapshot"),
  "snapshot.delete": passing("stopped_only", "snapshot"),
  "provision.begin": passing("deny", "kind", "profile"),
  "policy.apply": narrowing("a policy is judged when it is loaded"),
};

/** The rule of an action, by its own name alone. */
export function actionRule(action: string): ActionRule | undefined {
  return isPolicyAction(action) ? ACTIONS[action] : undefined;
}

/** Whether a text names an action that policy decides about. */
export function isPolicyAction(text: string): text is PolicyAction {
  return Object.hasOwn(ACTIONS, text);
}
