/**
 * The whole command lines of each kind of guest, as files that are read in review. After a wanted change:
 * `UPDATE_GOLDEN=1 deno test --allow-all src/qemu/plan_golden_test.ts`, and look at the difference.
 */
import assert from "node:assert/strict";
import { planGuest } from "./plan.ts";
import type { GuestPlan, GuestPlanInput } from "./plan_types.ts";
import { GOOD_KVM, PLAIN_UEFI, SECURE_UEFI, testHost, testInput } from "./testing.ts";

const FOLDER = new URL("../../tests/fixtures/golden/", import.meta.url);
const MEDIA = [{ name: "setup", path: "/var/rayos/media/setup, v2.iso" }];

const CASES: Readonly<Record<string, GuestPlanInput>> = {
  "linux-bios": testInput({ kind: "linux" }),
  "linux-uefi-tpm": testInput({
    kind: "linux",
    firmware: PLAIN_UEFI,
    tpm: true,
    disks: [{
      name: "root",
      path: "/var/rayos/vm/linux/test-linux/overlay.qcow2",
      format: "qcow2",
      backing: [{ path: "/var/rayos/vm/linux/test-linux/base.raw", format: "raw" }],
    }],
  }),
  "linux-secureboot": testInput({
    kind: "linux",
    firmware: SECURE_UEFI,
    rights: { input: false, gpu: "none" },
  }),
  "windows-tcg": testInput({
    kind: "windows",
    firmware: SECURE_UEFI,
    tpm: true,
    cdroms: MEDIA,
    memoryMib: 4096,
  }),
  "windows-kvm": testInput({
    kind: "windows",
    firmware: SECURE_UEFI,
    tpm: true,
    cdroms: MEDIA,
    memoryMib: 4096,
    host: testHost(GOOD_KVM),
  }),
};

/** One option a line, with its value. */
function readable(plan: GuestPlan): string {
  const lines: string[] = [];
  for (const [title, command] of [["swtpm", plan.swtpm], ["qemu", plan.qemu]] as const) {
    if (!command) continue;
    lines.push(`# ${title}`, command.program);
    for (const arg of command.args) {
      const last = lines.at(-1) ?? "";
      if (arg.startsWith("-") || !/^ {2}-\S+$/.test(last)) lines.push(`  ${arg}`);
      else lines[lines.length - 1] = `${last} ${arg}`;
    }
  }
  lines.push("# told", `machine ${plan.machine}`, `cpu ${plan.cpu}`, `accelerator ${plan.accelerator}`);
  lines.push(...plan.notes.map((note) => `note ${note.topic}: ${note.text}`));
  return lines.join("\n") + "\n";
}

/** Lines that only one of both has, in order, for a person. */
function difference(wanted: string, got: string): string {
  const before = wanted.split("\n"), after = got.split("\n");
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join("\n") || "the same lines in another order";
}

for (const [name, input] of Object.entries(CASES)) {
  Deno.test(`planGuest() gives the recorded command lines for ${name}`, async () => {
    const plan = planGuest(input);
    assert.ok(plan.ok, JSON.stringify(plan));
    const got = readable(plan.value);
    const file = new URL(`${name}.txt`, FOLDER);
    if (Deno.env.get("UPDATE_GOLDEN") === "1") {
      await Deno.mkdir(FOLDER, { recursive: true });
      await Deno.writeTextFile(file, got);
      return;
    }
    const wanted = await Deno.readTextFile(file);
    assert.ok(got === wanted, `${name} differs from its golden file:\n${difference(wanted, got)}`);
  });
}
