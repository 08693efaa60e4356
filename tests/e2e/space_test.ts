/** Disks that fill up under real guests: they stand still, say so, and go on by themselves when there is room. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { MIB } from "../../src/core/units.ts";
import { layoutOf } from "../../registry/layout.ts";
import { writerSector } from "../guest/writer_sector.ts";
import { POLICY, type Rig, smallRecord, withRoot } from "./rig.ts";
import {
  DISK_MIB,
  Events,
  fill,
  isResumed,
  isStill,
  killSupervisor,
  look,
  records,
  saysMore,
  withWriter,
} from "./writer_rig.ts";

// deno-lint-ignore no-explicit-any -- answers and events of many shapes
type Any = any;

Deno.test("a guest that finds no room stands still, says so, and goes on by itself, also under the next supervisor", (t) =>
  withWriter(t, 6, async (rig, small) => {
    const seen = await fill(rig);
    const error = seen.find(({ event }) => event === "RAYOS_VM:io_error");
    assert.deepEqual(
      [error.fields.vm, error.fields.disk, error.fields.why, error.fields.reason],
      ["w", "root", "no_space", "No space left on device"],
    );
    assert.equal(seen.at(-1).fields.reason, "no_space");
    const status = await rig.ok("status");
    const { folder } = layoutOf(rig.root).guest("linux", "w");
    const place = status.storage.find(({ path }: Any) => path === folder);
    assert.deepEqual([place.level, place.short_of, place.total_mib], ["full", "space", 64]);
    assert.match((await rig.run("status")).stdout, /^storage +FULL: .*64 MiB free on .*\/vm\/linux\/w$/m);
    const still = await rig.ok("vm", "show", "w");
    assert.deepEqual([still.state, still.pause_reason, still.live.status], [
      "paused",
      "no_space",
      "io-error",
    ]);
    assert.equal(
      still.problem,
      `stands still: no space left on ${folder} for disk root; goes on by itself when there is room`,
    );
    const said = (await saysMore(rig, small, 0)).length;

    await killSupervisor(rig);
    const found = await rig.ok("vm", "show", "w");
    assert.deepEqual([found.state, found.pause_reason, found.problem], ["paused", "no_space", still.problem]);
    await Events.during(rig, () => small.inside(`rm "$1/filler"`), isResumed);
    const lines = await saysMore(rig, small, said + 3);
    assert.deepEqual(
      lines,
      lines.map((_, i) => i + 1),
      "it notices nothing: no line is lost, none comes twice",
    );
    const after = await rig.ok("vm", "show", "w");
    assert.deepEqual([after.state, after.pause_reason, after.problem], ["running", null, null]);

    const resumes = (await records(rig, "vm.resume")).filter(({ phase }) => phase !== "observed");
    assert.deepEqual(resumes.map(({ phase }) => phase), ["requested", "decided", "started", "finished"]);
    assert.ok(resumes.every(({ actor }) => actor.kind === "supervisor"));
    assert.equal((await records(rig, "vm.io_error")).length, 2, "one for each supervisor that saw it");
    const storage = [...await records(rig, "storage.full"), ...await records(rig, "storage.ok")];
    assert.ok(storage.length >= 2 && storage.every(({ detail }) => detail.path === folder));
    await rig.ok("audit", "verify");
  }));

Deno.test("a guest that the operator pauses while it stands still goes on only when he says so, whoever supervises it", (t) =>
  withWriter(t, 6, async (rig, small) => {
    await fill(rig);
    assert.equal((await rig.ok("vm", "pause", "w")).state, "paused");
    await rig.fails(5, "vm", "pause", "w");
    await small.inside(`rm "$1/filler"`);
    await look(rig);
    const paused = await rig.ok("vm", "show", "w");
    assert.equal(paused.state, "paused");
    assert.match(paused.problem, /it was paused too/);
    await killSupervisor(rig);
    await look(rig);
    assert.match((await rig.ok("vm", "show", "w")).problem, /it was paused too/);
    assert.equal((await rig.ok("vm", "resume", "w")).state, "running");
    await rig.ok("vm", "pause", "w");
    await look(rig);
    const again = await rig.ok("vm", "show", "w");
    assert.deepEqual([again.state, again.pause_reason, again.problem], ["paused", "operator", null]);
  }));

Deno.test("in safe mode a guest goes on under the last good policy", (t) =>
  withWriter(t, 6, async (rig, small) => {
    await fill(rig);
    const spoil = () => rig.write("policy/rayos-policy.toml", "nonsense");
    await Events.during(rig, spoil, ({ event }) => event === "RAYOS_SAFE_MODE:on");
    assert.equal((await rig.fails(3, "vm", "resume", "w")).reasons[0].rule, "safe_mode");
    await Events.during(rig, () => small.inside(`rm "$1/filler"`), isResumed);
    await saysMore(rig, small, 30); // far beyond what there was room for
    await rig.ok("vm", "kill", "w");
    assert.equal(
      (await small.inside(`qemu-img check -f qcow2 "$1/disk.qcow2"`)).code & 1,
      0,
      "nothing is damaged",
    );
  }, "qcow2"));

Deno.test("without any policy a guest that finds room waits for one, and that is on record once", (t) =>
  withWriter(t, 6, async (rig, small) => {
    await fill(rig);
    await killSupervisor(rig);
    await rig.write("policy/rayos-policy.toml", "nonsense");
    await small.inside(`rm "$1/filler"`);
    const isRefused = ({ phase }: Any) => phase === "refused";
    while (!(await records(rig, "vm.resume")).some(isRefused)) await look(rig);
    for (let looks = 0; looks < 3; looks++) await look(rig);
    const still = await rig.ok("vm", "show", "w");
    assert.equal(still.state, "paused");
    assert.match(still.problem, /policy does not let it go on: safe mode: /);
    assert.equal((await records(rig, "vm.resume")).filter(isRefused).length, 1);
    await Events.during(rig, () => rig.write("policy/rayos-policy.toml", POLICY), isResumed);
  }));

/** A folder with a QEMU that may write no file beyond `mib`, first in the search path of the rig's commands. */
async function limitQemu(rig: Rig, mib: number): Promise<void> {
  const path = Deno.env.get("PATH") ?? "";
  const real = path.split(":").map((folder) => `${folder}/qemu-system-x86_64`)
    .find((file) => existsSync(file));
  await Deno.mkdir(`${rig.root}/bin`);
  const script = `#!/bin/sh\ntrap '' XFSZ\nulimit -f ${mib * 2048}\nexec ${real} "$@"\n`;
  await Deno.writeTextFile(`${rig.root}/bin/qemu-system-x86_64`, script, { mode: 0o700 });
  rig.how.path = `${rig.root}/bin:${path}`;
}

Deno.test("a guest whose disk fails otherwise stands still until the operator has it try again", () =>
  withRoot(async (rig) => {
    await limitQemu(rig, 8);
    const { folder } = layoutOf(rig.root).guest("linux", "w");
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeFile(`${folder}/disk.raw`, writerSector(DISK_MIB * MIB));
    await Deno.truncate(`${folder}/disk.raw`, DISK_MIB * MIB);
    await rig.write("w.json", JSON.stringify(smallRecord("w")));
    await rig.ok("vm", "define", `${rig.root}/w.json`);
    const seen = await fill(rig);
    const error = seen.find(({ event }) => event === "RAYOS_VM:io_error");
    assert.deepEqual([error.fields.why, error.fields.reason], ["io_error", "File too large"]);
    const problem = "stands still: disk root could not be read or written (File too large); " +
      "`rayvisor vm resume w` tries again";
    const still = await rig.ok("vm", "show", "w");
    assert.deepEqual([still.state, still.pause_reason, still.problem], ["paused", "io_error", problem]);
    await killSupervisor(rig);
    await look(rig);
    const found = await rig.ok("vm", "show", "w");
    assert.deepEqual([found.state, found.pause_reason], ["paused", "io_error"]);
    assert.deepEqual(await records(rig, "vm.resume"), [], "nobody but the operator tries again");
    const again = await Events.during(rig, () => rig.ok("vm", "resume", "w"), isStill);
    assert.ok(again.some(({ event }) => event === "RAYOS_VM:resume"));
    assert.equal((await rig.ok("vm", "show", "w")).problem, problem);
    await rig.ok("vm", "stop", "w");
  }));
