/** Size of this host: processors and memory, from procfs (proc(5)). */
import { fail } from "../core/problem.ts";
import { readKernelFiles } from "../ports/proc_files.ts";

export interface HostFacts {
  /** Processors that this process may use. */
  readonly cpus: number;
  readonly memoryMib: number;
  /** What can be had without swapping, by the kernel's own estimate. */
  readonly availableMib: number;
}

/** `MemTotal` and `MemAvailable` of /proc/meminfo in MiB, rounded down; undefined when either isn't there. */
export function parseMeminfo(text: string): { totalMib: number; availableMib: number } | undefined {
  const kib = (key: string) => {
    const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
    return match ? Number(match[1]) : undefined;
  };
  const total = kib("MemTotal"), available = kib("MemAvailable");
  if (total === undefined || available === undefined) return undefined;
  return { totalMib: Math.floor(total / 1024), availableMib: Math.floor(available / 1024) };
}

/** How many processors `Cpus_allowed_list` of /proc/self/status names (`0-3,8`); undefined without the line. */
export function parseAllowedCpus(status: string): number | undefined {
  const list = /^Cpus_allowed_list:\s+([\d,-]+)$/m.exec(status)?.[1];
  if (list === undefined) return undefined;
  let count = 0;
  for (const range of list.split(",")) {
    const [first = NaN, last = first] = range.split("-").map(Number);
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || last < first) return undefined;
    count += last - first + 1;
  }
  return count;
}

/** Reads this host. Failure `io` when procfs says something else than proc(5). */
export async function readHostFacts(): Promise<HostFacts> {
  const [meminfo, status] = await Promise.all([
    readKernelFiles("/proc/meminfo"),
    readKernelFiles("/proc/self/status"), // of the reader, which has inherited our processors
  ]);
  const memory = parseMeminfo(meminfo ?? ""), cpus = parseAllowedCpus(status ?? "");
  if (!memory || cpus === undefined) fail("io", "/proc/meminfo or /proc/self/status can't be understood");
  return { cpus, memoryMib: memory.totalMib, availableMib: memory.availableMib };
}
