/**
 * `deno task test:cloud`: Debian 12 with cloud-init is provisioned from an answers file, by the compiled program and with nothing
 * faked: Secure Boot with Debian's signed loaders and kernel, a TPM, a seed that cloud-init itself reads. It takes minutes
 * without KVM, and so is no part of the tests.
 */
import assert from "node:assert/strict";
import { POLICY, serialUntil, withRoot } from "../e2e/rig.ts";
import { debianCloudImage } from "../guest/cloud.ts";
import { CLOUD_MEMORY_MIB } from "../guest/debian_recipe.ts";

/** A boot on a busy host without KVM. */
const BOOT_MS = 900_000;

const DEBIAN_POLICY = `${POLICY.replace("mem_mib = 512", `mem_mib = ${CLOUD_MEMORY_MIB}`)}
[profiles.debian]
kind = "linux"
max_vcpu = 2
max_memory_mb = ${CLOUD_MEMORY_MIB}
cpu_percent = 100
secure_boot = "required"
tpm = "required"
guest_agent = ["ping", "osinfo", "shutdown"]
[profiles.debian.snapshots]
max = 1
`;

Deno.test("Debian is provisioned from an answers file, proves itself without its seed, and stays what it was made", () =>
  withRoot(async (rig) => {
    const image = await debianCloudImage();
    await rig.write("password", "correct horse battery staple\n");
    await rig.write(
      "answers.toml",
      `version = 0
[guest]
type = "linux"
profile = "debian"
vcpu = 2
memory_mib = ${CLOUD_MEMORY_MIB}
[disk]
image = "${image}"
image_format = "qcow2"
size = "2GiB"
[firmware]
secure_boot = true
tpm = true
[linux]
hostname = "debian-1"
run = [["sh", "-c", "echo made-by-cloud-init >/etc/issue"]]
[user]
name = "op"
password_file = "password"
[install]
timeout_minutes = 60
`,
    );
    const ran = await rig.run("--json", "provision", "deb", "--answers", `${rig.root}/answers.toml`);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);

    const shown = await rig.ok("vm", "show", "deb");
    assert.equal(shown.state, "stopped");
    assert.equal(shown.record.storage.cdroms, undefined, "no medium is left in it");
    assert.deepEqual(shown.record.devices.network, { enabled: false });
    await Deno.stat(`${rig.root}/vm/linux/deb/snapshots/clean/manifest.json`);
    const done = JSON.parse(await Deno.readTextFile(`${rig.root}/vm/linux/deb/provisioned.json`));
    assert.match(done.os.name, /^Debian GNU\/Linux/);

    await rig.ok("vm", "start", "deb");
    const said = await serialUntil(rig, "deb", (text) => text.includes("debian-1 login:"), BOOT_MS);
    assert.match(said, /UEFI Secure Boot is enabled/);
    assert.match(said, /made-by-cloud-init/);
    assert.equal((await rig.ok("vm", "show", "deb")).live.agent.host_name, "debian-1");
    await rig.ok("vm", "stop", "deb");
  }, DEBIAN_POLICY));
