/** What QEMU is asked for the figures of its guest. Each rejects with a QmpFailure when QEMU does not answer. */
import type { QmpClient } from "../qmp/client.ts";
import { qmpErrorOf } from "../qmp/errors.ts";
import { QEMU_IDS } from "../qemu/plan_types.ts";
import * as z from "zod";
import type { BlockCounters, InsideMemory } from "./figures.ts";

/** Seconds between the balloon's figures of the guest's memory: each wakes the guest. */
export const MEMORY_EVERY_S = { idle: 30, followed: 2 } as const;

const BALLOON = `/machine/peripheral/${QEMU_IDS.balloon}`;

/** Shape of the balloon's `guest-stats`; values that the guest never sent are 2^64-1. QEMU docs/interop/virtio-balloon-stats */
const balloonStats = z.object({
  stats: z.object({ "stat-available-memory": z.number(), "stat-total-memory": z.number() }),
  "last-update": z.number(),
});
const NEVER_SENT = 2 ** 60;

/** Numbers of the threads that are vCPUs. */
export async function askThreads(qmp: QmpClient): Promise<number[]> {
  return (await qmp.execute("query-cpus-fast")).map((cpu) => cpu["thread-id"]);
}

export async function askBlock(qmp: QmpClient): Promise<BlockCounters[]> {
  return (await qmp.execute("query-blockstats")).flatMap((device) => {
    const node = device["node-name"] ?? device.qdev ?? device.device;
    if (!node) return [];
    return [{
      node,
      read_bytes: device.stats.rd_bytes,
      written_bytes: device.stats.wr_bytes,
      read_ops: device.stats.rd_operations,
      write_ops: device.stats.wr_operations,
    }];
  });
}

/** What the guest's balloon driver last said; null when the guest has none. */
export async function askInside(qmp: QmpClient): Promise<InsideMemory | null> {
  let said: unknown;
  try {
    said = await qmp.execute("qom-get", { path: BALLOON, property: "guest-stats" });
  } catch (error) {
    if (qmpErrorOf(error)?.kind === "error") return null; // a machine without PCI has no balloon
    throw error;
  }
  const parsed = balloonStats.safeParse(said);
  if (!parsed.success || parsed.data["last-update"] === 0) return null;
  const { stats, "last-update": saidAt } = parsed.data;
  if (stats["stat-total-memory"] > NEVER_SENT) return null;
  return { totalBytes: stats["stat-total-memory"], availableBytes: stats["stat-available-memory"], saidAt };
}

/** Lets the guest tell its memory figures every so often; a guest without a balloon does not. Never rejects. */
export async function setMemoryEvery(qmp: QmpClient, seconds: number): Promise<void> {
  await qmp.execute("qom-set", { path: BALLOON, property: "guest-stats-polling-interval", value: seconds })
    .catch(() => {});
}
