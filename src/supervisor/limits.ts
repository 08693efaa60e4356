/** Limits that the kernel enforces, in the supervisor's life: opened, given, narrowed with the policy, asked after a death. */
import * as z from "zod";
import type { GuestGroup } from "../cgroup/group.ts";
import { GuestGroups } from "../cgroup/groups.ts";
import { systemHost } from "../cgroup/host.ts";
import type { GuestLimits } from "../cgroup/limits.ts";
import { basename } from "../core/file_names.ts";
import { problemOf } from "../core/problem.ts";
import type { HostFacts } from "../host/facts.ts";
import { isNotFound, readTextBounded, writeFileAtomic } from "../ports/files.ts";
import { realPath } from "../ports/paths.ts";
import { envVar } from "../ports/terminal.ts";
import type { Decision } from "../../policy/types.ts";
import type { Layout } from "../../registry/layout.ts";
import type { Guest, GuestRun, Share } from "./guest.ts";
import { inForce, rightsInForce } from "./policy_source.ts";
import { readRunRecord } from "./run_record.ts";
import type { Supervisor } from "./supervisor.ts";

const placesSchema = z.array(z.string().regex(/^\/sys\/fs\/cgroup\/(?!(.*\/)?\.\.(\/|$))/));
const MAX_PLACES_BYTES = 64 * 1024;

/** The groups of a data root on this host. */
export async function openGroups(
  layout: Layout,
  pid: number,
  facts: () => Promise<HostFacts>,
): Promise<GuestGroups> {
  return await GuestGroups.open({
    host: systemHost,
    root: await realPath(layout.root) ?? layout.root,
    cpus: (await facts()).cpus,
    pid,
    bySystemd: envVar("INVOCATION_ID") !== undefined,
  });
}

/** What a guest is started with after the decision: its obligations may have lowered its share of the processors. */
export function granted(
  { share, limits }: { readonly share: Share; readonly limits: GuestLimits },
  decision: Decision,
): { readonly share: Share; readonly limits: GuestLimits } {
  const percents = decision.obligations.flatMap((one) => one.kind === "clamp_cpu" ? [one.toPercent] : []);
  return {
    share: { ...share, cpuPercent: Math.min(share.cpuPercent, ...percents) },
    limits: { ...limits, cpuPercent: Math.min(limits.cpuPercent, ...percents) },
  };
}

/**
 * After recovery: removes groups that belong to no guest that runs. One that could not be looked at may run; folders below
 * `run` say nothing, they may be lost.
 */
export async function sweepGroups(s: Supervisor): Promise<void> {
  const { groups, layout } = s.parts;
  try {
    const kept = [...s.guests.values()].filter((guest) =>
      guest.run || guest.stray || guest.state === "broken"
    );
    const names = new Set(kept.map(({ id }) => basename(layout.runtime(id).folder)));
    const { swept, stuck, used } = await groups.sweep(names, await readPlaces(layout.groupsFile));
    await writeFileAtomic(layout.groupsFile, JSON.stringify(used) + "\n");
    if (swept.length > 0) s.putOnRecord("limits.swept", undefined, { groups: [...swept] });
    for (const why of stuck) s.putOnRecord("limits.failed", undefined, { why });
  } catch (error) {
    s.putOnRecord("limits.failed", undefined, { why: problemOf(error).message });
  }
}

/** Places in cgroupfs of earlier supervisors; none when the file is not there or damaged. */
async function readPlaces(file: string): Promise<readonly string[]> {
  try {
    const parsed = placesSchema.safeParse(JSON.parse(await readTextBounded(file, MAX_PLACES_BYTES)));
    return parsed.success ? parsed.data : [];
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return [];
    throw error;
  }
}

const queues = new WeakMap<Supervisor, Promise<void>>();

/**
 * Brings the kernel's limits in line with the policy in force: what a running guest may use of the processors is lowered, never
 * raised; the sum over all follows the policy.
 */
export function reviewLimits(s: Supervisor): Promise<void> {
  const done = (queues.get(s) ?? Promise.resolve()).then(() => review(s));
  queues.set(s, done);
  return done;
}

async function review(s: Supervisor): Promise<void> {
  const { groups } = s.parts;
  await Promise.all([...s.guests.values()].map((guest) => lowerCpu(s, guest)));
  const total = inForce(s.policy)?.policy.limits.cpu_percent;
  if (total === undefined) return;
  await groups.setTotalCpu(total).catch((error: unknown) => {
    s.putOnRecord("limits.failed", undefined, { why: problemOf(error).message });
  });
}

async function lowerCpu(s: Supervisor, guest: Guest): Promise<void> {
  const { record, run, cpuCap } = guest;
  const allowed = record && rightsInForce(s.policy, record)?.rights.cpuPercent;
  if (!run?.group || allowed === undefined || cpuCap === undefined || allowed >= cpuCap) return;
  try {
    await s.parts.groups.setCpu(run.group, allowed);
  } catch (error) {
    if (guest.run !== run) return; // it ended meanwhile, and its group with it
    s.putOnRecord("limits.failed", guest.id, { why: problemOf(error).message });
    return;
  }
  if (guest.run === run) guest.cpuCap = allowed;
  s.putOnRecord("limits.narrowed", guest.id, { cpu_percent: allowed, from: cpuCap });
}

/** What the operator is told of a guest that the kernel does not hold to all its limits. */
export function limitNotes(s: Supervisor, run: GuestRun): readonly string[] {
  const { mode, missing, why } = s.parts.groups.enforcement;
  if (run.group) {
    return missing.map((one) => `its limit of ${one.controller} is not enforced by the kernel: ${one.why}`);
  }
  return [
    `its limits are not enforced by the kernel: ${mode === "none" ? why : "it was started without any"}`,
  ];
}

/** How a guest's processes came to their end by their limits; undefined when they did not. */
export async function deathByLimit(
  s: Supervisor,
  group: GuestGroup | undefined,
): Promise<string | undefined> {
  if (!group || await s.parts.groups.oomKills(group) === 0) return undefined;
  return `killed by the kernel: over its memory limit of ${group.limits.memoryMib} MiB`;
}

/** The group of a guest that an earlier supervisor started: by its run record, or by its name where that is lost. */
export async function groupLeft(s: Supervisor, guest: Guest): Promise<GuestGroup | undefined> {
  const { folder, record } = s.parts.layout.runtime(guest.id);
  const known = await readRunRecord(record);
  return known?.vm === guest.id ? known.group : await s.parts.groups.find(basename(folder));
}

/** Removes the group of a guest that has ended; what can't be removed is swept by the next supervisor. */
export async function dropGroup(s: Supervisor, guest: Guest, group: GuestGroup | undefined): Promise<void> {
  if (!group) return;
  await s.parts.groups.remove(group).catch((error: unknown) => {
    s.putOnRecord("limits.failed", guest.id, { why: problemOf(error).message });
  });
}
