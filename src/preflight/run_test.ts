import assert from "node:assert/strict";
import fc from "fast-check";
import { ended, goodHost, mediumOf, portOf, VIRSH } from "../../tests/fakes/fake_host.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { Failure } from "../core/problem.ts";
import type { GroupResult } from "../ports/run_group.ts";
import { preflightOptions } from "./options.ts";
import { exitCodeOfReport, reportOf } from "./report.ts";
import { type PreflightProgress, runPreflight } from "./run.ts";
import { selectChecks } from "./select.ts";
import { CHECKS } from "./table.ts";
import { check, CHECK_GROUPS, type CheckReport, pass, type Status } from "./types.ts";

const OPTIONS = preflightOptions({ root: "/var/rayos" });
const never = () => new Promise<GroupResult>(() => {});

Deno.test("the table has each id once, a group for each check, and words for people", () => {
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
  for (const { id, group, why, judged, title, limitMs } of CHECKS) {
    assert.match(id, /^[a-z]+(\.[a-z0-9_-]+)+$/, id);
    assert.ok(CHECK_GROUPS.includes(group), id);
    assert.match(why, /^[A-Z].*\.$/, id);
    assert.match(judged, /^(FAIL|WARN|SKIP).*\.$/, id);
    assert.ok(title !== "" && limitMs >= 5_000, id);
  }
});

Deno.test("the ids that other tools know are there", () => {
  const ids = CHECKS.map(({ id }) => id);
  const programs = ["qemu-system-x86_64", "qemu-img", "virsh", "virt-install", "virt-host-validate", "swtpm"];
  const known = [
    ...[
      "host.os",
      "host.cpu_virtualization",
      "host.dev_kvm",
      "host.kvm_modules",
      "firmware.ovmf_secure_boot",
    ],
    ...["libvirt.connection", "libvirt.default_network", "libvirt.secure_loader", "libvirt.tpm_emulator"],
    ...["host.group.kvm", "host.group.libvirt", "host.ram_total", "host.ram_available", "host.disk_free"],
    ...[
      "host.swap",
      "media.windows_iso",
      "media.virtio_iso",
      ...programs.map((name) => `host.command.${name}`),
    ],
  ];
  assert.deepEqual(known.filter((id) => !ids.includes(id)), []);
});

Deno.test("a run asks each question once, however many checks want the answer", async () => {
  const host = goodHost();
  await runPreflight(OPTIONS, portOf(host));
  assert.deepEqual(host.ran.filter((line) => line.startsWith("virsh")).sort(), Object.values(VIRSH).sort());
  assert.equal(new Set(host.ran).size, host.ran.length);
});

Deno.test("the report has the first form's members first, and sums", async () => {
  const host = goodHost();
  delete host.programs["bwrap"];
  const report = await runPreflight(OPTIONS, portOf(host));
  assert.deepEqual(Object.keys(report), ["schema_version", "generated_at", "profile", "checks", "summary"]);
  assert.equal(report.schema_version, 1);
  for (const one of report.checks) {
    assert.deepEqual(Object.keys(one).slice(0, 4), ["check_id", "status", "details", "remediation"]);
  }
  const { pass, warn, fail, skip, status } = report.summary;
  assert.equal(pass + warn + fail + skip, report.checks.length);
  assert.deepEqual([warn, fail, status], [1, 0, "WARN"]);
  assert.equal(exitCodeOfReport(report, false), 0);
  assert.equal(exitCodeOfReport(report, true), 1);
});

Deno.test("a check that hangs is given up after its time, and the others are not held up", async () => {
  const host = goodHost(), clock = new ManualClock();
  host.clock = clock;
  const port = portOf(host);
  let told: AbortSignal | undefined;
  const running = runPreflight(OPTIONS, {
    ...port,
    run(program, args, limitMs, signal) {
      if (program !== "unshare") return port.run(program, args, limitMs, signal);
      told = signal;
      return never();
    },
  }, {
    // The last one that is still at work is the one that hangs.
    onProgress: (at) => at.kind === "ended" && at.done === at.total - 1 && clock.advance(3_600_000),
  });
  const { checks, summary } = await running;
  const { status, details } = checks.find(({ check_id }) => check_id === "confinement.userns") ?? {};
  assert.equal(status, "FAIL");
  assert.match(details ?? "", /no answer within 10 s: the check was given up/);
  assert.equal(summary.fail, 1);
  assert.equal(clock.armed, 0);
  assert.ok(told?.aborted, "what it still asks is ended");
});

Deno.test("a check that throws fails with what it says, and the others go on", async () => {
  const host = goodHost();
  const port = { ...portOf(host), list: () => Promise.reject(new Error("boom")) };
  const { checks } = await runPreflight({ ...OPTIONS, only: ["kvm"] }, port);
  const modules = checks.find(({ check_id }) => check_id === "host.kvm_modules");
  assert.match(`${modules?.status} ${modules?.details}`, /^FAIL could not be checked: .*boom/);
  assert.equal(checks.filter(({ status }) => status === "PASS").length, checks.length - 1);
});

Deno.test("a run that is called off ends at once, and tells its programs", async () => {
  const host = goodHost(), abort = new AbortController();
  let told: AbortSignal | undefined;
  const port = portOf(host);
  const running = runPreflight(OPTIONS, {
    ...port,
    run(_program, _args, _limitMs, signal) {
      told = signal;
      abort.abort();
      return never();
    },
  }, { signal: abort.signal });
  await assert.rejects(running, (error) => error instanceof Failure && error.code === "cancelled");
  assert.ok(told?.aborted);
  await assert.rejects(runPreflight(OPTIONS, port, { signal: abort.signal }), Failure);
});

Deno.test("progress tells of each check once when it begins and once when it ends, also in disorder", async () => {
  const host = goodHost(), slow = Promise.withResolvers<GroupResult>();
  host.answers[VIRSH.version] = () => slow.promise;
  const seen: PreflightProgress[] = [];
  const report = await runPreflight(OPTIONS, portOf(host), {
    onProgress(at) {
      seen.push(at);
      if (at.kind === "ended" && at.check.id === "tpm.self_test") slow.resolve(ended(""));
    },
  });
  const ids = (kind: PreflightProgress["kind"]) =>
    seen.filter((at) => at.kind === kind).map(({ check }) => check.id);
  assert.deepEqual(
    report.checks.map(({ check_id }) => check_id),
    selectChecks(CHECKS, OPTIONS).map(({ id }) => id),
  );
  assert.deepEqual(ids("begun").sort(), report.checks.map(({ check_id }) => check_id).sort());
  assert.deepEqual(ids("ended").sort(), ids("begun").sort());
  assert.deepEqual(
    seen.flatMap((at) => at.kind === "ended" ? [at.done] : []),
    report.checks.map((_, i) => i + 1),
  );
});

Deno.test("hashing says how far it is", async () => {
  const host = goodHost(), said: string[] = [];
  host.media["/iso/win.iso"] = mediumOf("windows", 4);
  const options = preflightOptions({
    root: "/r",
    windowsIso: "/iso/win.iso",
    only: ["media.windows_iso_sha256"],
  });
  await runPreflight(options, portOf(host), {
    onProgress: (at) => at.kind === "said" && said.push(at.detail),
  });
  assert.deepEqual(said, ["win.iso: 25 % hashed"]);
});

Deno.test("what a program says can't reach a terminal with its escape sequences", async () => {
  const host = goodHost();
  host.tpm = "\x1b]0;owned\x07no\x1b[31m TPM\n\n" + "x".repeat(9_000);
  const [found] = (await runPreflight({ ...OPTIONS, only: ["tpm.self_test"] }, portOf(host))).checks;
  assert.match(found?.details ?? "", /^no TPM x+$/);
  assert.ok((found?.details.length ?? 0) <= 2_000);
});

Deno.test("selectChecks() takes a profile's checks, groups and single checks, and nothing else", () => {
  const ids = (only: string[], profile: "windows" | "linux" = "linux") =>
    selectChecks(CHECKS, { only, profile }).map(({ id }) => id);
  assert.equal(ids([], "windows").length, CHECKS.length);
  assert.ok(!ids([]).includes("media.windows_iso"));
  assert.deepEqual(ids(["kvm.smm", "tpm"]), [
    "kvm.smm",
    "host.command.swtpm",
    "host.command.swtpm_setup",
    "tpm.self_test",
  ]);
  assert.deepEqual(
    ids(["media.windows_iso"]),
    ["media.windows_iso"],
    "named by its id, whatever the profile",
  );
  assert.throws(
    () => ids(["host.swop"]),
    (error) =>
      error instanceof Failure && error.code === "usage" && /'host.swap'/.test(error.problem.hint ?? ""),
  );
});

Deno.test("reportOf() sums up as the worst of all, and the exit code follows", () => {
  const statuses = fc.array(fc.constantFrom<Status>("PASS", "WARN", "FAIL", "SKIP"));
  fc.assert(fc.property(statuses, fc.boolean(), (list, strict) => {
    const checks = list.map((status): CheckReport => ({
      ...{ check_id: "x", status, details: "", remediation: "", group: "host", title: "", why: "" },
      ...{ blocking: false, took_ms: 0 },
    }));
    const report = reportOf(checks, { profile: "linux", startedAt: 0, tookMs: 1, ownMs: 1 });
    const bad = list.includes("FAIL") || (strict && list.includes("WARN"));
    assert.equal(exitCodeOfReport(report, strict), bad ? 1 : 0);
    const worst = (["FAIL", "WARN", "PASS"] as const).find((status) => list.includes(status)) ?? "SKIP";
    assert.equal(report.summary.status, worst);
  }));
});

Deno.test("time in which programs are at work is not counted as the run's own", async () => {
  const host = goodHost(), clock = new ManualClock();
  host.clock = clock;
  const asking = check({
    ...{ id: "a.b", group: "host", title: "t", why: "W.", judged: "FAIL." },
    ask: async ({ port, signal }) => {
      clock.advance(30);
      await Promise.all(["x", "y"].map((name) => port.run(name, [], 1, signal)));
      clock.advance(7);
    },
    judge: () => pass("yes"),
  });
  const answer = () => Promise.resolve(ended("")).then((result) => (clock.advance(500), result));
  host.answers["x "] = host.answers["x"] = answer;
  const { summary } = await runPreflight(OPTIONS, portOf(host), { checks: [asking] });
  assert.deepEqual([summary.took_ms, summary.own_ms], [537, 37]);
});
