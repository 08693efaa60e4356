/** Memory of the supervisor: idle after its start, with one guest running, with five. */
import { type Place, withSupervisor } from "./place.ts";
import { summarize, type Summary } from "./stats.ts";
import { smallRecord } from "../e2e/rig.ts";

export const LOADS = ["idle", "1 guest", "5 guests"] as const;
export type Load = typeof LOADS[number];
const GUESTS: Readonly<Record<Load, number>> = { "idle": 0, "1 guest": 1, "5 guests": 5 };

/** In MiB. `pss` counts pages that are shared with other processes by their share; null where the kernel does not say. */
export interface Memory {
  readonly rss: Summary;
  readonly pss: Summary | null;
}

/** Each round with a fresh supervisor. */
export async function benchMemory(place: Place, rounds: number): Promise<Record<Load, Memory>> {
  const seen = LOADS.map(() => ({ rss: [] as number[], pss: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    await withSupervisor(place, `memory${round}`, async (root) => {
      let running = 0;
      for (const [i, load] of LOADS.entries()) {
        while (running < GUESTS[load]) {
          const id = `m${++running}`;
          await Deno.mkdir(`${root.path}/vm/linux/${id}`, { recursive: true });
          await Deno.writeFile(`${root.path}/vm/linux/${id}/disk.raw`, new Uint8Array(1024 * 1024));
          await Deno.writeTextFile(`${root.path}/${id}.json`, JSON.stringify(smallRecord(id)));
          await root.run("vm", "define", `${root.path}/${id}.json`);
          await root.run("vm", "start", id);
        }
        const { rss, pss } = parseMemory(await memoryFile(root.pid));
        seen[i]?.rss.push(rss);
        if (pss !== null) seen[i]?.pss.push(pss);
      }
    });
  }
  const [idle, one, five] = seen.map(({ rss, pss }): Memory => ({
    rss: summarize(rss),
    pss: pss.length > 0 ? summarize(pss) : null,
  }));
  if (!idle || !one || !five) throw new RangeError("memory wants at least one round");
  return { "idle": idle, "1 guest": one, "5 guests": five };
}

async function memoryFile(pid: number): Promise<string> {
  return await Deno.readTextFile(`/proc/${pid}/smaps_rollup`)
    .catch(() => Deno.readTextFile(`/proc/${pid}/status`));
}

/** Figures of `/proc/PID/smaps_rollup` (Rss, Pss) or of `/proc/PID/status` (VmRSS), in MiB. proc(5) */
export function parseMemory(text: string): { readonly rss: number; readonly pss: number | null } {
  const kib = (name: string) => {
    const figure = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return figure === undefined ? undefined : Number(figure) / 1024;
  };
  const rss = kib("Rss") ?? kib("VmRSS");
  if (rss === undefined) throw new Error("the kernel does not say how much memory the process has");
  return { rss, pss: kib("Pss") ?? null };
}
