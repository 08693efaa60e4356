/** Where the benchmarks work: a folder of their own with data roots, run by the compiled program. */
import { BINARY } from "../e2e/rig.ts";

/** Large enough for what is measured, and without anything that would refuse it. */
const POLICY = `version = 0
[limits]
cpu_percent = 100
mem_mib = 2048
max_running = 8
[linux]
enabled = true
[linux.limits]
cpus = 1
mem_mib = 256
`;

export interface Place {
  /** Folder that is gone afterwards, with everything in it. */
  readonly folder: string;
  readonly binary: string;
  /** Environment of everything that is measured: temporary files (the runtime's code cache) stay in the folder. */
  readonly env: Readonly<Record<string, string>>;
}

export async function withPlace<T>(use: (place: Place) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "rv-bench-" });
  const env = { PATH: Deno.env.get("PATH") ?? "", HOME: folder, TMPDIR: folder, NO_COLOR: "1" };
  try {
    return await use({ folder, binary: BINARY, env });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a program to its end; throws with its words when it fails. Gives its standard output. */
export async function output(place: Place, program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { ...place.env },
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${code}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** Milliseconds from starting a program to its end; throws when it fails. */
export async function timed(place: Place, program: string, args: readonly string[]): Promise<number> {
  const began = performance.now();
  const { code } = await new Deno.Command(program, {
    args: [...args],
    env: { ...place.env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  const took = performance.now() - began;
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${code}`);
  return took;
}

/** A data root whose supervisor runs, for as long as `use` takes. Guests and supervisor are ended afterwards. */
export async function withSupervisor<T>(
  place: Place,
  name: string,
  use: (root: Root) => Promise<T>,
): Promise<T> {
  const path = `${place.folder}/${name}`;
  const run = async (...args: string[]): Promise<unknown> =>
    JSON.parse(await output(place, place.binary, ["--root", path, "--json", ...args]));
  await run("init");
  await Deno.writeTextFile(`${path}/policy/rayos-policy.toml`, POLICY, { mode: 0o600 });
  const { pid } = await run("serve") as { pid: number };
  try {
    return await use({ path, pid, socket: `${path}/run/rayvisor.sock`, run });
  } finally {
    const guests = await run("vm", "list") as { id: string; pid: number | null }[];
    for (const guest of guests) if (guest.pid !== null) await run("vm", "kill", guest.id);
    await run("serve", "--stop");
    while (await Deno.stat(`/proc/${pid}`).then(() => true, () => false)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

export interface Root {
  readonly path: string;
  /** Of the supervisor. */
  readonly pid: number;
  readonly socket: string;
  /** Runs a command with `--json` and gives its document. */
  readonly run: (...args: string[]) => Promise<unknown>;
}
