/** What a provisioning run refuses, and what is left of one that is refused or called off. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { endOf, marker, PROVISION_POLICY, provisioning, writeAnswers } from "./provision_rig.ts";
import { defineSmall, type Ran, type Rig, showUntil, withRoot } from "./rig.ts";

/** Answers of a guest whose disk is empty: it stays in its firmware for ever. */
async function emptyAnswers(rig: Rig, more = "", guest = "memory_mib = 128"): Promise<string> {
  await Deno.writeFile(`${rig.root}/empty.img`, new Uint8Array(1024 * 1024));
  await rig.write(
    "empty.toml",
    `version = 0
[guest]
type = "linux"
${guest}
[disk]
image = "empty.img"
image_format = "raw"
[user]
name = "op"
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2Zz op"]
${more}`,
  );
  return `${rig.root}/empty.toml`;
}

/** Names of guests' folders. */
function foldersOf(rig: Rig): string[] {
  return [...Deno.readDirSync(`${rig.root}/vm/linux`)].map(({ name }) => name);
}

Deno.test("answers that can't be used are refused with every fault and its place, and nothing is begun", () =>
  withRoot(async (rig) => {
    await rig.write(
      "bad.toml",
      `version = 0\n[guest]\ntype = "linux"\nvcpu = 0\nmemroy_mib = 1\n[disk]\nimage_format = "raw"\n`,
    );
    const refused = await rig.fails(
      8,
      "provision",
      "--no-preflight",
      "g1",
      "--answers",
      `${rig.root}/bad.toml`,
    );
    const lines = refused.problems.map(({ place }: { place?: { line: number } }) => place?.line);
    assert.ok(lines.includes(4) && lines.includes(5), JSON.stringify(refused));
    assert.match(JSON.stringify(refused), /memory_mib/, "it says what was probably meant");
    await rig.fails(4, "provision", "--no-preflight", "g1", "--answers", `${rig.root}/nowhere.toml`);
    assert.match((await rig.fails(2, "provision", "--no-preflight", "g1")).message, /terminal/);
    await rig.fails(2, "provision");
    assert.deepEqual(foldersOf(rig), []);
  }, PROVISION_POLICY));

Deno.test("what stands in the way is said before anything is done: policy, a guest of that id, no image, an image on another", () =>
  withRoot(async (rig) => {
    const answers = await emptyAnswers(rig);
    await defineSmall(rig, "taken");
    assert.equal(
      (await rig.fails(5, "provision", "--no-preflight", "taken", "--answers", answers)).code,
      "already_exists",
    );
    await Deno.mkdir(`${rig.root}/vm/linux/left`);
    await rig.write("vm/linux/left/disk.qcow2", "somebody's");
    assert.equal(
      (await rig.fails(5, "provision", "--no-preflight", "left", "--answers", answers)).code,
      "already_exists",
    );
    assert.equal(await Deno.readTextFile(`${rig.root}/vm/linux/left/disk.qcow2`), "somebody's");

    const large = await emptyAnswers(rig, "", "memory_mib = 4096");
    const denied = await rig.fails(3, "provision", "--no-preflight", "g1", "--answers", large);
    assert.ok(
      denied.reasons.some(({ rule }: { rule: string }) => rule === "memory_cap"),
      JSON.stringify(denied),
    );
    const network = await emptyAnswers(rig, "[network]\nduring_install = true\n");
    assert.equal(
      (await rig.fails(3, "provision", "--no-preflight", "g1", "--answers", network)).code,
      "denied",
    );

    await emptyAnswers(rig);
    await Deno.remove(`${rig.root}/empty.img`);
    assert.equal(
      (await rig.fails(4, "provision", "--no-preflight", "g1", "--answers", answers)).code,
      "not_found",
    );
    const made = await new Deno.Command("qemu-img", {
      args: ["create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", `${rig.root}/empty.img`],
    }).output();
    assert.equal(made.code, 0);
    const text = (await Deno.readTextFile(answers)).replace('"raw"', '"qcow2"');
    await rig.write("empty.toml", text);
    assert.equal(
      (await rig.fails(3, "provision", "--no-preflight", "g1", "--answers", answers)).code,
      "path_escape",
    );
    assert.deepEqual(foldersOf(rig).sort(), ["left", "taken"]);
    assert.deepEqual((await rig.ok("status")).provisioning, []);
  }, PROVISION_POLICY));

Deno.test("a dry run says every step, what policy says, and does nothing", () =>
  withRoot(async (rig) => {
    const answers = await writeAnswers(rig);
    const plan = await rig.ok("provision", "g1", "--answers", answers, "--dry-run");
    assert.equal(plan.record.devices.secure_boot, true);
    assert.ok(plan.remarks.some((remark: string) => remark.startsWith("software emulation")));
    assert.ok(plan.decisions.every(({ effect }: { effect: string }) => effect === "allow"));
    const shown = JSON.stringify(plan.steps);
    for (const part of ["qemu-img", "swtpm_setup", "xorriso", "qemu-system-x86_64", "user-data"]) {
      assert.ok(shown.includes(part), `${part} is missing in ${shown}`);
    }
    assert.ok(!shown.includes("correct horse"), "no secret is shown");
    assert.deepEqual(foldersOf(rig), []);
    const denied = await rig.run(
      "provision",
      "g1",
      "--answers",
      await emptyAnswers(rig, "", "memory_mib = 4096"),
      "--dry-run",
    );
    assert.equal(denied.code, 3);
    assert.match(denied.stdout, /memory_cap/);
  }, PROVISION_POLICY));

Deno.test("a run that is called off can be gone on with by the same answers and no others, or undone", () =>
  withRoot(async (rig) => {
    const answers = await emptyAnswers(rig);
    let ran: Promise<Ran> | undefined;
    const installing = (event: string, { phase }: Readonly<Record<string, unknown>>) =>
      event === "RAYOS_PROVISION:step" && phase === "firmware";
    await marker(rig, "g1", installing, () => {
      ran = endOf(provisioning(rig, "g1", "--answers", answers));
    });
    assert.equal(
      (await rig.fails(5, "provision", "--no-preflight", "g1", "--answers", answers)).code,
      "busy",
    );
    assert.equal((await rig.fails(5, "vm", "delete", "g1", "--yes")).code, "busy");
    await rig.ok("provision", "g1", "--cancel");
    const ended = await ran;
    assert.equal(ended?.code, 1);
    assert.equal(ended?.json().error.code, "cancelled");
    const shown = await rig.ok("vm", "show", "g1");
    assert.deepEqual([shown.state, shown.provision.state, shown.provision.step], [
      "stopped",
      "failed",
      "install",
    ]);

    const other = await emptyAnswers(rig, '[linux]\nhostname = "other"\n');
    assert.equal(
      (await rig.fails(5, "provision", "--no-preflight", "g1", "--answers", other)).code,
      "wrong_state",
    );
    await marker(rig, "g1", installing, () => {
      ran = endOf(provisioning(rig, "g1"));
    });
    await rig.ok("vm", "kill", "g1");
    const killed = await ran;
    assert.match(killed?.json().error.message, /ended before it had installed itself/);

    await rig.ok("provision", "g1", "--undo");
    assert.deepEqual(foldersOf(rig), []);
    assert.equal((await rig.fails(4, "vm", "show", "g1")).code, "not_found");
    assert.equal((await rig.fails(5, "provision", "--no-preflight", "g1", "--undo")).code, "wrong_state");
    await rig.ok("audit", "verify");
  }, PROVISION_POLICY));

Deno.test("a run that policy refuses on the way, before its guest ever ran, leaves nothing behind", () =>
  withRoot(async (rig) => {
    // The step that builds the medium waits until the policy has changed.
    const bin = `${rig.root}/bin`;
    await Deno.mkdir(bin);
    await Deno.writeTextFile(
      `${bin}/xorriso`,
      `#!/bin/sh\nuntil [ -e ${bin}/go ]; do sleep 0.05; done\nexec /usr/bin/xorriso "$@"\n`,
      { mode: 0o700 },
    );
    rig.how.path = `${bin}:${Deno.env.get("PATH")}`;
    const answers = await emptyAnswers(rig);
    let ran: Promise<Ran> | undefined;
    await marker(rig, "g1", (event, { step }) => event === "RAYOS_PROVISION:step" && step === "media", () => {
      ran = endOf(provisioning(rig, "g1", "--answers", answers));
    });
    await rig.write("without.toml", PROVISION_POLICY.replace("enabled = true", "enabled = false"));
    await rig.ok("policy", "apply", `${rig.root}/without.toml`);
    await Deno.writeTextFile(`${bin}/go`, "");
    const end = await ran;
    assert.equal(end?.code, 3, JSON.stringify(end));
    assert.equal(end.json().error.reasons[0].rule, "kind_disabled");
    assert.deepEqual(foldersOf(rig), []);
    assert.deepEqual((await rig.ok("status")).provisioning, []);
  }, PROVISION_POLICY));

Deno.test("an installation that takes longer than the answers allow fails, and its guest runs on without a network", () =>
  withRoot(async (rig) => {
    const { folder } = layoutOf(rig.root).guest("linux", "g1");
    const answers = await emptyAnswers(rig, "[install]\ntimeout_minutes = 1\n");
    const end = await rig.run("--json", "provision", "--no-preflight", "g1", "--answers", answers);
    assert.equal(end.code, 1, end.stdout);
    assert.match(end.json().error.message, /not finished within 1 minute/);
    const shown = await showUntil(rig, "g1", ({ provision }) => provision.state === "failed");
    assert.equal(shown.state, "running");
    assert.ok([...Deno.readDirSync(`${folder}/provision`)].some(({ name }) => name === "run.json"));
  }, PROVISION_POLICY));
