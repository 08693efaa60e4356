/** What a guest does to itself, with real QEMU by the compiled program: each its own event, record, state and policy. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { BOOT_SECTORS } from "../guest/boot_sectors.ts";
import { bootSectorGuest, policyWith } from "./boot_sector_guest.ts";
import { ended, isRunning, type Rig, serialUntil, showUntil, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

const POLICIES = policyWith({
  "panic-stop": 'on_panic = "stop"',
  "panic-reset": 'on_panic = "reset"',
  "watchdog-stop": 'on_watchdog = "stop"',
  "watchdog-reset": 'on_watchdog = "reset"',
  "reboot-stop": 'on_reboot = "stop"\non_panic = "reset"',
});

/** Starts a guest that is this boot sector; `profile` is one of the policy above. */
async function boot(
  rig: Rig,
  sector: Uint8Array<ArrayBuffer>,
  profile = "default-linux",
): Promise<{ pid: number }> {
  await bootSectorGuest(rig, "g", sector, { policy_profile: profile });
  await rig.ok("vm", "start", "g");
  return { pid: JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime("g").record)).qemu.pid };
}

async function recordsOf(rig: Rig, action: string): Promise<Any[]> {
  const text = (await rig.run("--json", "audit", "tail", "-n", "1000", "--vm", "g")).stdout.trim();
  return text.split("\n").map((line) => JSON.parse(line)).filter((record) => record.action === action);
}

/** Waits until the guest has said its name as often as this, each time it boots. */
const bootedTimes = (rig: Rig, times: number, name: string) =>
  serialUntil(rig, "g", (text) => text.split(name).length > times);

/** The events of a name. */
async function saidOf(rig: Rig, event: string): Promise<Any[]> {
  const text = (await rig.run("--json", "events", "-n", "1000", "--vm", "g")).stdout.trim();
  return text.split("\n").map((line) => JSON.parse(line)).filter((said) => said.event === event);
}

/** Lets a guest panic that waits for a byte, while no supervisor holds its sockets. */
async function panicByByte(rig: Rig): Promise<void> {
  const { serial, qmp } = layoutOf(rig.root).runtime("g");
  using monitor = await Deno.connect({ transport: "unix", path: qmp });
  using port = await Deno.connect({ transport: "unix", path: serial });
  const limit = setTimeout(() => monitor.close(), 60_000);
  const text = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let said = "";
  const until = async (word: string) => {
    while (!said.includes(word)) {
      const n = await monitor.read(buffer).catch(() => null);
      assert.ok(n, `QEMU did not say ${word}; all it said: ${said}`);
      said += text.decode(buffer.subarray(0, n));
    }
  };
  try {
    await monitor.write(new TextEncoder().encode('{"execute": "qmp_capabilities"}\n'));
    await until('"return"'); // events come to who has negotiated alone
    await port.write(new Uint8Array([10]));
    await until('"GUEST_PANICKED"');
  } finally {
    clearTimeout(limit);
  }
}

async function reportAt(path: string): Promise<Any> {
  return JSON.parse(await Deno.readTextFile(path));
}

const crashFolder = (rig: Rig) =>
  [...Deno.readDirSync(layoutOf(rig.root).crashFolder)].map(({ name }) => name);

Deno.test("a guest that powers itself off is stopped, by its own doing, and no crash", () =>
  withRoot(async (rig) => {
    const { pid } = await boot(rig, BOOT_SECTORS.powerOff);
    const shown = await showUntil(rig, "g", ({ state }) => state === "stopped");
    assert.deepEqual([shown.problem, shown.crash_report, shown.pid], [null, null, null]);
    await ended(pid);
    const [record] = await recordsOf(rig, "vm.guest_shutdown");
    assert.deepEqual([record.event, record.detail.reason], ["RAYOS_VM:stop", "guest-shutdown"]);
    assert.deepEqual(crashFolder(rig), []);
  }));

Deno.test("a guest that is asked by its power button powers itself off", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.powerOffOnButton);
    await bootedTimes(rig, 1, "AWAITS ITS BUTTON"); // the firmware does not hear it
    const stopped = await rig.ok("vm", "stop", "g");
    assert.equal(stopped.state, "stopped");
    assert.match(stopped.notes[0], /^ended by: acpi,/);
  }));

Deno.test("a guest that reboots itself goes on where on_reboot is reset, and is stopped where it is stop", async (t) => {
  await t.step("reset", () =>
    withRoot(async (rig) => {
      const { pid } = await boot(rig, BOOT_SECTORS.rebootOnce);
      await bootedTimes(rig, 2, "REBOOTS ONCE");
      const shown = await rig.ok("vm", "show", "g");
      assert.deepEqual([shown.state, shown.pid], ["running", pid]);
      const [record] = await recordsOf(rig, "vm.guest_reset");
      assert.deepEqual([record.event, record.detail.reason], ["RAYOS_VM:reset", "guest-reset"]);
      assert.equal((await rig.ok("vm", "reset", "g")).state, "running");
    }, POLICIES));
  await t.step("stop", () =>
    withRoot(async (rig) => {
      await boot(rig, BOOT_SECTORS.rebootOnce, "reboot-stop");
      const shown = await showUntil(rig, "g", ({ state }) => state === "stopped");
      assert.deepEqual([shown.problem, shown.crash_report], [null, null]);
      const [record] = await recordsOf(rig, "vm.guest_shutdown");
      assert.deepEqual([record.event, record.detail.reason], ["RAYOS_VM:stop", "guest-reset"]);
      assert.deepEqual(await recordsOf(rig, "vm.guest_reset"), []);
    }, POLICIES));
});

Deno.test("where a reset would end the guest it is denied, until the policy says otherwise, also to one that runs", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.halt, "reboot-stop");
    await bootedTimes(rig, 1, "HALTED"); // or the reset could come before it
    const error = await rig.fails(3, "vm", "reset", "g");
    assert.deepEqual(error.reasons.map(({ rule }: Any) => rule), ["reset_not_allowed"]);
    assert.match(error.reasons[0].where, /reboot-stop"?\.on_reboot \(line \d+\)/);
    await rig.write("other.toml", POLICIES.replace('on_reboot = "stop"', 'on_reboot = "reset"'));
    await rig.ok("policy", "apply", `${rig.root}/other.toml`);
    assert.equal((await rig.ok("vm", "reset", "g")).state, "running");
    await bootedTimes(rig, 2, "HALTED");
    assert.equal((await rig.ok("vm", "show", "g")).state, "running");
  }, POLICIES));

for (const failing of ["panic", "watchdog"] as const) {
  const reason = failing === "panic" ? "guest-panic" : "watchdog";
  const word = failing === "panic" ? "PANICS" : "ARMS ITS WATCHDOG";

  Deno.test(`${failing}: by default the guest stands still to be looked at, and its report tells the story`, () =>
    withRoot(async (rig) => {
      const { pid } = await boot(rig, BOOT_SECTORS[failing]);
      const shown = await showUntil(rig, "g", (guest) => guest.crash_report !== null);
      assert.deepEqual([shown.state, shown.pause_reason, shown.pid], ["paused", failing, pid]);
      assert.equal(shown.live.status, failing === "panic" ? "guest-panicked" : "watchdog");
      assert.ok(shown.problem && shown.notes.some((note: string) => note.startsWith("paused: ")));
      const [record] = await recordsOf(rig, `vm.${failing}`);
      assert.equal(record.event, `RAYOS_VM:${failing}`);
      assert.deepEqual(record.detail, { kind: "linux", reason, then: "pause", report: shown.crash_report });
      const [pause] = await saidOf(rig, "RAYOS_VM:pause");
      assert.equal(pause.fields.reason, failing);
      const report = await reportAt(shown.crash_report);
      assert.deepEqual([report.vm, report.kind, report.reason, report.exit], ["g", failing, reason, null]);
      assert.equal(report.process.pid, pid);
      assert.match(report.versions.qemu, /^\d+\.\d+\.\d+/);
      const names = report.events.map(({ event }: Any) => event);
      const at = names.indexOf(failing === "panic" ? "GUEST_PANICKED" : "WATCHDOG");
      assert.deepEqual([report.events[at].data.action, names[at + 1]], ["pause", "STOP"]);
      assert.ok(
        report.commands.some(({ command, outcome }: Any) => command === "cont" && outcome === "done"),
      );
      assert.ok(report.serial_tail.some((line: string) => line.includes(word)), report.serial_tail);
    }));

  Deno.test(`${failing}: where policy says stop the guest is ended and has crashed`, () =>
    withRoot(async (rig) => {
      const { pid } = await boot(rig, BOOT_SECTORS[failing], `${failing}-stop`);
      const shown = await showUntil(rig, "g", ({ state }) => state === "crashed");
      assert.match(shown.problem, new RegExp(failing));
      assert.equal(await isRunning(pid), false);
      const [record] = await recordsOf(rig, "vm.crash");
      assert.deepEqual(record.detail, { kind: "linux", reason: failing, report: shown.crash_report });
      assert.equal((await reportAt(shown.crash_report)).kind, failing);
      assert.equal(crashFolder(rig).length, 1);
      const stop = await recordsOf(rig, "vm.stop");
      assert.deepEqual(stop.filter(({ phase }) => phase === "finished").map(({ actor }) => actor.kind), [
        "supervisor",
      ]);
      await rig.ok("vm", "start", "g");
    }, POLICIES));

  Deno.test(`${failing}: where policy says reset the guest boots anew and runs`, () =>
    withRoot(async (rig) => {
      const { pid } = await boot(rig, BOOT_SECTORS[`${failing}Once`], `${failing}-reset`);
      await bootedTimes(rig, 2, word);
      const shown = await showUntil(rig, "g", ({ state }) => state === "running");
      assert.deepEqual([shown.pid, shown.pause_reason, shown.problem], [pid, null, null]);
      assert.equal((await reportAt(shown.crash_report)).kind, failing);
      const [record] = await recordsOf(rig, `vm.${failing}`);
      assert.equal(record.detail.then, "reset");
      const reset = (await recordsOf(rig, "vm.reset")).filter(({ phase }) => phase === "finished");
      assert.deepEqual(reset.map(({ actor }) => actor.kind), ["supervisor"]);
    }, POLICIES));
}

Deno.test("a guest that panics in every boot is reset five times and then left standing; ten reports are kept at most", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.panic, "panic-reset");
    const left = await showUntil(rig, "g", ({ problem }) => /left standing/.test(problem ?? ""));
    assert.match(left.problem, /reset 5 times within 10 min/);
    assert.equal((await recordsOf(rig, "vm.reset")).filter(({ phase }) => phase === "finished").length, 5);
    const reported = (guest: Any) => guest.crash_report !== null && crashFolder(rig).length === 6;
    assert.equal((await showUntil(rig, "g", reported)).state, "paused");
    // Every start makes reports anew.
    for (let round = 0; round < 6; round++) {
      const before = (await rig.ok("vm", "show", "g")).crash_report;
      await rig.ok("vm", "reset", "g");
      await showUntil(rig, "g", (guest) => guest.state === "paused" && guest.crash_report !== before);
    }
    const names = crashFolder(rig).sort();
    assert.equal(names.length, 10);
    const { crash_report } = await rig.ok("vm", "show", "g");
    assert.ok(crash_report.endsWith(`/${names.at(-1)}`));
    await rig.ok("audit", "verify");
  }, POLICIES));

Deno.test("a guest that has panicked can't be resumed; a reset boots it anew, a stop ends it", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.panicOnce);
    await showUntil(rig, "g", (guest) => guest.crash_report !== null);
    const error = await rig.fails(5, "vm", "resume", "g");
    assert.match(error.message, /panicked/);
    assert.match(error.hint, /vm reset/);
    assert.equal((await rig.ok("vm", "reset", "g")).state, "running");
    assert.equal((await rig.ok("vm", "pause", "g")).state, "paused");
    const shown = await rig.ok("vm", "show", "g");
    assert.deepEqual([shown.pause_reason, shown.problem], ["operator", null]);
    assert.equal((await rig.ok("vm", "reset", "g")).state, "paused", "who paused it lets it run on");
    assert.equal((await rig.ok("vm", "resume", "g")).state, "running");
    assert.equal((await rig.ok("vm", "stop", "g", "--grace", "0")).state, "stopped");
  }));

Deno.test("a guest whose watchdog ran out can be resumed", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.watchdog);
    await showUntil(rig, "g", (guest) => guest.crash_report !== null);
    assert.equal((await rig.ok("vm", "resume", "g")).state, "running");
    const shown = await rig.ok("vm", "show", "g");
    assert.deepEqual([shown.pause_reason, shown.problem], [null, null]);
  }));

Deno.test("a guest that panics while it is being stopped is ended at once, and is stopped, not crashed", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.panicOnButton, "panic-reset");
    await bootedTimes(rig, 1, "PANICS AT ITS BUTTON"); // the firmware does not hear it
    const stopped = await rig.ok("vm", "stop", "g", "--grace", "600", "--timeout", "60");
    assert.equal(stopped.state, "stopped");
    assert.match(stopped.notes[0], /^ended by: acpi,/);
    const shown = await rig.ok("vm", "show", "g");
    assert.equal((await reportAt(shown.crash_report)).kind, "panic");
    const [record] = await recordsOf(rig, "vm.panic");
    assert.equal(record.detail.then, "stop");
    const [asked] = await recordsOf(rig, "vm.stop");
    assert.equal(record.corr, asked.corr, "it stands with the stop that it belongs to");
  }, POLICIES));

Deno.test("a crash kernel is told of once a boot and let run", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.crashKernel, "panic-stop");
    const shown = await showUntil(rig, "g", (guest) => guest.crash_report !== null);
    assert.deepEqual([shown.state, shown.problem], ["running", null]);
    const records = await recordsOf(rig, "vm.panic");
    assert.deepEqual(records.map(({ detail }) => [detail.reason, detail.then]), [["crash-kernel", "none"]]);
    assert.equal((await reportAt(shown.crash_report)).reason, "crash-kernel");
  }, POLICIES));

Deno.test("somebody outside who sends SIGTERM to QEMU ends the guest in an orderly way, and it is said", () =>
  withRoot(async (rig) => {
    const { pid } = await boot(rig, BOOT_SECTORS.halt);
    Deno.kill(pid, "SIGTERM");
    const shown = await showUntil(rig, "g", ({ state }) => state === "stopped");
    assert.deepEqual([shown.crash_report, shown.problem], [null, null]);
    const [record] = await recordsOf(rig, "vm.ended_outside");
    assert.deepEqual([record.event, record.detail.step, record.detail.reason], [
      "RAYOS_VM:stop",
      "signal",
      "host-signal",
    ]);
  }));

Deno.test("a QEMU that is killed is reported with its signal, its last events, and the words of this run alone", () =>
  withRoot(async (rig) => {
    await boot(rig, BOOT_SECTORS.rebootOnce);
    await rig.ok("vm", "kill", "g");
    const log = layoutOf(rig.root).guest("linux", "g").qemuLog;
    await Deno.writeTextFile(log, "words of a run before\n", { append: true });
    await rig.ok("vm", "start", "g");
    const pid = JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime("g").record)).qemu.pid;
    await bootedTimes(rig, 2, "REBOOTS ONCE");
    await Deno.writeTextFile(log, "words of this run\n", { append: true });
    Deno.kill(pid, "SIGKILL");
    const shown = await showUntil(rig, "g", ({ state }) => state === "crashed");
    const report = await reportAt(shown.crash_report);
    assert.deepEqual([report.kind, report.exit.signal], ["died", "SIGKILL"]);
    assert.ok(report.events.some(({ event }: Any) => event === "RESET"));
    assert.ok(report.qemu_said.includes("words of this run"), report.qemu_said);
    assert.ok(!report.qemu_said.includes("words of a run before"), report.qemu_said);
    assert.ok(report.serial_tail.some((line: string) => line.includes("REBOOTS ONCE")));
  }));

Deno.test("a guest that panics while no supervisor is there is dealt with by the next one, once", async (t) => {
  for (const [profile, state] of [["default-linux", "paused"], ["panic-stop", "crashed"]] as const) {
    await t.step(profile, () =>
      withRoot(async (rig) => {
        const { pid } = await boot(rig, BOOT_SECTORS.panicOnByte, profile);
        await bootedTimes(rig, 1, "AWAITS A BYTE"); // before that the firmware has the port
        const { supervisor } = await rig.ok("status");
        Deno.kill(supervisor.pid, "SIGKILL");
        await ended(supervisor.pid);
        await panicByByte(rig);
        const shown = await showUntil(rig, "g", (guest) => guest.state === state && guest.crash_report);
        assert.equal((await reportAt(shown.crash_report)).process.pid, pid);
        if (state === "crashed") return;
        assert.equal(shown.pause_reason, "panic");
        const next = (await rig.ok("status")).supervisor;
        Deno.kill(next.pid, "SIGKILL");
        await ended(next.pid);
        const again = await rig.ok("vm", "show", "g");
        assert.deepEqual([again.state, again.pause_reason], ["paused", "panic"]);
        assert.equal(again.crash_report, shown.crash_report, "one panic, one report");
        assert.equal(crashFolder(rig).length, 1);
      }, POLICIES));
  }
});
