/** A data root with several real guests, its supervisor, and what the suite knows of both. */
import { sha256Hex } from "../../src/audit/log.ts";
import { ApiClient } from "../../src/api/client.ts";
import { readAudit } from "../../src/audit/files.ts";
import { TextLineStream } from "../../src/core/lines.ts";
import { MIB } from "../../src/core/units.ts";
import { type Layout, layoutOf } from "../../registry/layout.ts";
import { namesIn } from "./facts.ts";
import type { Place } from "./place.ts";
import { allProcesses, type Cast, castOf } from "./processes.ts";

/** Policies that are taken in turn; neither takes anything from a guest of this world. */
export const POLICIES: readonly string[] = [4096, 8192].map((memMib) =>
  `version = 0
[limits]
cpu_percent = 100
mem_mib = ${memMib}
max_running = 12
[logging]
keep_files = 6
max_file_mib = 1
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
[profiles.again]
kind = "linux"
max_vcpu = 1
max_memory_mb = 64
cpu_percent = 10
secure_boot = "allowed"
restart = "on-crash"
max_restarts = 2
[profiles.small-windows]
kind = "windows"
present = true
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 20
secure_boot = "required"
tpm = "required"
allow_below_minimum = true
`
);

export interface GuestSpec {
  readonly id: string;
  readonly kind: "linux" | "windows";
  readonly tpm: boolean;
  /** Images, relative to the data root, that `qemu-img check` knows. */
  readonly images: readonly string[];
  readonly definition: Readonly<Record<string, unknown>>;
  /** Makes what must be there before it is defined. */
  prepare?(root: string): Promise<void>;
}

/** The guests, the most telling ones first. */
export const GUESTS: readonly GuestSpec[] = [
  bios("raw", "raw"),
  { ...uefi("tpm", { tpm: true }), tpm: true },
  bios("again", "raw", { policy_profile: "again" }),
  bios("qcow", "qcow2"),
  uefi("plain", {}),
  {
    ...uefi("win", { type: "windows", memory_mib: 256, vcpu: 1, profile: "small-windows" }),
    kind: "windows",
    tpm: true,
    images: ["vm/windows/win/disk.qcow2", "vm/windows/win/ovmf_vars.qcow2"],
  },
];

/** Firmware that finds nothing to start. */
function uefi(id: string, more: Record<string, unknown>): GuestSpec {
  return {
    id,
    kind: "linux",
    tpm: false,
    images: [`vm/linux/${id}/disk.qcow2`, `vm/linux/${id}/ovmf_vars.qcow2`],
    definition: { definition: { id, type: "linux", memory_mib: 64, disk: { bytes: MIB }, ...more } },
  };
}

function bios(id: string, format: "raw" | "qcow2", more: Record<string, unknown> = {}): GuestSpec {
  const disk = `vm/linux/${id}/disk.${format}`;
  const record = {
    id,
    name: id,
    type: "linux",
    state: "stopped",
    storage: { disks: { root: disk } },
    devices: { vcpu: 1, memory_mb: 64, network: { enabled: false } },
    policy_profile: "default-linux",
    ...more,
  };
  return {
    id,
    kind: "linux",
    tpm: false,
    images: format === "qcow2" ? [disk] : [],
    definition: { record },
    async prepare(root) {
      await Deno.mkdir(`${root}/vm/linux/${id}`, { recursive: true, mode: 0o700 });
      await tool("qemu-img", "create", "-q", "-f", format, `${root}/${disk}`, "1M");
    },
  };
}

/** Runs a tool of the host to its end. */
export async function tool(program: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const text = new TextDecoder();
  return { code, text: text.decode(stdout) + text.decode(stderr) };
}

/** Removes what libfaketime keeps of processes that were killed: it takes it for its own where a pid comes again. */
function sweepSharedTime(): void {
  for (const name of namesIn("/dev/shm")) {
    const pid = /^(?:sem\.)?faketime_(?:shm|sem)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && namesIn(`/proc/${pid}`).length === 0) Deno.removeSync(`/dev/shm/${name}`);
  }
}

/** Waits for what no event tells of. */
export async function until(what: string, isSo: () => boolean, limitMs = 60_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not so within ${limitMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export class World {
  readonly layout: Layout;
  readonly mark: string;
  /** Supervisors that were killed, or asked to end. */
  readonly endedByUs = new Set<number>();
  /** Supervisors that ended although nobody asked. */
  readonly diedByThemselves: string[] = [];
  /** Supervisors that were started here; commands may have started others. */
  started = 0;
  /** Supervisors whose clock can be set. */
  readonly #faked = new Set<number>();
  readonly #timeFile: string;
  readonly #delayFile: string;
  /** Where wrappers of tools lie, before everything else that is searched. */
  readonly #wrappers: string;

  constructor(readonly place: Place, readonly guests: readonly GuestSpec[]) {
    this.layout = layoutOf(place.root);
    this.mark = sha256Hex(new TextEncoder().encode(place.root));
    this.#timeFile = `${place.home}/time`;
    this.#delayFile = `${place.home}/swtpm-delay`;
    this.#wrappers = `${place.home}/wrappers`;
  }

  /** Environment of every command. */
  get env(): Record<string, string> {
    return { PATH: `${this.#wrappers}:${Deno.env.get("PATH") ?? ""}`, HOME: this.place.home };
  }

  /** The data root, its policy and the wrapper of swtpm. */
  async prepare(): Promise<void> {
    await Deno.mkdir(this.#wrappers);
    const real = (await tool("sh", "-c", "command -v swtpm")).text.trim();
    this.slowSwtpm(0);
    this.setClock(0);
    // `read` from a file that is not there gives no delay.
    const script = `#!/bin/sh\nread delay <"${this.#delayFile}" && [ "$delay" != 0 ] && sleep "$delay"\n` +
      `exec ${real} "$@"\n`;
    await Deno.writeTextFile(`${this.#wrappers}/swtpm`, script, { mode: 0o755 });
    const init = await this.command("init");
    if (init.code !== 0) throw new Error(`init: ${init.text}`);
    this.restorePolicy();
    for (const { prepare } of this.guests) await prepare?.(this.place.root);
  }

  /** Runs a command of the program. */
  async command(...args: string[]): Promise<{ code: number; text: string }> {
    const { code, stdout, stderr } = await this.spawn(args).output();
    const text = new TextDecoder();
    return { code, text: text.decode(stdout) || text.decode(stderr) };
  }

  spawn(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
    return new Deno.Command(this.place.binary, {
      args: ["--root", this.place.root, ...args],
      env: { ...this.env, ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  writePolicy(text: string): void {
    Deno.writeTextFileSync(this.layout.policyFile, text, { mode: 0o600 });
  }

  /** Only where it is not so already: a change that a supervisor has missed is not to be told it again. */
  restorePolicy(): void {
    const policy = POLICIES[0] ?? "";
    if (Deno.readTextFileSync(this.layout.policyFile) !== policy) this.writePolicy(policy);
  }

  slowSwtpm(ms: number): void {
    Deno.writeTextFileSync(this.#delayFile, `${ms / 1000}\n`);
  }

  /** Sets the clock of the supervisors that have one of their own. */
  setClock(offsetMs: number): void {
    const seconds = offsetMs / 1000;
    // Replaced as a whole: the library reads it at any time.
    Deno.writeTextFileSync(`${this.#timeFile}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    Deno.renameSync(`${this.#timeFile}.new`, this.#timeFile);
  }

  cast(): Cast {
    return castOf(allProcesses(), { mark: this.mark, root: this.place.root });
  }

  /**
   * Starts a supervisor in a process of our own, its clock one that can be set. True when it serves; false when another one
   * does, or will.
   */
  async startSupervisor(): Promise<boolean> {
    const { fakeTime } = this.place;
    if (fakeTime !== undefined) sweepSharedTime();
    const clock = fakeTime === undefined ? {} : {
      LD_PRELOAD: fakeTime,
      FAKETIME_TIMESTAMP_FILE: this.#timeFile,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    const child = this.spawn(["serve", "--foreground", "--announce"], clock);
    const words = new Response(child.stderr).text();
    const { promise: announced, resolve } = Promise.withResolvers<string | undefined>();
    const listening = (async () => {
      const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
      for await (const line of lines) resolve(line);
      resolve(undefined);
    })();
    void this.#watch(child, words, listening);
    const isReady = (await announced)?.includes('"ready":true') ?? false;
    if (isReady) this.started++;
    if (isReady && fakeTime !== undefined) this.#faked.add(child.pid);
    return isReady;
  }

  async #watch(child: Deno.ChildProcess, words: Promise<string>, listening: Promise<void>): Promise<void> {
    const { code, signal } = await child.status;
    await listening;
    const said = await words;
    this.#faked.delete(child.pid);
    // 5: another one holds the root. A start may fail for want of room; it says so by 1 or 5.
    if (this.endedByUs.has(child.pid) || code === 0 || code === 5) return;
    this.diedByThemselves.push(`supervisor ${child.pid} ended with ${signal ?? code}: ${said.trim()}`);
  }

  async defineAll(): Promise<void> {
    const client = new ApiClient(this.layout.socket);
    try {
      for (const { definition } of this.guests) await client.perform("vm.define", definition);
    } finally {
      client.close();
    }
  }

  /** The suite itself, and who has started it. */
  ownProcesses(): ReadonlySet<number> {
    return new Set(this.cast().others.map(({ pid }) => pid));
  }

  /** Copies the data root to where it outlives this run. */
  async keep(name: string): Promise<string> {
    const target = `${this.place.keep}/${name}`;
    await tool("mkdir", "-p", target);
    await tool("cp", "-a", "--sparse=always", `${this.place.root}/.`, target);
    return target;
  }

  /** The end of the logs, for whoever looks for the cause of a failure. */
  async lastWords(): Promise<string> {
    const { rayosLog, auditFile } = this.layout;
    const records = readAudit(auditFile, { limit: 80 }).map(({ seq, time, phase, action, vm, detail }) =>
      `${seq} ${time} ${phase} ${action} ${vm ?? ""} ${JSON.stringify(detail ?? {}).slice(0, 160)}`
    );
    return [(await tool("tail", "-n", "80", rayosLog)).text, ...records].join("\n");
  }

  /** Ends whatever runs, however the run has ended. */
  async end(): Promise<void> {
    const { supervisors, qemu, swtpm, tools } = this.cast();
    const all = [...supervisors, ...qemu.values(), ...swtpm.values(), tools].flat();
    for (const { pid } of supervisors) this.endedByUs.add(pid);
    await tool("kill", "-9", "--", ...all.map(({ pid }) => String(pid)));
    await until("all have ended", () => this.cast().supervisors.length === 0);
  }

  get hasFakedClock(): boolean {
    return this.#faked.size > 0;
  }
}
