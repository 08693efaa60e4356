/** A data root with several real guests, its supervisor, and what the suite knows of both. */
import { sha256Hex } from "../../src/audit/log.ts";
import { ApiClient } from "../../src/api/client.ts";
import { readAudit } from "../../src/audit/files.ts";
import { TextLineStream } from "../../src/core/lines.ts";
import { type Layout, layoutOf } from "../../registry/layout.ts";
import { namesIn, removeGroups } from "./facts.ts";
import { type GuestSpec, POLICIES } from "./guests.ts";
import type { Place } from "./place.ts";
import { tool, until } from "./tools.ts";
import { allProcesses, type Cast, castOf } from "./processes.ts";

/** Removes what libfaketime keeps of processes that were killed: it takes it for its own where a pid comes again. */
function sweepSharedTime(): void {
  for (const name of namesIn("/dev/shm")) {
    const pid = /^(?:sem\.)?faketime_(?:shm|sem)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && namesIn(`/proc/${pid}`).length === 0) Deno.removeSync(`/dev/shm/${name}`);
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
    await until("all have ended", () => {
      const { supervisors, qemu, swtpm, tools } = this.cast();
      return supervisors.length + qemu.size + swtpm.size + tools.length === 0;
    });
    removeGroups(this.place.root);
  }

  get hasFakedClock(): boolean {
    return this.#faked.size > 0;
  }
}
