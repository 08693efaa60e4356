/** `rayvisor preflight` on the machine that the tests run on. */
import assert from "node:assert/strict";
import { probeKvm } from "../../src/host/kvm_probe.ts";
import { CHECKS } from "../../src/preflight/table.ts";
import { findQemu } from "../../src/qemu/probe.ts";
import { exec, isRunning, withRoot } from "./rig.ts";

interface Said {
  readonly check_id: string;
  readonly status: string;
  readonly details: string;
  readonly remediation: string;
}

Deno.test("preflight of this machine says of KVM what a probe guest proves, and makes nothing", () =>
  withRoot(async ({ root, run }) => {
    const report = `${root}/report.json`;
    const ran = await run("--json", "preflight", "--report-json", report);
    const { schema_version, checks, summary } = ran.json();
    assert.equal(ran.stderr, "");
    assert.equal(schema_version, 1);
    assert.deepEqual(checks.map((one: Said) => one.check_id), CHECKS.map(({ id }) => id));
    const find = (id: string): Said => checks.find((one: Said) => one.check_id === id);

    const kvm = await probeKvm(await findQemu());
    assert.equal(find("kvm.proven").status, kvm.usable ? "PASS" : "FAIL");
    if (!kvm.usable) {
      assert.match(find("kvm.proven").details, /a probe guest|not there/);
      assert.match(find("kvm.proven").remediation, /software emulation/);
      assert.equal(find("kvm.smm").status, "SKIP");
      assert.ok(!summary.blocking.includes("kvm.proven"), "guests run all the same, slowly");
    }
    // What the tests themselves need.
    for (const id of ["qemu.version", "qemu.devices", "tpm.self_test", "firmware.ovmf_secure_boot"]) {
      assert.equal(find(id).status, "PASS", find(id).details);
    }
    assert.equal(ran.code, summary.fail > 0 ? 1 : 0);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(report)), ran.json());
    assert.equal(((await Deno.stat(report)).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["report.json"]);
  }, null));

Deno.test("preflight tells people what was found, why it matters and what to do, by groups", async () => {
  const media = ["--windows-iso", "/etc/os-release", "--profile", "windows"];
  const ran = await exec(["preflight", "--only", "media.windows_iso,confinement", ...media]);
  assert.equal(ran.code, 1);
  assert.equal(ran.stderr, "", "no moving line without a terminal");
  assert.match(ran.stdout, /^confinement\n {2}(PASS|WARN) {2}host\.command\.bwrap: /);
  assert.match(
    ran.stdout,
    /\nmedia\n {2}FAIL {2}media\.windows_iso: \/etc\/os-release: .*\n {8}Windows medium: .*\n {8}do: download it again/,
  );
  assert.match(
    ran.stdout,
    /\nFAIL {2}\d passed, \d warned, \d failed, \d skipped in .* s\nno windows guest before/,
  );
});

Deno.test("preflight with wrong flags ends with 2 and asks the host nothing", async () => {
  for (
    const [args, words] of [
      [["--only", "host.swop"], /did you mean 'host.swap'/],
      [["--only", ","], /--only names nothing/],
      [["--profile", "mac"], /mac/],
      [["--min-total-ram-gib", "lots"], /--min-total-ram-gib wants a number/],
      [["--min-total-ram-gib", "8", "--recommended-total-ram-gib", "4"], /is less than/],
      [["--windows-iso-sha256", "abc"], /64 hexadecimal digits/],
    ] as const
  ) {
    const ran = await exec(["preflight", ...args]);
    assert.equal(ran.code, 2, args.join(" "));
    assert.match(ran.stderr, words);
    assert.equal(ran.stdout, "");
  }
});

Deno.test("a warning makes the exit code 1 with --strict-warn alone", async () => {
  const args = ["preflight", "--only", "host.ram_total", "--min-total-ram-gib", "0.1"];
  const warned = [...args, "--recommended-total-ram-gib", "1000000"];
  const fine = [...args, "--recommended-total-ram-gib", "0.1", "--strict-warn"];
  assert.deepEqual((await exec(warned)).code, 0);
  assert.deepEqual((await exec([...warned, "--strict-warn"])).code, 1);
  assert.deepEqual((await exec(fine)).code, 0);
});

Deno.test("a report that can't be written is a failure", async () => {
  const ran = await exec([
    "--json",
    "preflight",
    "--only",
    "host.os",
    "--report-json",
    "/no/such/folder/x.json",
  ]);
  assert.equal(ran.code, 1);
  assert.equal(ran.json().error.code, "io");
});

Deno.test("a virsh that hangs is killed with all that it has started when preflight ends", () =>
  withRoot(async ({ root, run, how }) => {
    const pids = `${root}/pids`;
    const virsh = `#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $$ $! >> ${pids}\nwait\n`;
    await Deno.mkdir(`${root}/bin`);
    await Deno.writeTextFile(`${root}/bin/virsh`, virsh, { mode: 0o755 });
    how.path = `${root}/bin:${Deno.env.get("PATH")}`;
    const ran = await run("--json", "--timeout", "2", "preflight", "--only", "libvirt.connection");
    assert.equal(ran.code, 6);
    assert.equal(ran.json().error.code, "outcome_unknown");
    const [own, child] = (await Deno.readTextFile(pids)).trim().split(" ").map(Number);
    assert.ok(own && child);
    assert.deepEqual([await isRunning(own), await isRunning(child)], [false, false]);
  }, null));

Deno.test("preflight looks into the UEFI variables of a guest that runs", () =>
  withRoot(async ({ ok, run }) => {
    const definition = ["--type", "linux", "--id", "sb", "--memory", "256", "--disk", "1G", "--secure-boot"];
    await ok("vm", "define", ...definition);
    await ok("vm", "start", "sb"); // its QEMU holds the file from now on
    const { checks } = (await run("--json", "preflight", "--only", "firmware.certificates")).json();
    const [{ status, details }] = checks;
    // Which certificates the host's firmware package brings is the distribution's affair.
    assert.match(`${status} ${details}`, /^WARN .*those of sb lack|^PASS .* and 1 guests$/);
  }));
