/** Plans of every kind against the QEMU, swtpm and firmware of this machine. */
import assert from "node:assert/strict";
import { isObject } from "../core/json.ts";
import { bootEvidence, TPM_BUFFER, variableStoreRange } from "../efi/evidence.ts";
import { parseVariableStore } from "../efi/var_store.ts";
import { secureBootState } from "../efi/secure_boot.ts";
import type { HostCapabilities } from "../host/capabilities.ts";
import { probeHost } from "../host/probe.ts";
import { fileFacts } from "../ports/folders.ts";
import { identityOf, isAlive, type ProcessIdentity, spawnDetached } from "../ports/processes.ts";
import { type ByteStream, connectWhenReady } from "../ports/unix_socket.ts";
import { planTpmSetup, prepareTpm } from "../tpm/setup.ts";
import { chooseFirmware, type FirmwareChoice } from "./firmware.ts";
import { firmwareFolders, readFirmwareDescriptors } from "./firmware_files.ts";
import { createDisk, createVariables, exportRaw } from "./images.ts";
import { type GuestPlan, planGuest } from "./plan.ts";
import { type TestGuest, testInput } from "./testing.ts";

let knownHost: Promise<HostCapabilities> | undefined;
const realHost = () => knownHost ??= probeHost();

async function firmwareFor(secureBoot: boolean): Promise<FirmwareChoice> {
  const chosen = chooseFirmware(await readFirmwareDescriptors(firmwareFolders()), {
    architecture: "x86_64",
    machine: "pc-q35-7.2",
    secureBoot,
    enrolledKeys: secureBoot,
    smm: true,
  });
  assert.ok(chosen.ok, JSON.stringify(chosen));
  return chosen.value;
}

/** The little of QMP that these tests need: one command at a time, events skipped. */
class Monitor {
  #buffer = "";
  readonly #decoder = new TextDecoder();
  constructor(readonly stream: ByteStream) {}
  async #line(): Promise<Record<string, unknown>> {
    const chunk = new Uint8Array(65536);
    while (!this.#buffer.includes("\n")) {
      const n = await this.stream.read(chunk);
      if (n === null) throw new Error("QEMU closed its monitor");
      this.#buffer += this.#decoder.decode(chunk.subarray(0, n), { stream: true });
    }
    const end = this.#buffer.indexOf("\n");
    const value: unknown = JSON.parse(this.#buffer.slice(0, end));
    this.#buffer = this.#buffer.slice(end + 1);
    assert.ok(isObject(value));
    return value;
  }
  async greet(): Promise<void> {
    assert.ok("QMP" in await this.#line());
    await this.ask("qmp_capabilities");
  }
  async ask(execute: string, args: Record<string, unknown> = {}): Promise<unknown> {
    await this.stream.write(new TextEncoder().encode(JSON.stringify({ execute, arguments: args }) + "\n"));
    while (true) {
      const answer = await this.#line();
      if ("error" in answer) throw new Error(JSON.stringify(answer["error"]));
      if ("return" in answer) return answer["return"];
    }
  }
}

interface RunningGuest {
  readonly plan: GuestPlan;
  readonly folder: string;
  readonly qmp: Monitor;
  readonly firmware: FirmwareChoice | undefined;
}

/** Starts a guest as planned, hands it to `body` before its first instruction, ends it, and proves that nothing is left. */
async function withGuest(guest: TestGuest, body: (running: RunningGuest) => Promise<void>): Promise<void> {
  const host = await realHost();
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-real-" });
  const started: ProcessIdentity[] = [];
  const ends: Promise<unknown>[] = [];
  try {
    const input = testInput({ ...guest, folder, host });
    await Deno.mkdir(`${folder}/logs`);
    for (const disk of input.files.disks) await createDisk(disk.path, 64 * 1024 * 1024);
    for (const cdrom of input.files.cdroms) await Deno.writeFile(cdrom.path, new Uint8Array(4096));
    if (input.firmware && input.files.ovmfVars) {
      await createVariables(input.firmware.varsTemplate, input.files.ovmfVars);
    }
    if (input.files.tpmState !== undefined && host.swtpm) {
      const place = {
        stateDir: input.files.tpmState,
        authorityDir: `${folder}/ca`,
      };
      await prepareTpm(planTpmSetup(host.swtpm, place));
    }
    const plan = planGuest(input);
    assert.ok(plan.ok, JSON.stringify(plan));
    const start = async (command: GuestPlan["qemu"], name: string) => {
      const child = await spawnDetached({ ...command, logFile: `${folder}/${name}.log` });
      started.push(child.identity);
      ends.push(child.exited);
      return child;
    };
    if (plan.value.swtpm && input.files.sockets.tpm) {
      await start(plan.value.swtpm, "swtpm");
      await appears(input.files.sockets.tpm);
    }
    const qemu = await start(plan.value.qemu, "qemu");
    const died = new AbortController();
    qemu.exited.then(async (status) => {
      died.abort(
        new Error(`QEMU ended ${JSON.stringify(status)}: ${await Deno.readTextFile(`${folder}/qemu.log`)}`),
      );
    }).catch(() => {}); // the folder is gone: the test is over
    const stream = await connectWhenReady(input.files.sockets.qmp, 30_000, died.signal);
    try {
      const qmp = new Monitor(stream);
      await qmp.greet();
      await body({ plan: plan.value, folder, qmp, firmware: input.firmware ?? undefined });
      await qmp.ask("quit");
    } finally {
      stream.close();
    }
    await allEnded(ends); // swtpm ends by --terminate
  } finally {
    for (const identity of started) {
      if (await isAlive(identity)) Deno.kill(identity.pid, "SIGKILL");
    }
    await allEnded(ends);
    await Deno.remove(folder, { recursive: true });
  }
  for (const { pid } of started) assert.equal(await identityOf(pid), undefined, `process ${pid} is left`);
}

/** A detached child keeps no event loop alive, so something else must while its end is awaited. */
async function allEnded(ends: readonly Promise<unknown>[]): Promise<void> {
  const alive = setInterval(() => {}, 1_000_000);
  try {
    await Promise.all(ends);
  } finally {
    clearInterval(alive);
  }
}

/** swtpm takes one connection, which must be QEMU's: so its socket is looked at, not connected to. */
async function appears(socket: string): Promise<void> {
  using watcher = Deno.watchFs(socket.slice(0, socket.lastIndexOf("/")));
  const there = () => Deno.stat(socket).then(() => true, () => false);
  if (await there()) return;
  for await (const _event of watcher) {
    if (await there()) return;
  }
}

const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

async function checkPrelaunch(
  { plan, qmp }: RunningGuest,
  want: { secure: boolean; tpm: boolean },
): Promise<void> {
  const status = await qmp.ask("query-status");
  assert.ok(isObject(status) && status["status"] === "prelaunch", JSON.stringify(status));
  const uuid = await qmp.ask("query-uuid");
  assert.ok(isObject(uuid) && uuid["UUID"] === plan.uuid);
  assert.deepEqual(list(await qmp.ask("query-tpm")).map((tpm) => tpm["model"]), want.tpm ? ["tpm-crb"] : []);
  const nodes = list(await qmp.ask("query-block")).map((b) =>
    isObject(b["inserted"]) ? b["inserted"]["node-name"] : null
  );
  for (const disk of plan.disks) {
    assert.ok(nodes.includes(disk.node), `${disk.node} is not among ${nodes.join()}`);
  }
  const smm = await qmp.ask("qom-get", { path: "/machine", property: "smm" });
  assert.equal(smm, want.secure ? "on" : "off");
  if (plan.variablesNode !== undefined) {
    assert.ok(nodes.includes(plan.variablesNode));
    for (const unit of ["system.flash0", "system.flash1"]) {
      assert.equal(await qmp.ask("qom-get", { path: `/machine/${unit}`, property: "secure" }), want.secure);
    }
  }
  const nics = list(await qmp.ask("query-rx-filter"));
  assert.deepEqual(nics, [], "a guest starts without a network device");
}

Deno.test("QEMU takes the plan of a linux guest with BIOS", async () => {
  await withGuest({ kind: "linux", vcpu: 1, memoryMib: 64 }, async (guest) => {
    await checkPrelaunch(guest, { secure: false, tpm: false });
    // Opening a viewer's socket later needs the VNC server that was started without a listener.
    await guest.qmp.ask("display-update", {
      type: "vnc",
      addresses: [{ type: "unix", path: `${guest.folder}/vnc` }],
    });
  });
});

Deno.test("QEMU takes the plan of a linux guest with UEFI, TPM and a CD-ROM", async () => {
  const folderless = {
    kind: "linux",
    firmware: await firmwareFor(false),
    tpm: true,
    vcpu: 1,
    memoryMib: 256,
  } as const;
  await withGuest(folderless, (guest) => checkPrelaunch(guest, { secure: false, tpm: true }));
});

Deno.test("QEMU takes the plan of a linux guest with Secure Boot, without display and input", async () => {
  const guest: TestGuest = {
    kind: "linux",
    firmware: await firmwareFor(true),
    rights: { gpu: "none", input: false },
  };
  await withGuest(guest, (running) => checkPrelaunch(running, { secure: true, tpm: false }));
});

Deno.test("the firmware of a windows guest proves itself, its keys and its TPM from outside", async () => {
  const firmware = await firmwareFor(true);
  const guest: TestGuest = { kind: "windows", firmware, tpm: true, vcpu: 2, memoryMib: 512 };
  await withGuest(guest, async (running) => {
    await checkPrelaunch(running, { secure: true, tpm: true });
    const { folder, qmp } = running;
    const serial = await connectWhenReady(`${folder}/serial.sock`, 10_000);
    const storeBefore = await Deno.readFile(firmware.varsTemplate.path);
    const code = await fileFacts(firmware.code.path);
    assert.ok(code);
    const look = async () => ({
      storeBefore,
      storeNow: await physical(qmp, folder, variableStoreRange(code.size, storeBefore.length)),
      tpmBuffer: await physical(qmp, folder, TPM_BUFFER),
    });
    try {
      const cold = bootEvidence(await look());
      assert.deepEqual(
        { ran: cold.firmwareRan, tpm: cold.tpmAnswered, noted: cold.tpmRecorded },
        { ran: false, tpm: false, noted: false },
        "there is no evidence before the first instruction",
      );
      assert.equal(cold.secureBootEnforced, true);
      await qmp.ask("cont");
      await untilSaid(serial, "No bootable option or device was found");
      const warm = bootEvidence(await look());
      assert.deepEqual(warm, {
        firmwareRan: true,
        secureBootEnforced: true,
        certificates: warm.certificates,
        tpmAnswered: true,
        tpmRecorded: true,
      });
      assert.ok(warm.certificates.some((name) => name.startsWith("Microsoft")), warm.certificates.join());
      const log = await fileFacts(`${folder}/logs/swtpm.log`);
      assert.equal(log?.size ?? 0, 0, "swtpm writes nothing about a healthy TPM");
    } finally {
      serial.close();
    }
  });
});

Deno.test("a variable store that was written by a real boot is read from its file as the memory showed it", async () => {
  const firmware = await firmwareFor(true);
  await withGuest(
    { kind: "linux", firmware, vcpu: 1, memoryMib: 256, disks: [] },
    async ({ folder, qmp }) => {
      const serial = await connectWhenReady(`${folder}/serial.sock`, 10_000);
      await qmp.ask("cont");
      await untilSaid(serial, "No bootable option or device was found");
      serial.close();
      await qmp.ask("stop");
      const code = await fileFacts(firmware.code.path), vars = await fileFacts(firmware.varsTemplate.path);
      assert.ok(code && vars);
      const shown = await physical(qmp, folder, variableStoreRange(code.size, vars.size));
      // The export opens its source with a lock, which a running QEMU refuses: so a copy is looked at.
      await Deno.copyFile(`${folder}/ovmf_vars.qcow2`, `${folder}/copy.qcow2`);
      await exportRaw(`${folder}/copy.qcow2`, "qcow2", `${folder}/copy.raw`);
      const fromFile = parseVariableStore(await Deno.readFile(`${folder}/copy.raw`)),
        seen = parseVariableStore(shown);
      assert.ok(fromFile.ok && seen.ok);
      assert.deepEqual(fromFile.value, seen.value);
      assert.ok(secureBootState(seen.value.variables).enforced);
      assert.ok(!seen.value.variables.some((v) => v.name === "TCG2_DEVICE_DETECTION"), "there was no TPM");
    },
  );
});

async function physical(
  qmp: Monitor,
  folder: string,
  range: { address: number; bytes: number },
): Promise<Uint8Array> {
  const file = `${folder}/memory.bin`;
  await qmp.ask("pmemsave", { val: range.address, size: range.bytes, filename: file });
  return await Deno.readFile(file);
}

async function untilSaid(serial: ByteStream, words: string): Promise<void> {
  const chunk = new Uint8Array(4096);
  let heard = "";
  while (!heard.includes(words)) {
    const n = await serial.read(chunk);
    if (n === null) throw new Error(`the guest's serial port closed after: ${heard.slice(-500)}`);
    heard += new TextDecoder().decode(chunk.subarray(0, n));
  }
}
