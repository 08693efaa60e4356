/** What data roots that are gone have left behind. */
import type { Facts } from "../facts.ts";
import type { MarkedProcess } from "../host_port.ts";
import { rootsNamedIn } from "../parse.ts";
import { check, pass, warn } from "../types.ts";

interface Leftovers {
  /** Processes whose data root is not there any more. */
  readonly lost: readonly MarkedProcess[];
  readonly running: number;
  /** Sockets of the given data root whose guest has no process. */
  readonly sockets: readonly string[];
}

const MAX_GUESTS = 64;

export const leftovers = check({
  id: "host.leftovers",
  group: "host",
  blocks: [],
  title: "leftovers",
  why: "Processes of a data root that was removed hold memory and locks, and nobody manages them.",
  judged: "WARN for processes whose data root is gone, and for sockets in the data root that no process has.",
  ask: async (facts: Facts): Promise<Leftovers> => {
    const marked = await facts.port.probes.marked();
    const lost: MarkedProcess[] = [];
    for (const process of marked) {
      const roots = rootsNamedIn(process.commandLine);
      const there = await Promise.all(roots.map((root) => facts.port.stat(root)));
      if (roots.length > 0 && there.every((stat) => stat === undefined)) lost.push(process);
    }
    return { lost, running: marked.length - lost.length, sockets: await deadSockets(facts, marked) };
  },
  judge({ lost, running, sockets }) {
    const found: string[] = [], remedies: string[] = [];
    if (lost.length > 0) {
      const words = lost.map(({ pid, role, vm }) => `${pid} (${role || "process"} of ${vm || "?"})`);
      found.push(`processes whose data root is gone: ${words.join(", ")}`);
      remedies.push(`kill ${lost.map(({ pid }) => pid).join(" ")}`);
    }
    if (sockets.length > 0) {
      found.push(`sockets without a process: ${sockets.join(", ")}`);
      remedies.push("the next supervisor of this data root removes them: rayvisor serve");
    }
    if (found.length > 0) return warn(found.join("; "), remedies.join("; "));
    return pass(running === 0 ? "none" : `none; ${running} processes of guests run`);
  },
});

/** A guest's sockets stand in a folder of its own, named by its id or, for long ids, by its beginning. */
async function deadSockets(facts: Facts, marked: readonly MarkedProcess[]): Promise<string[]> {
  const folder = `${facts.options.root}/run/g`;
  const dead: string[] = [];
  for (const name of (await facts.port.list(folder)).slice(0, MAX_GUESTS)) {
    const short = name.split("~")[0] ?? name;
    const lives = marked.some(({ vm }) => name.includes("~") ? vm.startsWith(short) : vm === name);
    if (lives) continue;
    const sockets = (await facts.port.list(`${folder}/${name}`)).filter((file) => file.endsWith(".sock"));
    dead.push(...sockets.map((file) => `${folder}/${name}/${file}`));
  }
  return dead;
}
