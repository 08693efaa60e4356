/** The end of a run: every guest can still be started and stopped, and nothing is left when the supervisor has ended. */
import { exists } from "../../src/ports/files.ts";
import { groupsOf, listeningSockets, namesIn } from "./facts.ts";
import { checkImages } from "./images.ts";
import { textOf } from "./processes.ts";
import type { Run } from "./round.ts";
import { settle } from "./settle.ts";
import { until } from "./tools.ts";

/** What must not be; nothing when all is well. */
export async function finish(run: Run): Promise<string[]> {
  const { world, trail, known } = run;
  const found: string[] = [];
  const say = async (...args: string[]) => {
    const { code, text } = await world.command("--json", ...args);
    if (code !== 0) found.push(`${args.join(" ")} ends with ${code}: ${text.trim()}`);
  };
  for (const { id, state } of run.before) {
    if (state === "running" || state === "paused") await say("vm", "stop", id, "--grace", "1");
    await say("vm", "start", id);
    await say("vm", "stop", id, "--grace", "1");
    run.killed.add(id);
  }
  for (const { id, kind, tpm } of world.guests) {
    const state = `${world.layout.guest(kind, id).folder}/tpm/tpm2-00.permall`;
    if (tpm && !await exists(state)) found.push(`${id} has no TPM state at ${state}`);
  }
  const settled = await settle(world, trail, known);
  found.push(...settled.findings, ...(await checkImages(world, settled.guests, run.killed)).findings);
  world.endedByUs.add(settled.supervisor);
  await say("serve", "--stop");
  await until("the supervisor has ended", () => world.cast().supervisors.length === 0);
  const { qemu, swtpm, tools } = world.cast();
  const left = [...qemu.values(), ...swtpm.values(), tools].flat();
  found.push(...left.map((seen) => `left at the end: ${textOf(seen)}`));
  found.push(...namesIn(`${world.layout.runFolder}/g`).map((name) => `left at the end: run/g/${name}`));
  found.push(...groupsOf(world.place.root).map((group) => `left at the end: ${group}`));
  found.push(...listeningSockets(world.place.root).map((path) => `somebody still listens on ${path}`));
  return [...found, ...world.diedByThemselves];
}
