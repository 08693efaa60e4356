/** Every check on a made-up host: that it passes where all is well, and what it says where something is not. */
import assert from "node:assert/strict";
import { type FakeHost, goodHost, portOf } from "../../tests/fakes/fake_host.ts";
import { outsider } from "../../tests/preflight/case.ts";
import { HOST_CASES } from "../../tests/preflight/host_cases.ts";
import { PART_CASES } from "../../tests/preflight/part_cases.ts";
import { NO_KVM } from "../qemu/testing.ts";
import { preflightOptions, type PreflightWishes } from "./options.ts";
import { runPreflight } from "./run.ts";
import { CHECKS } from "./table.ts";
import type { CheckReport } from "./types.ts";

const ALL: PreflightWishes = { root: "/var/rayos", windowsIso: "/iso/win.iso", virtioIso: "/iso/virtio.iso" };

async function reports(
  host: FakeHost,
  wishes: Partial<PreflightWishes> = {},
): Promise<readonly CheckReport[]> {
  const report = await runPreflight(preflightOptions({ ...ALL, ...wishes }), portOf(host));
  return report.checks;
}

async function one(id: string, host: FakeHost, wishes: Partial<PreflightWishes> = {}): Promise<CheckReport> {
  const [found, ...others] = await reports(host, { ...wishes, only: [id] });
  assert.ok(found && others.length === 0);
  return found;
}

Deno.test("on a host where all is well", async (t) => {
  const all = await reports(goodHost());
  assert.deepEqual(all.map(({ check_id }) => check_id), CHECKS.map(({ id }) => id));
  for (const { check_id, status, details, remediation, blocking } of all) {
    await t.step(`${check_id} passes`, () => {
      assert.equal(status, "PASS", details);
      assert.equal(remediation, "");
      assert.ok(details.length > 0 && !blocking);
    });
  }
});

const CASES = [...HOST_CASES, ...PART_CASES];

for (const { id, when, change, status, says, todo, wishes } of CASES) {
  Deno.test(`${id} says ${status} when ${when}`, async () => {
    const host = goodHost();
    change(host);
    const found = await one(id, host, wishes);
    assert.equal(found.status, status, found.details);
    assert.match(found.details, says);
    if (status === "WARN" || status === "FAIL") assert.notEqual(found.remediation, "");
    if (todo) assert.match(found.remediation, todo);
  });
}

Deno.test("every check has a case in which it does not pass", () => {
  const faulty = new Set(
    CASES.filter(({ status }) => status === "FAIL" || status === "WARN").map(({ id }) => id),
  );
  assert.deepEqual(CHECKS.map(({ id }) => id).filter((id) => !faulty.has(id)), []);
});

Deno.test("remedies are those of the distribution", async () => {
  const commands: [string, RegExp][] = [
    ["ID=fedora\n", /^sudo dnf install -y edk2-ovmf$/],
    ["ID=arch\n", /^sudo pacman -S --needed --noconfirm edk2-ovmf$/],
    ['ID="opensuse-leap"\n', /^sudo zypper --non-interactive install qemu-ovmf-x86_64$/],
    ["ID=haiku\n", /^install firmware with this system's package manager/],
  ];
  for (const [osRelease, command] of commands) {
    const host = goodHost();
    host.files["/etc/os-release"] = osRelease;
    host.firmware = [];
    assert.match((await one("firmware.ovmf_secure_boot", host)).remediation, command);
  }
});

Deno.test("root needs no group and no sudo", async () => {
  const host = goodHost();
  outsider(host);
  host.uid = 0;
  delete host.programs["bwrap"];
  assert.equal((await one("host.group.kvm", host)).status, "PASS");
  assert.match((await one("host.command.bwrap", host)).remediation, /^apt-get update && apt-get install /);
});

Deno.test("a failure blocks the profile whose guests can't be had", async () => {
  const host = goodHost();
  host.kvm = NO_KVM;
  host.firmware = [];
  const blocking = async (profile: "windows" | "linux") =>
    (await reports(host, { profile })).filter((check) => check.blocking).map(({ check_id }) => check_id);
  assert.deepEqual(await blocking("windows"), ["firmware.ovmf_secure_boot"]);
  assert.deepEqual(await blocking("linux"), []);
});
