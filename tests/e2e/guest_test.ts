/** The real test guest by the compiled program: firmware, Secure Boot, TPM, agent, and what happens without them. */
import assert from "node:assert/strict";
import { firmwareSayings } from "../../src/efi/evidence.ts";
import { PROGRAMS } from "../../src/ports/self.ts";
import { layoutOf } from "../../registry/layout.ts";
import { buildGuest } from "../guest/build.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import {
  defineSmall,
  ended,
  isRunning,
  POLICY,
  type Rig,
  serialUntil,
  showUntil,
  stopSupervisor,
  withRoot,
} from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

const CACHE = new URL("../../dist/guest", import.meta.url).pathname;
const GUEST_POLICY = POLICY + `
[profiles.no-agent-shutdown]
kind = "linux"
present = true
max_vcpu = 1
max_memory_mb = 512
cpu_percent = 50
secure_boot = "allowed"
guest_agent = ["ping", "osinfo"]
`;

/** The processes of a running guest. */
async function processesOf(rig: Rig, id: string): Promise<{ qemu: number; swtpm?: number }> {
  const record = JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime(id).record));
  return { qemu: record.qemu.pid, ...(record.swtpm ? { swtpm: record.swtpm.pid } : {}) };
}

async function placeGuest(rig: Rig): Promise<string> {
  const { image } = await buildGuest({ cacheDir: CACHE });
  const disk = "vm/linux/disk.raw";
  await Deno.mkdir(`${rig.root}/vm/linux`, { recursive: true });
  await Deno.copyFile(image, `${rig.root}/${disk}`);
  await Deno.chmod(`${rig.root}/${disk}`, 0o600);
  return disk;
}

function define(rig: Rig, id: string, disk: string, ...more: string[]): Promise<Any> {
  const memory = String(GUEST_MEMORY_MIB);
  return rig.ok("vm", "define", "--type", "linux", "--id", id, "--memory", memory, "--disk", disk, ...more);
}

Deno.test("a Linux guest boots from its disk with and without Secure Boot, and its agent is the host's hand in it", async (t) => {
  await withRoot(async (rig) => {
    const disk = await placeGuest(rig);
    await define(rig, "secure", disk, "--secure-boot", "--tpm");
    let before: { qemu: number; swtpm?: number };

    await t.step("it is ready when its agent answers, and says so by markers", async () => {
      assert.equal((await rig.ok("vm", "start", "secure", "--wait", "ready")).state, "running");
      const events = (await rig.run("--json", "events", "-n", "200", "--vm", "secure")).stdout;
      const names = events.trim().split("\n").map((line) => JSON.parse(line).event);
      const wanted = ["RAYOS_VM:start", "RAYOS_VM:running", "RAYOS_LINUX_VM_READY"];
      assert.deepEqual(names.filter((name) => wanted.includes(name)), wanted);
      before = await processesOf(rig, "secure");
    });

    await t.step("its own words: Secure Boot is on, the TPM is there, the disk is its", async () => {
      const text = await serialUntil(rig, "secure", (text) => text.includes("GUEST-READY"));
      assert.match(text, /^EFI SecureBoot=01\r?$/m);
      assert.match(text, /^TPM 2 present\r?$/m);
      assert.match(text, /^DISK vda boots=1\r?$/m);
    });

    await t.step("live figures come from QEMU, the balloon and the agent", async () => {
      const { live, ready, serial_tail } = await rig.ok("vm", "show", "secure");
      assert.equal(ready, true);
      assert.deepEqual(live.unanswered, []);
      assert.equal(live.agent.host_name, "testguest");
      assert.match(JSON.stringify(live.agent.os), /rayvisor-test-guest/);
      assert.equal(live.agent.vcpus, 1);
      assert.ok(live.block.some((node: Any) => node.read_bytes > 1024 * 1024 && node.read_ops > 0));
      assert.ok(live.block.some((node: Any) => node.written_bytes > 0), "the guest counts its boots");
      assert.deepEqual(live.tpm, ["tpm-crb"]);
      const { assigned_mib, guest_total_mib, guest_free_mib } = live.memory;
      assert.equal(assigned_mib, GUEST_MEMORY_MIB);
      assert.ok(guest_total_mib > 0 && guest_total_mib < assigned_mib, `total ${guest_total_mib} MiB`);
      assert.ok(guest_free_mib > 0 && guest_free_mib < guest_total_mib, `free ${guest_free_mib} MiB`);
      assert.ok(serial_tail.some((line: string) => line.startsWith("GUEST-READY")));
    });

    await t.step("its firmware is proven from outside", async () => {
      const proof = await rig.ok("vm", "firmware", "secure");
      assert.deepEqual([proof.firmware_ran, proof.secure_boot_enforced], [true, true]);
      assert.ok(proof.certificates.some((name: string) => name.includes("Microsoft")), proof.certificates);
      assert.equal(typeof proof.tpm_answered, "boolean", "an operating system has used the TPM since");
    });

    await t.step("paused it does not answer, resumed it does", async () => {
      assert.equal((await rig.ok("vm", "pause", "secure")).state, "paused");
      const { live } = await rig.ok("vm", "show", "secure");
      assert.deepEqual([live.status, live.agent, live.unanswered], ["paused", null, ["agent"]]);
      assert.equal((await rig.ok("vm", "resume", "secure")).state, "running");
      assert.equal((await rig.ok("vm", "show", "secure")).live.agent.host_name, "testguest");
    });

    await t.step("it outlives a supervisor that is killed, and answers the next one", async () => {
      const { supervisor } = await rig.ok("status");
      Deno.kill(supervisor.pid, "SIGKILL");
      await rig.ok("vm", "list");
      const shown = await showUntil(rig, "secure", (guest) => guest.ready);
      assert.equal(shown.live.agent.host_name, "testguest");
      assert.deepEqual(await processesOf(rig, "secure"), before);
    });

    await t.step("it stops through its agent, and its TPM with it", async () => {
      const stopped = await rig.ok("vm", "stop", "secure");
      assert.equal(stopped.state, "stopped");
      assert.match(stopped.notes.join(), /^ended by: agent, after /);
      assert.equal(await isRunning(before.qemu), false);
      await ended(before.swtpm);
      assert.equal((await rig.ok("audit", "verify")).valid, true);
    });

    await t.step(
      "the same disk boots without Secure Boot; without the agent the power button stops it",
      async () => {
        const plain = [
          "--type",
          "linux",
          "--id",
          "plain",
          "--memory",
          "64",
          "--profile",
          "no-agent-shutdown",
        ];
        const taken = await rig.fails(5, "vm", "define", ...plain, "--disk", disk);
        assert.match(taken.message, /belongs to the guest secure/);
        await rig.ok("vm", "delete", "secure", "--yes");
        await define(rig, "plain", disk, "--profile", "no-agent-shutdown");
        await rig.ok("vm", "start", "plain", "--wait", "ready");
        const text = await serialUntil(rig, "plain", (text) => text.includes("GUEST-READY"));
        assert.match(text, /^EFI SecureBoot=00\r?$/m);
        assert.match(text, /^DISK vda boots=2\r?$/m);
        assert.doesNotMatch(text, /^TPM /m);
        const proof = await rig.ok("vm", "firmware", "plain");
        assert.deepEqual([proof.firmware_ran, proof.secure_boot_enforced], [true, false]);
        const stopped = await rig.ok("vm", "stop", "plain");
        assert.equal(stopped.state, "stopped");
        assert.match(stopped.notes.join(), /^ended by: acpi, after /);
      },
    );
  }, GUEST_POLICY);
});

Deno.test("a Windows guest's firmware, Secure Boot and TPM are proven from outside, with nothing to boot", () =>
  withRoot(async (rig) => {
    const sizes = ["--vcpu", "2", "--memory", "512", "--disk", "64M"];
    await rig.ok("vm", "define", "--type", "windows", "--id", "w", ...sizes, "--profile", "small-windows");
    await rig.ok("vm", "start", "w");
    const { qemu, swtpm } = await processesOf(rig, "w");
    await serialUntil(rig, "w", (text) => firmwareSayings(text).includes("no_bootable_device"));
    const { certificates, ...proof } = await rig.ok("vm", "firmware", "w");
    assert.deepEqual(proof, {
      vm: "w",
      firmware_ran: true,
      secure_boot_enforced: true,
      tpm_answered: true,
      tpm_recorded: true,
    });
    assert.ok(certificates.some((name: string) => name.includes("Microsoft")), certificates);
    const stopped = await rig.ok("vm", "stop", "w", "--grace", "0");
    assert.equal(stopped.state, "stopped");
    assert.match(stopped.notes.join(), /^ended by: quit, after /);
    assert.equal(await isRunning(qemu), false);
    await ended(swtpm);
    await rig.ok("audit", "verify");
  }));

/** The programs that the product starts, as the search path of a host that lacks some of them. */
async function pathWithout(folder: string, ...missing: string[]): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  for (
    const name of [...PROGRAMS.self, ...PROGRAMS.guests, "swtpm_localca"]
  ) {
    if (missing.includes(name) || name.startsWith("/")) continue;
    const found = (Deno.env.get("PATH") ?? "").split(":").map((dir) => `${dir}/${name}`);
    for (const file of found) {
      if (await Deno.stat(file).then((info) => info.isFile, () => false)) {
        await Deno.symlink(file, `${folder}/${name}`);
        break;
      }
    }
  }
  return folder;
}

/** Nothing of a guest was started: no run record, no socket, no crash, and the trail has no beginning of it. */
async function nothingStarted(rig: Rig, id: string): Promise<void> {
  await assert.rejects(Deno.stat(layoutOf(rig.root).runtime(id).folder), Deno.errors.NotFound);
  const guest = (await rig.ok("vm", "list")).find((one: Any) => one.id === id);
  assert.deepEqual([guest.state, guest.pid], ["stopped", null]);
  const trail = (await rig.run("--json", "audit", "tail", "-n", "1000", "--vm", id)).stdout.trim().split(
    "\n",
  );
  const begun = trail.map((line) => JSON.parse(line)).filter((record) =>
    record.action === "vm.start" && record.phase === "started"
  );
  assert.deepEqual(begun, []);
}

Deno.test("without swtpm a guest with a TPM is not started, and swtpm is named", () =>
  withRoot(async (rig) => {
    await rig.ok("vm", "define", "--type", "linux", "--id", "g", "--memory", "64", "--disk", "1M", "--tpm");
    await stopSupervisor(rig);
    rig.how.path = await pathWithout(`${rig.root}/bin`, "swtpm");
    const error = await rig.fails(7, "vm", "start", "g");
    assert.equal(error.code, "missing");
    assert.match(error.message, /swtpm/);
    await nothingStarted(rig, "g");
    await defineSmall(rig, "without");
    await rig.ok("vm", "start", "without");
  }));

Deno.test("without QEMU no guest is started, and it is named", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g");
    await stopSupervisor(rig);
    rig.how.path = await pathWithout(`${rig.root}/bin`, "qemu-system-x86_64");
    const error = await rig.fails(7, "vm", "start", "g");
    assert.equal(error.code, "missing");
    assert.match(error.message, /qemu-system-x86_64/);
    await nothingStarted(rig, "g");
  }));

Deno.test("without firmware that has Secure Boot a guest that asks for it is not started", () => {
  const name = "without firmware that has Secure Boot a guest that asks for it is not started";
  return withRoot(async (rig) => {
    const hide = 'mount -t tmpfs none /usr/share/qemu/firmware && exec "$@"';
    const asRoot = Deno.uid() === 0 ? [] : ["--map-root-user"];
    const wrap = ["unshare", ...asRoot, "--mount", "sh", "-c", hide, "sh"];
    const [program = "", ...args] = [...wrap, "true"];
    const tried = await new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).output();
    if (!tried.success) {
      const why = new TextDecoder().decode(tried.stderr).trim().split("\n").at(-1);
      // deno-lint-ignore no-console -- the line that the test run counts as skipped
      return console.log(`SKIP ${name}: no mount namespace can be made here (${why})`);
    }
    const secure = ["--memory", "64", "--disk", "1M", "--secure-boot"];
    await rig.ok("vm", "define", "--type", "linux", "--id", "g", ...secure);
    await stopSupervisor(rig);
    rig.how.wrap = wrap;
    const error = await rig.fails(7, "vm", "start", "g");
    assert.equal(error.code, "missing");
    assert.match(JSON.stringify(error), /Secure Boot/);
    await nothingStarted(rig, "g");
  });
});
