/** A real Linux guest with UEFI, Secure Boot and a TPM is suspended and resumed: memory, TPM, disk and agent are the same. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { connectUnix } from "../../src/ports/unix_socket.ts";
import { buildGuest } from "../guest/build.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { namesIn } from "./counter_guest.ts";
import { ended, type Rig, withRoot } from "./rig.ts";

const CACHE = new URL("../../dist/guest", import.meta.url).pathname;

/** Runs a command in the guest by its serial console, which a supervisor holds: that one is killed first. */
async function inGuest(rig: Rig, command: string): Promise<string> {
  const { supervisor } = await rig.ok("status");
  if (supervisor) {
    Deno.kill(supervisor.pid, "SIGKILL");
    await ended(supervisor.pid);
  }
  const serial = await connectUnix(layoutOf(rig.root).runtime("t").serial);
  try {
    // The guest may be saying something else still: its agent answers before its boot is told.
    const begin = `BEGIN ${crypto.randomUUID()}`;
    await serial.write(new TextEncoder().encode(`echo "${begin}"; ${command}\n`));
    const buffer = new Uint8Array(4096), decoder = new TextDecoder();
    for (let text = "";;) {
      const n = await serial.read(buffer);
      assert.ok(n, text);
      text += decoder.decode(buffer.subarray(0, n), { stream: true }).replaceAll("\r", "");
      const answer = text.split(`${begin}\n`)[1];
      const end = answer && /^RC (\d+)$/m.exec(answer);
      if (!end) continue;
      assert.equal(end[1], "0", text);
      return answer.slice(0, end.index).trim();
    }
  } finally {
    serial.close();
  }
}

async function check(rig: Rig, path: string): Promise<void> {
  const { code, stdout } = await new Deno.Command("qemu-img", { args: ["check", `${rig.root}/${path}`] })
    .output();
  assert.equal(code, 0, new TextDecoder().decode(stdout));
}

Deno.test("a Linux guest keeps its memory, TPM, disk and agent over a suspend and a new QEMU and swtpm", () =>
  withRoot(async (rig) => {
    const { image } = await buildGuest({ cacheDir: CACHE });
    await Deno.mkdir(`${rig.root}/vm/linux/t`, { recursive: true });
    const disk = "vm/linux/t/disk.qcow2";
    const converted = await new Deno.Command("qemu-img", {
      args: ["convert", "-f", "raw", "-O", "qcow2", image, `${rig.root}/${disk}`],
    }).output();
    assert.ok(converted.success);
    await Deno.chmod(`${rig.root}/${disk}`, 0o600);
    const memory = String(GUEST_MEMORY_MIB);
    const kind = [
      "--type",
      "linux",
      "--id",
      "t",
      "--memory",
      memory,
      "--disk",
      disk,
      "--secure-boot",
      "--tpm",
    ];
    await rig.ok("vm", "define", ...kind);
    await rig.ok("vm", "start", "t", "--wait", "ready");
    const record = JSON.parse(await Deno.readTextFile(layoutOf(rig.root).registryFile)).vms.t;

    const pcrs = "cat /sys/class/tpm/tpm0/pcr-sha256/[0-7]";
    await inGuest(
      rig,
      "echo kept >/run/memory; exec 7>/disk/open; echo one >&7; mount -o remount,sync /disk",
    );
    const before = await inGuest(rig, pcrs);
    const values = before.split("\n");
    assert.equal(values.length, 8);
    assert.ok(values.every((value) => /^[0-9A-F]{64}$/.test(value) && !/^(0+|F+)$/.test(value)), before);
    assert.ok(new Set(values).size > 4, "the firmware has measured what it started");

    const run = JSON.parse(await Deno.readTextFile(layoutOf(rig.root).runtime("t").record));
    await rig.ok("vm", "suspend", "t");
    await ended(run.qemu.pid);
    await ended(run.swtpm.pid);
    await check(rig, disk);
    await check(rig, record.storage.ovmf_vars);

    await rig.ok("vm", "start", "t", "--wait", "ready");
    const shown = await rig.ok("vm", "show", "t");
    assert.deepEqual(shown.live.tpm, ["tpm-crb"]);
    assert.equal(shown.live.agent.host_name, "testguest");
    assert.equal(await inGuest(rig, pcrs), before, "the TPM is the same one");
    assert.equal(await inGuest(rig, "cat /run/memory; echo two >&7; cat /disk/open"), "kept\none\ntwo");
    assert.equal(await inGuest(rig, "wc -l </disk/boots.txt"), "1");

    // A state that is dropped leaves a guest that boots, its disk and TPM usable.
    await rig.ok("vm", "suspend", "t");
    await rig.ok("vm", "start", "t", "--cold", "--wait", "ready");
    assert.equal(await inGuest(rig, "wc -l </disk/boots.txt"), "2");
    assert.equal(await inGuest(rig, pcrs), before, "it has started the same things");
    assert.equal((await rig.ok("vm", "stop", "t")).state, "stopped");
    await check(rig, disk);
    await check(rig, record.storage.ovmf_vars);
    assert.deepEqual(await namesIn(layoutOf(rig.root).guest("linux", "t").state.folder), []);
    await rig.ok("audit", "verify");
  }));
