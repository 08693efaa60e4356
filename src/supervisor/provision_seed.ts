/** The medium that tells a guest what to become. */
import { fail } from "../core/problem.ts";
import { buildSeed } from "../unattended/build_seed.ts";
import type { Seed } from "../unattended/files.ts";
import { hashPassword } from "../unattended/password.ts";
import { linuxSeed, windowsSeed } from "../unattended/seed.ts";
import type { ProvisionRun } from "./provision_run.ts";

/** Builds it anew; what was there is replaced. */
export async function makeSeed(run: ProvisionRun, signal: AbortSignal): Promise<void> {
  await buildSeed(await seedOf(run, signal), run.files.seed, { signal });
}

async function seedOf({ answers, vm, state }: ProvisionRun, signal: AbortSignal): Promise<Seed> {
  if (answers.type === "windows") {
    return windowsSeed(answers, { id: vm, password: passwordOf(state.password) });
  }
  const { password } = answers.user;
  const passwordHash = password.from === "hash"
    ? password.hash
    : password.from === "nowhere"
    ? undefined
    : await hashPassword(passwordOf(state.password), signal);
  return linuxSeed(answers, {
    id: vm,
    instanceId: state.run,
    ...(passwordHash === undefined ? {} : { passwordHash }),
  });
}

function passwordOf(kept: string | null): string {
  return kept ?? fail("internal", "the run has no password to put on its medium");
}
