/** Live figures of a running guest, read over QMP and the guest agent. A part that fails is named, never invented. */
import type { LiveView } from "../actions/views.ts";
import type { JsonObject } from "../core/json.ts";
import { MIB } from "../core/units.ts";
import { QEMU_IDS } from "../qemu/plan_types.ts";
import type { GuestRun } from "./guest.ts";
import * as z from "zod";

/** Shape of the balloon's `guest-stats`; values that the guest never sent are 2^64-1. QEMU docs/interop/virtio-balloon-stats */
const balloonStats = z.object({
  stats: z.object({ "stat-available-memory": z.number(), "stat-total-memory": z.number() }),
  "last-update": z.number(),
});

/**
 * Asks for everything at once; each part has its own time-out (those of the QMP command table). The agent of a paused guest
 * is not asked: it can't answer, and what is sent to it now would be carried out later.
 */
export async function liveView(run: GuestRun, paused: boolean): Promise<LiveView> {
  const unanswered: string[] = [];
  const asksAgent = run.agent.answers && !paused;
  if (run.agent.answers && paused) unanswered.push("agent");
  const part = async <T>(name: string, ask: () => Promise<T>): Promise<T | null> => {
    try {
      return await ask();
    } catch {
      unanswered.push(name);
      return null;
    }
  };
  const { qmp } = run;
  const [status, vcpus, memory, block, tpm, agent] = await Promise.all([
    part("status", async () => (await qmp.execute("query-status")).status),
    part(
      "vcpus",
      async () =>
        (await qmp.execute("query-cpus-fast")).map((cpu) => ({
          index: cpu["cpu-index"],
          thread_id: cpu["thread-id"],
        })),
    ),
    part("memory", () => memoryOf(run)),
    part("block", () => blockOf(run)),
    part("tpm", async () => (await qmp.execute("query-tpm")).map((tpm) => tpm.model)),
    asksAgent ? part("agent", () => agentOf(run)) : null,
  ]);
  return { status, vcpus, memory, block, tpm, agent, unanswered };
}

async function memoryOf(run: GuestRun): Promise<LiveView["memory"]> {
  const summary = await run.qmp.execute("query-memory-size-summary");
  const assigned_mib = Math.round((summary["base-memory"] + (summary["plugged-memory"] ?? 0)) / MIB);
  const inside = balloonStats.safeParse(
    await run.qmp.execute("qom-get", {
      path: `/machine/peripheral/${QEMU_IDS.balloon}`,
      property: "guest-stats",
    })
      .catch(() => undefined),
  );
  if (!inside.success || inside.data["last-update"] === 0) return { assigned_mib };
  const { stats } = inside.data;
  const mib = (bytes: number) => Math.round(bytes / MIB);
  if (stats["stat-total-memory"] > 2 ** 60) return { assigned_mib };
  return {
    assigned_mib,
    guest_free_mib: mib(stats["stat-available-memory"]),
    guest_total_mib: mib(stats["stat-total-memory"]),
  };
}

async function blockOf(run: GuestRun): Promise<LiveView["block"]> {
  const stats = await run.qmp.execute("query-blockstats");
  return stats.flatMap((device) => {
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

async function agentOf(run: GuestRun): Promise<JsonObject> {
  return await run.agent.describe();
}
