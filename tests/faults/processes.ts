/** Which processes there are, as the kernel tells it: whose they are by what they were started with, never by their name. */
import { parseEnviron } from "../../src/ports/own_processes.ts";
import { parseProcStat } from "../../src/ports/processes.ts";
import { MARK } from "../../src/supervisor/launch.ts";

export interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
  readonly isZombie: boolean;
  readonly args: readonly string[];
  /** The environment it was started with, where it may be looked at. */
  readonly env: ReadonlyMap<string, string>;
}

/** Every process that this one sees; those that end meanwhile are left out. */
export function allProcesses(): Seen[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) =>
    lookAt(Number(name))
  ).filter((seen) => seen !== undefined);
}

function lookAt(pid: number): Seen | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const known = parseProcStat(stat);
    if (!known || known.state === "X") return undefined;
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const isZombie = known.state === "Z";
    const args = readOr("cmdline", pid).split("\0").slice(0, -1);
    return {
      pid,
      parent,
      startTicks: known.startTicks,
      isZombie,
      args,
      env: parseEnviron(readOr("environ", pid)),
    };
  } catch {
    return undefined;
  }
}

/** Another user's process, and one that is ending, may not be looked into. */
function readOr(file: string, pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return "";
  }
}

/** Who is who among the processes of a data root. */
export interface Cast {
  readonly supervisors: readonly Seen[];
  /** By guest. */
  readonly qemu: ReadonlyMap<string, readonly Seen[]>;
  readonly swtpm: ReadonlyMap<string, readonly Seen[]>;
  /** What a supervisor of this root has started besides. */
  readonly tools: readonly Seen[];
  /** None of these. */
  readonly others: readonly Seen[];
}

/**
 * @param mark what marks the children of this root's supervisors
 * @param root the data root as supervisors are given it
 */
export function castOf(all: readonly Seen[], { mark, root }: { mark: string; root: string }): Cast {
  const supervisors: Seen[] = [], tools: Seen[] = [], others: Seen[] = [];
  const qemu = new Map<string, Seen[]>(), swtpm = new Map<string, Seen[]>();
  const add = (map: Map<string, Seen[]>, vm: string, seen: Seen) => map.set(vm, [...map.get(vm) ?? [], seen]);
  for (const seen of all) {
    const { args, env } = seen;
    const vm = env.get(MARK.vm);
    const role = env.get(MARK.role);
    if (env.get(MARK.root) === mark) {
      if (vm !== undefined && role === "qemu") add(qemu, vm, seen);
      else if (vm !== undefined && role === "swtpm") add(swtpm, vm, seen);
      else tools.push(seen);
    } else if (args.includes("serve") && args.includes("--foreground") && args.includes(root)) {
      supervisors.push(seen);
    } else others.push(seen);
  }
  return { supervisors, qemu, swtpm, tools, others };
}

/** In words, for messages. */
export function textOf({ pid, parent, args, env, isZombie }: Seen): string {
  const marks = [MARK.vm, MARK.role].map((name) => env.get(name)).filter((value) => value !== undefined);
  const what = args.join(" ").slice(0, 120) || "(no command line)";
  return `${pid} of ${parent}${isZombie ? " (zombie)" : ""} [${marks.join(" ")}]: ${what}`;
}
