/** A supervisor that dies in the middle of a suspend or a resume: the next one brings the guest to a good end. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { systemClock } from "../../src/ports/clock.ts";
import { connectUnix } from "../../src/ports/unix_socket.ts";
import { QmpClient } from "../../src/qmp/client.ts";
import { prepareMigration } from "../../src/suspend/migration.ts";
import { countsOn, defineCounter, namesIn, qemusOf, saidBy, stateOf } from "./counter_guest.ts";
import { ended, type Rig, withRoot } from "./rig.ts";

/** A running guest that has counted, and whose supervisor was killed. */
async function orphan(rig: Rig): Promise<void> {
  await defineCounter(rig);
  await rig.ok("vm", "start", "g");
  await countsOn(rig);
  await killSupervisor(rig);
}

async function killSupervisor(rig: Rig): Promise<void> {
  const { supervisor } = await rig.ok("status");
  Deno.kill(supervisor.pid, "SIGKILL");
  await ended(supervisor.pid);
}

/** Speaks to the guest's QEMU as its dead supervisor did. */
async function withQmp(rig: Rig, use: (qmp: QmpClient) => Promise<void>): Promise<void> {
  const stream = await connectUnix(layoutOf(rig.root).runtime("g").qmp);
  const qmp = await QmpClient.negotiate(stream, { clock: systemClock });
  try {
    await use(qmp);
  } finally {
    qmp.close();
  }
}

/** What a dead supervisor has left beside the running guest. */
async function leave(rig: Rig, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(stateOf(rig).folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${stateOf(rig).folder}/${name}`, text, { mode: 0o600 });
  }
}

const standstill = (then: "run" | "stay") => JSON.stringify({ version: 0, then });

/** The guest was not booted again, counts, and is one. */
async function goesOn(rig: Rig): Promise<void> {
  await countsOn(rig);
  assert.equal((await saidBy(rig)).boots, 1);
  assert.equal((await qemusOf(rig)).length, 1);
}

Deno.test("killed when the guest was stopped to be saved: it runs on, and nothing is left of the attempt", () =>
  withRoot(async (rig) => {
    await orphan(rig);
    await withQmp(rig, async (qmp) => {
      await qmp.execute("stop");
      await leave(rig, { "standstill.json": standstill("run"), "ram.bin.part": "half" });
    });
    assert.equal((await rig.ok("vm", "show", "g")).state, "running");
    await goesOn(rig);
    assert.deepEqual(await namesIn(stateOf(rig).folder), []);
  }));

Deno.test("killed while the memory flowed: the migration is called off and the guest runs on; the next suspend works", () =>
  withRoot(async (rig) => {
    await orphan(rig);
    const path = `${rig.root}/run/hangs.sock`;
    using listener = Deno.listen({ transport: "unix", path });
    await leave(rig, { "standstill.json": standstill("run") });
    await withQmp(rig, async (qmp) => {
      await prepareMigration(qmp);
      await qmp.execute("stop");
      await qmp.execute("migrate", { uri: `unix:${path}` });
    });
    using _conn = await listener.accept(); // never read: the migration hangs
    assert.equal((await rig.ok("vm", "show", "g")).state, "running");
    await goesOn(rig);
    await rig.ok("vm", "suspend", "g");
    await rig.ok("vm", "start", "g");
    await goesOn(rig);
  }));

Deno.test("killed when the memory was saved and the manifest was not: it runs on", () =>
  withRoot(async (rig) => {
    await orphan(rig);
    await leave(rig, { "standstill.json": standstill("run"), "ram.bin": "all of it" });
    await withQmp(rig, saveToNowhere);
    assert.equal((await rig.ok("vm", "show", "g")).state, "running");
    await goesOn(rig);
    assert.deepEqual(await namesIn(stateOf(rig).folder), []);
  }));

/** Migrates to a reader that throws all away. */
async function saveToNowhere(qmp: QmpClient): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-" });
  try {
    using listener = Deno.listen({ transport: "unix", path: `${folder}/s` });
    await qmp.execute("stop");
    await qmp.execute("migrate", { uri: `unix:${folder}/s` });
    using conn = await listener.accept();
    for (const buffer = new Uint8Array(65536); await conn.read(buffer) !== null;);
    for (let i = 0; (await qmp.execute("query-status")).status !== "postmigrate"; i++) assert.ok(i < 10_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("killed while a guest was saved that the operator had paused: it stays paused", () =>
  withRoot(async (rig) => {
    await orphan(rig);
    await withQmp(rig, (qmp) => qmp.execute("stop").then(() => {}));
    await leave(rig, { "standstill.json": standstill("stay") });
    assert.equal((await rig.ok("vm", "show", "g")).state, "paused");
    assert.deepEqual(await namesIn(stateOf(rig).folder), []);
    await rig.ok("vm", "resume", "g");
    await goesOn(rig);
  }));

Deno.test("killed when the state was whole and QEMU had not ended: QEMU is ended, and the guest is suspended", () =>
  withRoot(async (rig) => {
    await defineCounter(rig);
    await rig.ok("vm", "start", "g");
    const first = await countsOn(rig);
    await rig.ok("vm", "suspend", "g");
    const files = Object.fromEntries(
      await Promise.all(
        [stateOf(rig).manifest, stateOf(rig).memory].map(async (path) =>
          [path, await Deno.readFile(path)] as const
        ),
      ),
    );
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    await killSupervisor(rig);
    await withQmp(rig, saveToNowhere);
    for (const [path, bytes] of Object.entries(files)) await Deno.writeFile(path, bytes);
    const shown = await rig.ok("vm", "show", "g");
    assert.deepEqual([shown.state, shown.problem], ["suspended", null]);
    assert.deepEqual(await qemusOf(rig), []);
    const last = (await saidBy(rig)).counts.at(-1) ?? 0;
    await rig.ok("vm", "start", "g");
    await countsOn(rig);
    assert.equal(
      (await rig.ok("vm", "show", "g")).state,
      "running",
      "the end of that QEMU is none of this one",
    );
    const { counts, boots } = await saidBy(rig);
    const again = counts[counts.indexOf(last) + 1] ?? 0;
    assert.ok(again > first && again <= last, `it goes on with ${again}: after ${first}, not after ${last}`);
    assert.equal(boots, 1);
    assert.equal(
      (await rig.ok("vm", "show", "g")).state,
      "running",
      "the end of that QEMU is none of this one",
    );
  }));

Deno.test("a state beside a guest that runs is of the past: the guest goes on, the state is dropped", () =>
  withRoot(async (rig) => {
    await orphan(rig);
    await leave(rig, { "manifest.json": "{}", "ram.bin": "old" });
    assert.equal((await rig.ok("vm", "show", "g")).state, "running");
    await goesOn(rig);
    assert.deepEqual(await namesIn(stateOf(rig).folder), []);
  }));

/** Kills the supervisor as soon as `name` shows below `folder`, while `command` is under way. */
async function killAt(rig: Rig, folder: string, name: string, ...command: string[]): Promise<void> {
  const { supervisor } = await rig.ok("status");
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const watcher = Deno.watchFs(folder);
  const asked = rig.run(...command);
  asked.then(() => watcher.close()).catch(() => {});
  for await (const event of watcher) {
    if (!event.paths.some((path) => path.endsWith(`/${name}`))) continue;
    Deno.kill(supervisor.pid, "SIGKILL");
    break;
  }
  await asked.catch(() => {});
  await ended(supervisor.pid);
}

for (const name of ["standstill.json", "ram.bin.part", "ram.bin", "manifest.json"]) {
  Deno.test(`killed when ${name} appears during a suspend: the guest runs on or is suspended, and nothing is lost`, () =>
    withRoot(async (rig) => {
      await defineCounter(rig);
      await rig.ok("vm", "start", "g");
      await countsOn(rig);
      await killAt(rig, stateOf(rig).folder, name, "vm", "suspend", "g");
      const { state } = await rig.ok("vm", "show", "g");
      assert.ok(["running", "suspended"].includes(state), state);
      assert.equal((await qemusOf(rig)).length, state === "running" ? 1 : 0);
      if (state === "suspended") await rig.ok("vm", "start", "g");
      await goesOn(rig);
      await rig.ok("audit", "verify");
    }));
}

for (const name of ["ram.sock", "standstill.json"]) {
  Deno.test(`killed when ${name} appears during a resume: the guest runs on or is suspended, and nothing is lost`, () =>
    withRoot(async (rig) => {
      await defineCounter(rig);
      await rig.ok("vm", "start", "g");
      await countsOn(rig);
      await rig.ok("vm", "suspend", "g");
      const folder = name === "ram.sock" ? `${layoutOf(rig.root).runFolder}/g` : stateOf(rig).folder;
      await killAt(rig, folder, name, "vm", "start", "g");
      const { state } = await rig.ok("vm", "show", "g");
      assert.ok(["running", "suspended"].includes(state), state);
      assert.equal((await qemusOf(rig)).length, state === "running" ? 1 : 0);
      if (state === "suspended") await rig.ok("vm", "start", "g");
      await goesOn(rig);
    }));
}
