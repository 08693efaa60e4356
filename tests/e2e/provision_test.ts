/** A Linux guest from an answers file to its baseline, by the compiled program and with real parts. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import {
  appears,
  checkProvisioned,
  endOf,
  marker,
  PASSWORD,
  PROVISION_POLICY,
  provisioning,
  writeAnswers,
} from "./provision_rig.ts";
import { type Ran, type Rig, serialUntil, withRoot } from "./rig.ts";

/** Every file below the root that has these bytes in it. */
async function filesWith(root: string, text: string): Promise<string[]> {
  const found = await new Deno.Command("grep", { args: ["-rlaF", "--", text, root] }).output();
  return new TextDecoder().decode(found.stdout).split("\n").filter((line) => line !== "");
}

async function eventsOf(rig: Rig, vm: string): Promise<string[]> {
  const log = await Deno.readTextFile(layoutOf(rig.root).rayosLog);
  return log.split("\n").filter((line) => line.includes(`vm=${vm}`));
}

Deno.test("a guest is provisioned from an answers file: installed, proven, kept as a baseline, its network off at the end", () =>
  withRoot(async (rig) => {
    const answers = await writeAnswers(rig, "[network]\nduring_install = true\n", 'profile = "net"');
    let ran: Promise<Ran> | undefined;
    await marker(rig, "web", (event) => event === "RAYOS_NETWORK:on", () => {
      ran = endOf(provisioning(rig, "web", "--answers", answers));
    });
    assert.equal((await rig.ok("vm", "show", "web")).network, "unrestricted");
    const busy = await rig.fails(5, "vm", "reset", "web");
    assert.match(busy.message, /is being provisioned/);
    const end = await ran;
    assert.equal(end?.code, 0, JSON.stringify(end));
    await checkProvisioned(rig, "web", "clean");

    const log = await eventsOf(rig, "web");
    const at = (part: string) => log.findIndex((line) => line.includes(part));
    const order = [
      "RAYOS_PROVISION:begin",
      "step=install",
      "RAYOS_NETWORK:on",
      "RAYOS_NETWORK:off",
      "step=verify",
      "step=baseline",
      "RAYOS_SNAPSHOT:create",
      "RAYOS_PROVISION:done",
    ].map(at);
    assert.ok(order.every((line) => line >= 0), log.join("\n"));
    assert.deepEqual(order, order.toSorted((a, b) => a - b), log.join("\n"));
    assert.equal(
      log.filter((line) => line.includes("RAYOS_LINUX_VM_READY")).length,
      2,
      "once installing, once proven",
    );
    assert.deepEqual(await filesWith(rig.root, PASSWORD), [`${rig.root}/password`]);

    await rig.ok("vm", "start", "web", "--wait", "ready");
    const said = await serialUntil(rig, "web", (text) => text.includes("GUEST-READY"));
    assert.match(said, /SecureBoot=01/);
    assert.match(said, /TPM 2 present/);
    assert.match(said, /PROVISIONED instance=\S+ host=web-1/);
    const argv = JSON.stringify(await rig.ok("vm", "argv", "web"));
    assert.doesNotMatch(argv, /netdev|virtio-net|cdrom/);
  }, PROVISION_POLICY));

Deno.test("a run that is killed in the middle of each step and begun again ends the same", () =>
  withRoot(async (rig) => {
    const answers = await writeAnswers(rig);
    const { folder } = layoutOf(rig.root).guest("linux", "web");
    /** Kills the supervisor as soon as that is seen, and looks where the next one finds the run. */
    const cutOff = async (step: string, seen: (act: () => void) => Promise<void>, ...args: string[]) => {
      await rig.run("vm", "list"); // a supervisor is there
      const { supervisor } = await rig.ok("status");
      let ran: Promise<Ran> | undefined;
      await seen(() => {
        ran = endOf(provisioning(rig, "web", ...args));
      });
      Deno.kill(supervisor.pid, "SIGKILL");
      assert.equal((await ran)?.code, 6);
      await rig.run("vm", "list");
      const { provisioning: [run] } = await rig.ok("status");
      assert.deepEqual([run?.step, run?.state], [step, "interrupted"]);
    };
    const entered =
      (step: string, more: (fields: Readonly<Record<string, unknown>>) => boolean) => (act: () => void) =>
        marker(
          rig,
          "web",
          (event, fields) => event === "RAYOS_PROVISION:step" && fields.step === step && more(fields),
          act,
        );
    await cutOff("media", (act) => appears(`${folder}/..`, /seed\.iso\..*\.tmp/, act), "--answers", answers);
    await cutOff("disk", (act) => appears(folder, /disk\.qcow2\..*\.tmp/, act));
    await cutOff("define", (act) => appears(folder, /tpm\/making/, act));
    await cutOff("install", entered("install", ({ phase }) => phase === "firmware"));
    assert.ok((await rig.ok("vm", "show", "web")).pid, "the guest goes on installing itself meanwhile");
    await cutOff("install", entered("install", ({ phase }) => String(phase).startsWith("agent answers")));
    await cutOff("verify", entered("verify", () => true));
    await cutOff("baseline", (act) => appears(folder, /clean~part/, act));
    const done = await rig.run("--json", "provision", "web");
    assert.equal(done.code, 0, done.stdout + done.stderr);
    await checkProvisioned(rig, "web", "clean");
    await rig.ok("audit", "verify");
    await rig.ok("vm", "start", "web");
    await serialUntil(rig, "web", (text) => /PROVISIONED instance=\S+ host=web-1/.test(text));
  }, PROVISION_POLICY));
