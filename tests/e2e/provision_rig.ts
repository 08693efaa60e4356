/** What the tests of provisioning share: answers, the policy, and what a run that ended well leaves. */
import assert from "node:assert/strict";
import { ApiClient } from "../../src/api/client.ts";
import { layoutOf } from "../../registry/layout.ts";
import type { GuestKind } from "../../src/core/ids.ts";
import { cloudTestImage } from "../guest/cloud.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { POLICY, type Ran, type Rig, showUntil, start } from "./rig.ts";

/** Linux guests may have a network while they are installed, and never else. */
export const PROVISION_POLICY = POLICY.replace("[linux]\n", '[linux]\nnetworking = "provisioning_only"\n') + `
[profiles.net]
kind = "linux"
networking = "provisioning_only"
network_profiles = ["unrestricted"]
max_vcpu = 1
max_memory_mb = 512
cpu_percent = 50
secure_boot = "required"
tpm = "required"
guest_agent = ["ping", "osinfo", "shutdown"]
[profiles.net.snapshots]
max = 2
`;

export const PASSWORD = "correct horse battery staple";

/** Writes an answers file and the password file beside it; gives its path. `more` is put at its end. */
export async function writeAnswers(rig: Rig, more = "", guest = ""): Promise<string> {
  await rig.write("password", `${PASSWORD}\n`);
  const path = "answers.toml";
  await rig.write(
    path,
    `version = 0
[guest]
type = "linux"
memory_mib = ${GUEST_MEMORY_MIB}
${guest}
[disk]
image = "${await cloudTestImage()}"
image_format = "raw"
size = "256MiB"
[firmware]
secure_boot = true
tpm = true
[linux]
hostname = "web-1"
[user]
name = "op"
password_file = "password"
${more}`,
  );
  return `${rig.root}/${path}`;
}

/** Begins to provision, and leaves the command running. */
export function provisioning(rig: Rig, ...args: string[]): Deno.ChildProcess {
  return start(["--root", rig.root, "--json", "provision", "--no-preflight", ...args], rig.how);
}

/** The end of a command that was left running. */
export async function endOf(child: Deno.ChildProcess): Promise<Ran> {
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  const out = text.decode(stdout);
  return { code, stdout: out, stderr: text.decode(stderr), json: () => JSON.parse(out) };
}

/** Resolves when something whose name matches appears below the folder; `act` is called when it is being watched. */
export async function appears(folder: string, name: RegExp, act: () => void): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const watcher = Deno.watchFs(folder, { recursive: true });
  act();
  for await (const { paths } of watcher) if (paths.some((path) => name.test(path))) break;
}

/** Waits for a marker of the guest that is content, from now on; `act` is called when it is listened for. */
export async function marker(
  rig: Rig,
  vm: string,
  found: (event: string, fields: Readonly<Record<string, unknown>>) => boolean,
  act: () => void,
): Promise<void> {
  await rig.ok("vm", "list"); // a supervisor is there
  const client = new ApiClient(layoutOf(rig.root).socket);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), 180_000);
  try {
    const events = await client.events(vm, limit.signal);
    act();
    for await (const { event, fields } of events) if (found(event, fields)) return;
  } finally {
    clearTimeout(timer);
    limit.abort();
    client.close();
  }
  assert.fail(`no such marker of ${vm} within three minutes`);
}

/** What must be true of a guest that is provisioned, however often its run was cut off. */
export async function checkProvisioned(
  rig: Rig,
  vm: string,
  baseline: string,
  kind: GuestKind = "linux",
): Promise<void> {
  const layout = layoutOf(rig.root).guest(kind, vm);
  const shown = await showUntil(rig, vm, ({ state, provision }) => state === "stopped" && provision === null);
  assert.equal(shown.record.storage.cdroms, undefined, "no medium is left in it");
  assert.deepEqual(shown.record.devices.network, { enabled: false });
  assert.equal(shown.network, "off");
  const names = [...Deno.readDirSync(layout.folder)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["disk.qcow2", "logs", "ovmf_vars.qcow2", "provisioned.json", "snapshots", "tpm"]);
  const kept = [...Deno.readDirSync(layout.snapshots)].map(({ name }) => name);
  assert.deepEqual(kept, [baseline]);
  const copies = [...Deno.readDirSync(`${layout.snapshots}/${baseline}`)].map(({ name }) => name).sort();
  assert.deepEqual(copies, ["disk-root.qcow2", "manifest.json", "ovmf_vars.qcow2", "tpm"]);
  const manifest = JSON.parse(await Deno.readTextFile(`${layout.snapshots}/${baseline}/manifest.json`));
  assert.deepEqual(manifest.record, { ...shown.record, state: "stopped" });
  const tpm = await Deno.readFile(`${layout.snapshots}/${baseline}/tpm/tpm2-00.permall`);
  assert.deepEqual(tpm, await Deno.readFile(`${layout.folder}/tpm/tpm2-00.permall`));
  const done = JSON.parse(await Deno.readTextFile(`${layout.folder}/provisioned.json`));
  assert.equal(done.baseline, baseline);
  assert.match(done.os.name, /rayvisor test guest/);
}
