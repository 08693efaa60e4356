/** Saving and loading with a real QEMU: what happens when the disk does not take it, or somebody calls it off. */
import assert from "node:assert/strict";
import { savedStateIn } from "../../registry/layout.ts";
import { counterSector, readCounter } from "../../tests/guest/counter_sector.ts";
import { Failure } from "../core/problem.ts";
import { systemClock } from "../ports/clock.ts";
import type { FileWriter } from "../ports/large_files.ts";
import { type ByteStream, connectUnix, connectWhenReady } from "../ports/unix_socket.ts";
import { QmpClient } from "../qmp/client.ts";
import { awaitingState } from "./command_line.ts";
import { loadMemory, memoryFault } from "./load.ts";
import { saveMemory } from "./save.ts";

/** A QEMU with the guest that counts; a child of the test that never outlives it. */
class Machine {
  readonly #decoder = new TextDecoder();
  #text = "";
  constructor(readonly qmp: QmpClient, readonly serial: ByteStream, readonly child: Deno.ChildProcess) {}

  /** Waits until it has said two counts more; gives the last. */
  async counts(): Promise<number> {
    const from = readCounter(this.#text).counts.length;
    for (const buffer = new Uint8Array(4096);;) {
      const { counts } = readCounter(this.#text);
      if (counts.length >= from + 2) return counts.at(-1) ?? 0;
      const n = await this.serial.read(buffer);
      assert.ok(n, `the guest says no more: ${this.#text}`);
      this.#text += this.#decoder.decode(buffer.subarray(0, n), { stream: true });
    }
  }

  async end(): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch { /* ended by itself */ }
    await this.child.status;
    this.qmp.close();
    this.serial.close();
  }
}

interface Place {
  readonly folder: string;
  start(name: string, more?: readonly string[]): Promise<Machine>;
}

async function withPlace(use: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-save-" });
  await Deno.writeFile(`${folder}/disk`, counterSector());
  await Deno.truncate(`${folder}/disk`, 1024 * 1024);
  const all: Machine[] = [];
  const start = async (name: string, more: readonly string[] = []): Promise<Machine> => {
    const socket = (
      id: string,
    ) => ["-chardev", `socket,id=${id},path=${folder}/${name}.${id},server=on,wait=off`];
    const args = [
      ...["-nodefaults", "-machine", "pc-q35-7.2", "-accel", "tcg", "-m", "32M", "-display", "none", "-S"],
      ...["-drive", `file=${folder}/disk,format=raw,if=virtio,file.locking=off`],
      ...[...socket("q"), "-mon", "chardev=q,mode=control", ...socket("s"), "-serial", "chardev:s"],
      ...more,
    ];
    const child = new Deno.Command("qemu-system-x86_64", {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const qmp = await QmpClient.negotiate(await connectWhenReady(`${folder}/${name}.q`, 20_000), {
      clock: systemClock,
    });
    const machine = new Machine(qmp, await connectUnix(`${folder}/${name}.s`), child);
    all.push(machine);
    return machine;
  };
  try {
    await use({ folder, start });
  } finally {
    for (const machine of all) await machine.end();
    await Deno.remove(folder, { recursive: true });
  }
}

const newSignal = () => new AbortController().signal;

/** Takes so much and then fails as the kernel does when a disk is full: by /dev/full, which always is. */
async function fullDisk(path: string, room: number): Promise<FileWriter> {
  const file = await Deno.open(path, { write: true, createNew: true });
  const full = await Deno.open("/dev/full", { write: true });
  let size = 0;
  return {
    async write(bytes) {
      size += bytes.length;
      await (size > room ? full : file).write(bytes);
    },
    flush: () => Promise.resolve(),
    close() {
      file.close();
      full.close();
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("a guest whose memory does not fit on the disk goes on; saved later and loaded anew, it counts on", () =>
  withPlace(async ({ folder, start }) => {
    const files = savedStateIn(folder), socket = `${folder}/m`, signal = newSignal();
    const first = await start("a");
    await first.qmp.execute("cont");
    await first.counts();
    await first.qmp.execute("stop");
    const input = { qmp: first.qmp, clock: systemClock, socket, files, signal };
    const full = saveMemory({ ...input, create: (path) => fullDisk(path, 100_000) });
    await assert.rejects(full, (error) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.code, "io");
      assert.match(error.message, /ram\.bin\.part: the disk is full/);
      return true;
    });
    assert.deepEqual([await exists(files.part), await exists(files.memory)], [false, false]);
    await first.qmp.execute("cont");
    await first.counts();

    await first.qmp.execute("stop");
    const saved = await saveMemory(input);
    assert.equal((await Deno.stat(files.memory)).size, saved.bytes);
    assert.equal(await memoryFault(files.memory, saved, signal), undefined);
    const last = await first.qmp.execute("query-status");
    assert.equal(last.status, "postmigrate");
    const second = await start("b", awaitingState([]));
    await loadMemory({ qmp: second.qmp, clock: systemClock, socket, memory: files.memory, signal });
    await first.end();
    await second.qmp.execute("cont");
    assert.ok(await second.counts() > 4, "it did not begin anew");
  }));

Deno.test("a save that is called off leaves nothing, and the guest goes on", () =>
  withPlace(async ({ folder, start }) => {
    const files = savedStateIn(folder);
    const machine = await start("a");
    await machine.qmp.execute("cont");
    await machine.counts();
    await machine.qmp.execute("stop");
    const abort = new AbortController(), began = Promise.withResolvers<void>();
    const create = async (path: string): Promise<FileWriter> => {
      const file = await Deno.open(path, { write: true, createNew: true });
      return {
        write() {
          began.resolve();
          return new Promise(() => {}); // a disk that hangs
        },
        flush: () => Promise.resolve(),
        close: () => file.close(),
      };
    };
    const saving = saveMemory({
      qmp: machine.qmp,
      clock: systemClock,
      socket: `${folder}/m`,
      files,
      signal: abort.signal,
      create,
    });
    await began.promise;
    abort.abort(new Failure({ code: "cancelled", message: "called off" }));
    await assert.rejects(saving, /called off/);
    assert.equal(await exists(files.part), false);
    await machine.qmp.execute("cont");
    await machine.counts();
  }));

Deno.test("a save whose QEMU dies fails and leaves nothing", () =>
  withPlace(async ({ folder, start }) => {
    const files = savedStateIn(folder);
    const machine = await start("a");
    const create = async (path: string): Promise<FileWriter> => {
      const file = await Deno.open(path, { write: true, createNew: true });
      return {
        async write(bytes) {
          machine.child.kill("SIGKILL");
          await machine.child.status;
          await file.write(bytes);
        },
        flush: () => Promise.resolve(),
        close: () => file.close(),
      };
    };
    const abort = new AbortController();
    void machine.child.status.then(() => abort.abort(new Failure({ code: "failed", message: "QEMU ended" })));
    const input = {
      qmp: machine.qmp,
      clock: systemClock,
      socket: `${folder}/m`,
      files,
      signal: abort.signal,
      create,
    };
    await assert.rejects(saveMemory(input), /QEMU ended/);
    assert.equal(await exists(files.part), false);
  }));

Deno.test("memoryFault() sees every bit that changed, and stops when it is called off", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/ram`, bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const digest = async (of: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", of)).toHex();
    const saved = { bytes: bytes.length, sha256: await digest(bytes) };
    await Deno.writeFile(path, bytes);
    assert.equal(await memoryFault(path, saved, newSignal()), undefined);
    for (const at of [0, 30_000, 59_999]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      await Deno.writeFile(path, changed);
      assert.match(await memoryFault(path, saved, newSignal()) ?? "", /not those that were saved/);
    }
    await Deno.writeFile(path, bytes.subarray(1));
    assert.match(await memoryFault(path, saved, newSignal()) ?? "", /59999 bytes instead of 60000/);
    await assert.rejects(memoryFault(path, saved, AbortSignal.abort(new Error("off"))), /off/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
