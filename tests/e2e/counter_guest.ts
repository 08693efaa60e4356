/** A guest `g` that counts on its serial console, for tests of what must not be lost. */
import assert from "node:assert/strict";
import { ApiClient } from "../../src/api/client.ts";
import { type GuestFolder, layoutOf, type SavedState } from "../../registry/layout.ts";
import { counterSector, readCounter } from "../guest/counter_sector.ts";
import { defineSmall, type Rig } from "./rig.ts";

export const folderOf = (rig: Rig): GuestFolder => layoutOf(rig.root).guest("linux", "g");
export const stateOf = (rig: Rig): SavedState => folderOf(rig).state;
export const diskOf = (rig: Rig): string => `${rig.root}/vm/linux/g/disk.raw`;

/** Defines it, with 64 MiB of memory. */
export async function defineCounter(rig: Rig, more: Record<string, unknown> = {}): Promise<void> {
  await defineSmall(rig, "g", more);
  using disk = await Deno.open(diskOf(rig), { write: true });
  await disk.write(counterSector());
}

/** Waits until the guest has counted on from what it says first; gives the last count. */
export async function countsOn(rig: Rig): Promise<number> {
  const client = new ApiClient(layoutOf(rig.root).socket);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 120_000);
  let text = "", first: number | undefined;
  try {
    for await (const piece of await client.serial("g", limit.signal)) {
      text += piece;
      const last = readCounter(text).counts.at(-1);
      if (last === undefined) continue;
      first ??= last;
      if (last >= first + 2) return last;
    }
  } finally {
    clearTimeout(timer);
    limit.abort();
    client.close();
  }
  return assert.fail(`the guest counts no more; all it said:\n${text}`);
}

/** All that the guest has ever said. */
export async function saidBy(rig: Rig): Promise<ReturnType<typeof readCounter>> {
  return readCounter(await Deno.readTextFile(folderOf(rig).serialLog));
}

/** The guest was booted so many times, and never lost a count. */
export async function neverLostCount(rig: Rig, boots: number): Promise<void> {
  const { boots: seen, counts } = await saidBy(rig);
  assert.equal(seen, boots);
  const wrong = counts.findIndex((count, i) => count !== (counts[i - 1] ?? count - 1) + 1);
  assert.equal(wrong, -1, `count ${counts[wrong]} follows ${counts[wrong - 1]}`);
}

/** Names in a folder, sorted; none when it is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}

/** Pids of every QEMU of this data root. */
export async function qemusOf(rig: Rig): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes("qemu-system") && line.includes(`${rig.root}/`)) found.push(Number(name));
  }
  return found;
}
