/** The escalation of an orderly stop: pure. */

export type StopStep =
  /** `guest-shutdown` through the guest agent. */
  | { readonly step: "agent"; readonly waitMs: number }
  /** The power button: QMP `system_powerdown`. */
  | { readonly step: "acpi"; readonly waitMs: number }
  /** QMP `quit`: QEMU flushes its images and ends; the guest is not asked. */
  | { readonly step: "quit"; readonly waitMs: number }
  /** SIGKILL. */
  | { readonly step: "kill"; readonly waitMs: number };

/** Time for the steps that don't depend on the guest. */
const HOST_STEP_MS = 5_000;

/**
 * Steps in order with the time that each has. The grace is for the guest: half for the agent and half for ACPI where
 * both can be tried, all of it for the one that can. A paused guest can do neither.
 */
export function stopPlan(
  guest: { readonly graceMs: number; readonly agentAnswers: boolean; readonly paused: boolean },
): readonly StopStep[] {
  const host: StopStep[] = [{ step: "quit", waitMs: HOST_STEP_MS }, { step: "kill", waitMs: HOST_STEP_MS }];
  if (guest.paused || guest.graceMs <= 0) return host;
  if (!guest.agentAnswers) return [{ step: "acpi", waitMs: guest.graceMs }, ...host];
  return [{ step: "agent", waitMs: guest.graceMs / 2 }, { step: "acpi", waitMs: guest.graceMs / 2 }, ...host];
}
