/**
 * Where the faults happen: namespaces of their own for mounts and processes. What is mounted there nobody else sees, what is left
 * over there is seen by name or not, and all of it is gone with the first process, however that ends.
 */
import { removeGroups } from "./facts.ts";
import { type FaultKind, FAULTS } from "./plan.ts";

/** Set in the process that runs in the namespaces: the name of its data root. */
const INSIDE = "RAYVISOR_FAULTS_INSIDE";

/** Mount point of everything; every system has it (FHS 3.0, section 3.12). */
const BASE = "/mnt";

/** Room of the data root and of its run folder, MiB: enough for every guest to be suspended. */
const ROOT_MIB = 384;
const RUN_MIB = 1;

export interface Place {
  readonly binary: string;
  /** The data root. */
  readonly root: string;
  /** Home of who runs commands, and whatever else the suite itself writes. */
  readonly home: string;
  /** Where a data root is kept whose faults were not survived. */
  readonly keep: string;
  /** In namespaces of its own: file systems may be filled, and every process is one of ours. */
  readonly isOwn: boolean;
  /** Folders of temporary files that must be empty afterwards. */
  readonly temporary: readonly string[];
  /** libfaketime, where it is installed and may be used. */
  readonly fakeTime: string | undefined;
  readonly able: readonly FaultKind[];
  /** What can't be brought about here, and why. */
  readonly lacks: readonly string[];
  leave(): Promise<void>;
}

const DIST = new URL("../../dist", import.meta.url).pathname;

/** The command line that starts this program once more in namespaces; undefined, with the reason, where there can be none. */
export async function namespaces(): Promise<{ readonly args: readonly string[] } | string> {
  const own = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
  const asUser = Deno.uid() === 0 ? [] : ["--user", "--map-root-user"];
  const unshare = ["unshare", ...asUser, ...own, "--"];
  // sh is the first process there: it reaps what has lost its parent, and does nothing else.
  const args = [...unshare, "sh", "-c", '"$@"; exit $?', "sh"];
  const probe = await output([...args, "sh", "-c", `mount -t tmpfs tmpfs ${BASE}`]);
  return probe.code === 0 ? { args } : probe.text.trim() || `unshare ended with ${probe.code}`;
}

/**
 * Runs this program in namespaces and gives its exit code. All of it ends with this process: by its standard input it knows.
 * Control groups are everybody's and do not go with the namespaces: what is left of them is removed here.
 */
export async function enter(
  args: readonly string[],
  script: string,
  more: readonly string[],
): Promise<number> {
  const [program = "", ...rest] = [
    ...args,
    Deno.execPath(),
    ...["run", "--allow-all", "--no-check", "--lock=deno.lock", "--frozen", script, ...Deno.args, ...more],
  ];
  // No two runs have the same root: groups are named by it.
  const name = crypto.randomUUID().slice(0, 8);
  const child = new Deno.Command(program, { args: rest, env: { [INSIDE]: name }, stdin: "piped" }).spawn();
  const wait = () => {}; // the child has the signal too, and what it leaves is still to be removed
  Deno.addSignalListener("SIGINT", wait);
  const { code } = await child.status;
  Deno.removeSignalListener("SIGINT", wait);
  removeGroups(rootOf(name));
  return code;
}

export function isInside(): boolean {
  return Deno.env.get(INSIDE) !== undefined;
}

/** Ends this process when the one that has started it does. */
export async function endWithStarter(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
  Deno.exit(1);
}

function rootOf(name: string): string {
  return `${BASE}/r${name}`;
}

/** File systems of this process's own namespace: the data root and its run folder, small, and temporary files, empty. */
export async function makeOwnPlace(): Promise<Place> {
  const root = rootOf(Deno.env.get(INSIDE) ?? "");
  const home = `${BASE}/home`;
  await mount("-t", "tmpfs", "-o", "size=8m,mode=0755", "tmpfs", BASE);
  for (const folder of ["dist", "home"]) await Deno.mkdir(`${BASE}/${folder}`);
  await mount("--bind", DIST, `${BASE}/dist`);
  await Deno.mkdir(root);
  await mount("-t", "tmpfs", "-o", `size=${ROOT_MIB}m,mode=0700`, "tmpfs", root);
  await Deno.mkdir(`${root}/run`);
  await mount("-t", "tmpfs", "-o", `size=${RUN_MIB}m,mode=0700`, "tmpfs", `${root}/run`);
  await Deno.chdir(BASE); // the source tree may be about to be hidden
  // What is in /dev/shm is libfaketime's, which leaves it there when it is killed.
  for (const folder of ["/tmp", "/dev/shm"]) await mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", folder);
  const fakeTime = await findFakeTime();
  const lacks = fakeTime === undefined ? ["clock_jump: faketime is not installed"] : [];
  return {
    binary: `${BASE}/dist/rayvisor`,
    root,
    home,
    keep: `${BASE}/dist/faults`,
    isOwn: true,
    temporary: ["/tmp"],
    fakeTime,
    able: FAULTS.filter((kind) => kind !== "clock_jump" || fakeTime !== undefined),
    lacks,
    leave: () => Promise.resolve(), // all of it goes with the namespaces
  };
}

/** Where there can be no namespaces: no file system can be filled, and only marked processes are known. */
export async function makeSharedPlace(why: string): Promise<Place> {
  const folder = await Deno.makeTempDir({ prefix: "rv-faults-" });
  await Deno.mkdir(`${folder}/home`);
  await Deno.mkdir(`${folder}/r`, { mode: 0o700 });
  const unable: readonly FaultKind[] = ["fill_root", "fill_run", "restart_full", "clock_jump"];
  return {
    binary: `${DIST}/rayvisor`,
    root: `${folder}/r`,
    home: `${folder}/home`,
    keep: `${DIST}/faults`,
    isOwn: false,
    temporary: [],
    fakeTime: undefined,
    able: FAULTS.filter((kind) => !unable.includes(kind)),
    lacks: unable.map((kind) => `${kind}: no namespaces here (${why})`),
    leave: () => Deno.remove(folder, { recursive: true }),
  };
}

async function mount(...args: string[]): Promise<void> {
  const { code, text } = await output(["mount", ...args]);
  if (code !== 0) throw new Error(`mount ${args.join(" ")}: ${text}`);
}

/** The library by which faketime(1) works: what it lets its children load. */
async function findFakeTime(): Promise<string | undefined> {
  const { code, text } = await output(["faketime", "-f", "+0", "sh", "-c", 'printf %s "$LD_PRELOAD"']);
  return code === 0 && text.startsWith("/") ? text.split(":")[0] : undefined;
}

async function output([program = "", ...args]: readonly string[]): Promise<{ code: number; text: string }> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
      .output();
    const text = new TextDecoder();
    return { code, text: text.decode(stdout) + text.decode(stderr) };
  } catch (error) {
    return { code: -1, text: String(error) };
  }
}
