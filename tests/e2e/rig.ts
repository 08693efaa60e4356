/** Runs the compiled program as a user would, on a data root of its own that is gone afterwards. */
import assert from "node:assert/strict";
import { ApiClient } from "../../src/api/client.ts";
import { sanitizeText } from "../../src/core/sanitize.ts";
import { sha256Hex } from "../../src/audit/log.ts";
import { processesMarked } from "../../src/ports/own_processes.ts";
import { endProcess, isLive, parseProcStat } from "../../src/ports/processes.ts";
import { MARK } from "../../src/supervisor/launch.ts";
import { layoutOf } from "../../registry/layout.ts";

export const BINARY = new URL("../../dist/rayvisor", import.meta.url).pathname;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON document on standard output. */
  // deno-lint-ignore no-explicit-any -- tests look into answers of many shapes
  readonly json: () => any;
}

export interface Rig {
  readonly root: string;
  /** How commands are run; may be changed on the way. A supervisor keeps what it was started with. */
  readonly how: RunHow;
  /** Runs `rayvisor --root ROOT ...args`. */
  run(...args: string[]): Promise<Ran>;
  /** As `run`, and the command must succeed; with `--json`, and gives the document. */
  // deno-lint-ignore no-explicit-any -- as above
  ok(...args: string[]): Promise<any>;
  /** As `run` with `--json`; the command must fail with this exit code; gives the `error` member. */
  // deno-lint-ignore no-explicit-any -- as above
  fails(code: number, ...args: string[]): Promise<any>;
  write(path: string, text: string): Promise<void>;
}

/** The surroundings of a command. */
export interface RunHow {
  /** Search path; default that of the tests. */
  path?: string;
  /** Program with its arguments that runs the command line that follows. */
  wrap?: readonly string[];
  /** More of the environment. */
  env?: Readonly<Record<string, string>>;
}

/** The policy of most end-to-end tests: small guests of both kinds, no network. */
export const POLICY = `version = 0
[limits]
cpu_percent = 100
mem_mib = 1024
max_running = 3
[linux]
enabled = true
[linux.limits]
cpus = 2
mem_mib = 512
[linux.devices]
input = true
[windows]
enabled = true
[windows.limits]
cpus = 2
mem_mib = 512
[windows.devices]
vtpm = true
[profiles.small-windows]
kind = "windows"
present = true
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 50
secure_boot = "required"
tpm = "required"
allow_below_minimum = true
guest_agent = ["ping", "shutdown"]
`;

/** A small Linux record: BIOS, one small empty disk, nothing that boots. */
export function smallRecord(id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id,
    name: id,
    type: "linux",
    state: "stopped",
    storage: { disks: { root: `vm/linux/${id}/disk.raw` } },
    devices: { vcpu: 1, memory_mb: 64, network: { enabled: false } },
    policy_profile: "default-linux",
    ...more,
  };
}

/** Starts the program and leaves it running. */
export function start(args: readonly string[], how: RunHow = {}): Deno.ChildProcess {
  const [program = BINARY, ...rest] = [...how.wrap ?? [], BINARY, ...args];
  return new Deno.Command(program, {
    args: rest,
    env: { PATH: how.path ?? Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "/root", ...how.env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

export async function exec(args: readonly string[], how: RunHow = {}): Promise<Ran> {
  const { code, stdout, stderr } = await start(args, how).output();
  const text = new TextDecoder();
  const out = text.decode(stdout);
  return { code, stdout: out, stderr: text.decode(stderr), json: () => JSON.parse(out) };
}

/**
 * What the host was found to be able to do, kept by the first test for the others: a KVM that does not work costs a second
 * in each new data root.
 */
let hostAnswers: string | undefined;
const CAPABILITIES = "run/capabilities.json";

/** Gives `use` a fresh data root; afterwards guests and supervisor are ended and the root is removed. */
export async function withRoot(
  use: (rig: Rig) => Promise<void>,
  policy: string | null = POLICY,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "rv-" });
  const how: RunHow = {};
  const run = (...args: string[]) => exec(["--root", root, ...args], how);
  const rig: Rig = {
    root,
    how,
    run,
    async ok(...args) {
      const ran = await run("--json", ...args);
      assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
      return ran.json();
    },
    async fails(code, ...args) {
      const ran = await run("--json", ...args);
      assert.equal(ran.code, code, `${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
      assert.doesNotMatch(ran.stdout + ran.stderr, /^\s+at .*:\d+:\d+/m, "no stack trace for the user");
      const { error } = ran.json();
      assert.equal(typeof error.message, "string");
      return error;
    },
    write: (path, text) => Deno.writeTextFile(`${root}/${path}`, text, { mode: 0o600 }),
  };
  try {
    if (policy !== null) {
      assert.equal((await run("init")).code, 0);
      await rig.write("policy/rayos-policy.toml", policy);
      if (hostAnswers) await rig.write(CAPABILITIES, hostAnswers);
    }
    await use(rig);
    hostAnswers ??= await Deno.readTextFile(`${root}/${CAPABILITIES}`).catch(() => undefined);
  } finally {
    await endAll(rig);
    await Deno.remove(root, { recursive: true });
  }
}

/** Guests outlive their supervisor: what is left of them when none runs is ended by their mark. */
async function endAll(rig: Rig): Promise<void> {
  try {
    await endServed(rig);
  } finally {
    const mark = sha256Hex(new TextEncoder().encode(await Deno.realPath(rig.root)));
    for (const { identity } of await processesMarked(MARK.root, mark)) await endProcess(identity);
  }
}

async function endServed(rig: Rig): Promise<void> {
  const status = await rig.run("--json", "status");
  if (status.code === 0 && status.json().supervisor) {
    for (const guest of status.json().guests) if (guest.pid) await rig.run("vm", "kill", guest.id);
    await stopSupervisor(rig);
  }
}

/** Ends the supervisor and waits until its process is gone. */
export async function stopSupervisor(rig: Rig): Promise<void> {
  const status = await rig.run("--json", "status");
  const pid: number | undefined = status.code === 0 ? status.json().supervisor?.pid : undefined;
  assert.equal((await rig.run("serve", "--stop")).code, 0);
  if (pid !== undefined) await ended(pid);
}

/** Whether a process with this pid runs (a zombie does not). */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = parseProcStat(await Deno.readTextFile(`/proc/${pid}/stat`));
    return stat !== undefined && isLive(stat);
  } catch {
    return false;
  }
}

/** Waits for the end of a process that is not a child of ours, so that no event tells of it. */
export async function ended(pid: number | undefined): Promise<void> {
  assert.ok(pid);
  const deadline = performance.now() + 60_000;
  while (await isRunning(pid)) {
    assert.ok(performance.now() < deadline, `process ${pid} has not ended for a minute`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Puts a small empty disk and a record into the root and defines the guest. */
export async function defineSmall(rig: Rig, id: string, more: Record<string, unknown> = {}): Promise<void> {
  await Deno.mkdir(`${rig.root}/vm/linux/${id}`, { recursive: true });
  await Deno.writeFile(`${rig.root}/vm/linux/${id}/disk.raw`, new Uint8Array(1024 * 1024));
  await rig.write(`${id}.json`, JSON.stringify(smallRecord(id, more)));
  await rig.ok("vm", "define", `${rig.root}/${id}.json`);
}

/** Asks now and after each event of the guest until `found` is content. */
// deno-lint-ignore no-explicit-any -- answers of many shapes
export async function showUntil(rig: Rig, id: string, found: (guest: any) => boolean): Promise<any> {
  let shown = await rig.ok("vm", "show", id); // also starts a supervisor where there is none
  const client = new ApiClient(layoutOf(rig.root).socket);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 60_000);
  const events = (await client.events(id, limit.signal))[Symbol.asyncIterator]();
  let next = events.next();
  try {
    while (true) {
      shown = await rig.ok("vm", "show", id);
      if (found(shown)) return shown;
      if ((await next).done) break;
      next = events.next();
    }
  } finally {
    clearTimeout(timer);
    limit.abort();
    await next.catch(() => {}); // the stream is given back
    client.close();
  }
  return assert.fail(`no event made it so within a minute: ${JSON.stringify(shown, null, 1)}`);
}

/** Reads a guest's serial console from the part that is kept until `found` is content; gives the text, sanitised. */
export async function serialUntil(
  rig: Rig,
  id: string,
  found: (text: string) => boolean,
  limitMs = 120_000,
): Promise<string> {
  const client = new ApiClient(layoutOf(rig.root).socket);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  let text = "";
  try {
    for await (const piece of await client.serial(id, limit.signal)) {
      text += piece;
      if (found(text)) return sanitizeText(text);
    }
  } finally {
    clearTimeout(timer);
    limit.abort();
    client.close();
  }
  return assert.fail(
    `the serial console ended, or did not say it within ${limitMs / 1000} s; all it said:\n${text}`,
  );
}
