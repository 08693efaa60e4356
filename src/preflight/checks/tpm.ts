/** Whether a TPM can be had, not only its programs. */
import { type Answer, attempt, type Facts, TPM_LIMIT_MS } from "../facts.ts";
import { err } from "../../core/result.ts";
import type { TpmTrial } from "../tpm_trial.ts";
import { install } from "../remedies.ts";
import { bad, check, pass, skip } from "../types.ts";

const selfTest = check({
  id: "tpm.self_test",
  group: "tpm",
  blocks: ["windows"],
  limitMs: TPM_LIMIT_MS + 25_000,
  title: "a TPM is made and tests itself",
  why:
    "A TPM emulator may be installed and yet fail: no certificate tool, no entropy, a profile that forbids it.",
  judged:
    "FAIL unless swtpm_setup makes a TPM with its certificates in a temporary folder and TPM2_SelfTest answers success.",
  ask: async (facts: Facts): Promise<Answer<TpmTrial> | undefined> => {
    if (!await facts.program("swtpm") || !await facts.program("swtpm_setup")) return undefined;
    const swtpm = await facts.swtpm();
    if (!swtpm.ok) return err(swtpm.error);
    return await attempt(() => facts.port.probes.tpm(swtpm.value, TPM_LIMIT_MS, facts.signal), facts.signal);
  },
  judge(trial, context) {
    if (!trial) return skip("not tried: see host.command.swtpm and host.command.swtpm_setup");
    const remedy = install(["swtpm", "swtpm_setup"], context);
    if (!trial.ok) return bad(trial.error, remedy);
    const { version, responseCode } = trial.value;
    return responseCode === 0
      ? pass(`swtpm ${version} made a TPM 2.0 with certificates, and its self test succeeded`)
      : bad(`the self test of a new TPM answered 0x${responseCode.toString(16)}`, remedy);
  },
});

export const TPM_CHECKS = [selfTest];
