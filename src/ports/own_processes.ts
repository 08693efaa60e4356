/**
 * Processes that this program, or one before it, has started, found by a variable in their environment: a process can't lose it,
 * no other one has it, and it needs no file. Never by name.
 */
import { readKernelFiles } from "./proc_files.ts";
import { ownUid } from "./paths.ts";
import { endProcess, identityOf, type ProcessIdentity, run } from "./processes.ts";

/** Variables by which a supervisor finds what one before it has started; see `markChildren()`. */
export const MARK = { root: "RAYVISOR_ROOT", vm: "RAYVISOR_VM", role: "RAYVISOR_ROLE" } as const;

export interface OwnProcess {
  readonly identity: ProcessIdentity;
  readonly env: ReadonlyMap<string, string>;
}

/**
 * The live processes of this user whose environment has the variable `name` with just this value, the oldest first. Failure
 * `missing` without grep(1): Deno opens no file of procfs with named rights, so grep looks.
 */
export async function processesMarked(name: string, value: string): Promise<OwnProcess[]> {
  // -x -F: the whole of it, as it stands.
  const found = await search(["-x", "-F", "-e", `${name}=${value}`]);
  return found.filter(({ env }) => env.get(name) === value); // a pid may be another one's by now
}

/** As {@link processesMarked}, whatever value the variable has. `name` has letters and underscores only. */
export async function processesThatHave(name: string): Promise<OwnProcess[]> {
  const found = await search(["-e", `^${name}=`]);
  return found.filter(({ env }) => env.has(name));
}

async function search(pattern: readonly string[]): Promise<OwnProcess[]> {
  const files = [...Deno.readDirSync("/proc")].filter((entry) =>
    /^[0-9]+$/.test(entry.name) && isOwn(entry.name)
  )
    .map((entry) => `/proc/${entry.name}/environ`);
  if (files.length === 0) return [];
  // -z: lines end with NUL, as the variables do there. A process that is gone is passed over.
  const { stdout } = await run("grep", { args: ["-lzs", ...pattern, "--", ...files] });
  const found = await Promise.all(
    stdout.split("\n").map((path) => /^\/proc\/([0-9]+)\/environ$/.exec(path)?.[1]).filter((pid) =>
      pid !== undefined
    ).map((pid) => lookAt(Number(pid))),
  );
  return found.filter((one) => one !== undefined)
    .toSorted((a, b) => a.identity.startTicks - b.identity.startTicks);
}

/** Ends the processes that {@link processesMarked} finds, and what they may have started meanwhile, until none is left. */
export async function endMarked(name: string, value: string): Promise<void> {
  while (true) {
    const left = await processesMarked(name, value);
    if (left.length === 0) return;
    await Promise.all(left.map(({ identity }) => endProcess(identity)));
  }
}

function isOwn(pid: string): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).uid === ownUid();
  } catch {
    return false; // it is gone
  }
}

async function lookAt(pid: number): Promise<OwnProcess | undefined> {
  const identity = await identityOf(pid);
  const text = await readKernelFiles(`/proc/${pid}/environ`);
  const still = await identityOf(pid);
  if (!identity || text === undefined || still?.startTicks !== identity.startTicks) return undefined;
  return { identity, env: parseEnviron(text) };
}

/** Text of `/proc/PID/environ`: `name=value`, each ended by NUL. proc(5) */
export function parseEnviron(text: string): Map<string, string> {
  const env = new Map<string, string>();
  for (const part of text.split("\0")) {
    const at = part.indexOf("=");
    if (at > 0) env.set(part.slice(0, at), part.slice(at + 1));
  }
  return env;
}
