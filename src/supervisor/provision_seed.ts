/** The medium that tells a guest what to become. */
import type { ProvisionRun } from "./provision_run.ts";

export async function makeSeed(_run: ProvisionRun, _signal: AbortSignal): Promise<void> {
}
