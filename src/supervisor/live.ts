/** Live figures of a running guest, of QEMU, its gateway and its agent. A part that fails is named, never invented. */
import type { CardCounters } from "../actions/live_views.ts";
import type { LiveView } from "../actions/views.ts";
import type { JsonObject } from "../core/json.ts";
import { fail } from "../core/problem.ts";
import type { Instant } from "../core/time.ts";
import { MIB } from "../core/units.ts";
import { countersOf, type Plugged } from "./cards.ts";
import type { GuestRun } from "./guest.ts";
import { askBlock, askInside } from "./questions.ts";

/**
 * Asks for everything at once; each part has its own time-out (those of the QMP command table). The agent of a paused guest
 * is not asked: it can't answer, and what is sent to it now would be carried out later.
 */
export async function liveView(
  { run, network }: { readonly run: GuestRun; readonly network: Plugged | undefined },
  paused: boolean,
  now: Instant,
): Promise<LiveView> {
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
  const [status, vcpus, memory, block, cards, tpm, agent] = await Promise.all([
    part("status", async () => (await qmp.execute("query-status")).status),
    part(
      "vcpus",
      async () =>
        (await qmp.execute("query-cpus-fast")).map((cpu) => ({
          index: cpu["cpu-index"],
          thread_id: cpu["thread-id"],
        })),
    ),
    part("memory", () => memoryOf(run, now)),
    part("block", () => askBlock(qmp)),
    part("network", async () => network ? [await askCard(network)] : []),
    part("tpm", async () => (await qmp.execute("query-tpm")).map((tpm) => tpm.model)),
    asksAgent ? part("agent", () => agentOf(run)) : null,
  ]);
  return { status, vcpus, memory, block, network: cards, tpm, agent, unanswered };
}

async function memoryOf({ qmp }: GuestRun, now: Instant): Promise<LiveView["memory"]> {
  const [summary, inside] = await Promise.all([qmp.execute("query-memory-size-summary"), askInside(qmp)]);
  const assigned_mib = Math.round((summary["base-memory"] + (summary["plugged-memory"] ?? 0)) / MIB);
  if (!inside) return { assigned_mib };
  return {
    assigned_mib,
    guest_free_mib: Math.round(inside.availableBytes / MIB),
    guest_total_mib: Math.round(inside.totalBytes / MIB),
    guest_age_s: Math.max(0, Math.round(now / 1000 - inside.saidAt)),
  };
}

async function askCard({ card, gateway }: Plugged): Promise<CardCounters> {
  const figures = await gateway.figures() ?? fail("outcome_unknown", "the gateway does not answer");
  return countersOf(card, figures);
}

async function agentOf(run: GuestRun): Promise<JsonObject> {
  return await run.agent.describe();
}
