/** A guest's group as data: where it lies, what it is held to, and the kernel's files for both. Pure. cgroups(7) */
import * as z from "zod";
import { MIB } from "../core/units.ts";
import { type GuestLimits, PERIOD_US } from "./limits.ts";
import type { Tree } from "./own_groups.ts";

const folder = z.string().regex(
  /^\/sys\/fs\/cgroup\/(?!(.*\/)?\.\.(\/|$))(.*\/)?rayvisor-[0-9a-f]{8}\/[^/]+$/,
);

/** Shape of a group in a run record: the next supervisor finds it by this. Only folders of this program's own are taken. */
export const groupSchema = z.strictObject({
  mode: z.enum(["v1", "v2"]),
  /** In version 2 all are the same folder; in version 1 a tree that is not used is absent. */
  folders: z.strictObject({
    memory: folder.optional(),
    cpu: folder.optional(),
    pids: folder.optional(),
    cpuacct: folder.optional(),
  }),
  limits: z.strictObject({ memoryMib: z.int(), cpuPercent: z.number(), pids: z.int() }),
});

/** One guest's group. */
export interface GuestGroup {
  readonly mode: "v1" | "v2";
  readonly folders: { readonly [T in Tree]?: string | undefined };
  readonly limits: GuestLimits;
}

/** The folders of a group, each once. */
export function foldersOf({ folders }: Pick<GuestGroup, "folders">): readonly string[] {
  return [...new Set(Object.values(folders).filter((path) => path !== undefined))];
}

/** One text that is written into several files. */
export interface FileWrite {
  readonly text: string;
  readonly files: readonly string[];
}

/** What makes memory and pids limits true; `swap`: the kernel counts swap too, which then is not to be had besides. */
export function limitWrites({ mode, folders, limits }: GuestGroup, swap: boolean): readonly FileWrite[] {
  const bytes = String(limits.memoryMib * MIB);
  const { memory, pids } = folders;
  const writes: FileWrite[] = [];
  if (memory !== undefined && mode === "v1") {
    // In this order: the second, the sum of memory and swap, may never be the smaller one.
    const both = swap ? [`${memory}/memory.memsw.limit_in_bytes`] : [];
    writes.push({ text: bytes, files: [`${memory}/memory.limit_in_bytes`, ...both] });
  }
  if (memory !== undefined && mode === "v2") {
    writes.push({ text: bytes, files: [`${memory}/memory.max`] });
    if (swap) writes.push({ text: "0", files: [`${memory}/memory.swap.max`] });
  }
  if (pids !== undefined) writes.push({ text: String(limits.pids), files: [`${pids}/pids.max`] });
  return writes;
}

/** The name of the file whose presence shows that swap is counted. */
export function swapFile(mode: "v1" | "v2"): string {
  return mode === "v1" ? "memory.memsw.limit_in_bytes" : "memory.swap.max";
}

/** What limits processor time to `quota` microseconds in each period; undefined: no limit. */
export function cpuWrite(mode: "v1" | "v2", cpu: string, quota: number | undefined): FileWrite {
  return mode === "v1"
    ? { text: String(quota ?? -1), files: [`${cpu}/cpu.cfs_quota_us`] } // the period is the kernel's own, PERIOD_US
    : { text: `${quota ?? "max"} ${PERIOD_US}`, files: [`${cpu}/cpu.max`] };
}

/** What a group's processes use at the moment, all together. Absent: nothing counts it here. */
export interface Usage {
  readonly memoryBytes?: number;
  /** Processor time since the group was made, microseconds. */
  readonly cpuUs?: number;
  readonly pids?: number;
}

/** The files that {@link parseUsage} reads, in its order. */
export function usageFiles({ mode, folders }: GuestGroup): readonly string[] {
  const { memory, pids, cpu, cpuacct } = folders;
  const first = mode === "v1" ? "memory.usage_in_bytes" : "memory.current";
  const time = mode === "v1"
    ? (cpuacct === undefined ? undefined : `${cpuacct}/cpuacct.usage`)
    : `${cpu ?? memory ?? pids}/cpu.stat`; // one folder, whatever it is used for
  return [
    ...(memory === undefined ? [] : [`${memory}/${first}`]),
    ...(pids === undefined ? [] : [`${pids}/pids.current`]),
    ...(time === undefined ? [] : [time]),
  ];
}

/**
 * The figures of several groups from the texts of all their files, one after the other; undefined when they are not what the
 * kernel writes. A figure alone is one line; `cpu.stat` of version 2 is many lines of name and figure.
 */
export function parseUsage(groups: readonly GuestGroup[], text: string): Usage[] | undefined {
  const lines = text.split("\n").filter((line) => line !== "");
  let at = 0;
  const figure = (): number | undefined => /^\d+$/.test(lines[at] ?? "") ? Number(lines[at++]) : undefined;
  const usages: Usage[] = [];
  for (const { mode, folders } of groups) {
    const memoryBytes = folders.memory === undefined ? undefined : figure();
    const pids = folders.pids === undefined ? undefined : figure();
    let cpuUs: number | undefined;
    if (mode === "v1" && folders.cpuacct !== undefined) {
      const ns = figure();
      cpuUs = ns === undefined ? undefined : Math.floor(ns / 1000);
    }
    for (; mode === "v2" && / /.test(lines[at] ?? ""); at++) {
      const [, us] = /^usage_usec (\d+)$/.exec(lines[at] ?? "") ?? [];
      if (us !== undefined) cpuUs = Number(us);
    }
    const complete = (folders.memory === undefined) === (memoryBytes === undefined) &&
      (folders.pids === undefined) === (pids === undefined) &&
      (mode === "v1" && folders.cpuacct === undefined) === (cpuUs === undefined);
    if (!complete) return undefined;
    usages.push({
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(cpuUs === undefined ? {} : { cpuUs }),
      ...(pids === undefined ? {} : { pids }),
    });
  }
  return at === lines.length ? usages : undefined;
}

/** The file that counts processes killed for the group's memory. */
export function oomFile({ mode, folders }: GuestGroup): string | undefined {
  const { memory } = folders;
  return memory && `${memory}/${mode === "v1" ? "memory.oom_control" : "memory.events"}`;
}

/** The count in that file: the line `oom_kill N` of both versions. */
export function parseOomKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** Pids in a text of `cgroup.procs`. */
export function parseProcs(text: string): number[] {
  return text.split("\n").filter((line) => /^[1-9]\d*$/.test(line)).map(Number);
}
