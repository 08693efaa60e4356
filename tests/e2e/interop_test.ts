// deno-lint-ignore-file no-console -- a test that can't run here says why
/** Guests for and from other tools: a real libvirtd, a real virt-install, real images. */
import assert from "node:assert/strict";
import { makeImage, qemuImg } from "./images.ts";
import { type Libvirt, withLibvirt } from "./libvirt_rig.ts";
import { makeIso } from "../media/make.ts";
import { POLICY, type Rig, withRoot } from "./rig.ts";

const SESSION = "qemu:///session";
/** Large enough for what virt-install asks for Windows 11. */
const LARGE = POLICY.replace("mem_mib = 1024", "mem_mib = 16384").replaceAll(
  "mem_mib = 512",
  "mem_mib = 8192",
)
  .replaceAll("cpus = 2", "cpus = 4");

/** Devices of a command line: each driver with its place on the bus. */
function devicesOf(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (args[i - 1] !== "-device") return [];
    const { driver, addr, bootindex, serial } = JSON.parse(arg);
    const [slot, fn = "0"] = typeof addr === "string" ? addr.split(".") : [""];
    const place = slot === "" ? "" : `${Number(slot)}.${Number(fn)}`;
    return [`${driver} ${place} ${bootindex ?? ""} ${serial ?? ""}`];
  }).sort();
}

/** Words of a command line as libvirt prints it, quoted for a shell. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

async function defineBoth(rig: Rig): Promise<void> {
  await rig.ok(
    ...["vm", "define", "--type", "windows", "--id", "w1", "--profile", "small-windows", "--vcpu", "2"],
    ...["--memory", "256", "--disk", "1G", "--name", "Büro <1>"],
  );
  await rig.ok(...[
    "vm",
    "define",
    "--type",
    "linux",
    "--id",
    "l1",
    "--memory",
    "128",
    "--disk",
    "1G",
    "--tpm",
  ]);
}

async function accepts(rig: Rig, libvirt: Libvirt, id: string): Promise<void> {
  const { text, notes } = await rig.ok("vm", "export", id, "--format", "libvirt");
  assert.ok(notes.length > 0);
  const file = await libvirt.write(`${id}.xml`, text);
  await libvirt.ok("virt-xml-validate", file, "domain");
  await libvirt.ok("virsh", "-c", SESSION, "define", "--validate", file);
  // libvirt would start the same machine: the same devices in the same places.
  const line = await libvirt.ok("virsh", "-c", SESSION, "domxml-to-native", "qemu-argv", "--domain", id);
  const theirs = wordsOf(line);
  const argv: { program: string; args: string[] }[] = await rig.ok("vm", "argv", id);
  const ours = argv.find(({ program }) => program.includes("qemu-system"))?.args ?? [];
  const known = (devices: string[]) => devices.filter((device) => !device.startsWith("pvpanic"));
  assert.deepEqual(known(devicesOf(theirs)), known(devicesOf(ours)));
  const value = (args: string[], option: string) => args[args.indexOf(option) + 1] ?? "";
  assert.equal(value(theirs, "-uuid"), value(ours, "-uuid"));
  assert.equal(value(theirs, "-machine").split(",")[0], value(ours, "-machine").split(",")[0]);
  assert.equal(
    theirs.includes("driver=cfi.pflash01,property=secure,value=on"),
    ours.includes("driver=cfi.pflash01,property=secure,value=on"),
  );
  assert.match(value(theirs, "-rtc"), id === "w1" ? /base=localtime/ : /base=utc/);
  assert.ok(!theirs.includes("-vnc") || value(theirs, "-vnc").startsWith("none"));
  assert.ok(!theirs.some((arg) => /netdev|hostdev|vfio/.test(arg)));
  // What libvirt has made of it comes back as the same record, with nothing to copy and nothing to tell.
  const dumped = await libvirt.write(
    `${id}-back.xml`,
    await libvirt.ok("virsh", "-c", SESSION, "dumpxml", id),
  );
  const back = await rig.ok("vm", "import", dumped, "--dry-run");
  const { record } = await rig.ok("vm", "show", id);
  assert.deepEqual(back, { record, bring: [], anew: [], remarks: [], blockers: [] });
}

Deno.test("libvirt takes exported guests, would start the same machines, and gives the same records back", async (t) => {
  const why = await withLibvirt((libvirt) =>
    withRoot(async (rig) => {
      await defineBoth(rig);
      await accepts(rig, libvirt, "w1");
      await accepts(rig, libvirt, "l1");
      assert.equal((await rig.fails(2, "vm", "export", "w1", "--format", "ovf")).code, "usage");
      assert.equal(
        (await rig.fails(2, "vm", "export", "w1", "--format", "libvirt", "--libvirt", "8.0")).code,
        "usage",
      );
      assert.equal((await rig.fails(4, "vm", "export", "none", "--format", "libvirt")).code, "not_found");
      const plain = await rig.run("vm", "export", "l1", "--format", "libvirt");
      assert.match(plain.stdout, /^<domain type='(qemu|kvm)'>\n/);
      assert.match(plain.stderr, /note: policy is not part of it/);
    })
  );
  if (why !== undefined) console.log(`SKIP ${t.name}: ${why}`);
});

Deno.test("what virt-install prints for Windows 11 becomes a guest with its own copies, which starts", async (t) => {
  const why = await withLibvirt((libvirt) =>
    withRoot(async (rig) => {
      const { folder } = libvirt;
      const disk = `${folder}/win11.qcow2`, iso = `${folder}/win.iso`;
      await makeImage(disk, "64G", 7);
      await makeIso(iso, { "setup.exe": "MZ" });
      for (const path of [disk, iso]) await Deno.chmod(path, 0o666);
      const printed = await libvirt.ok(
        "virt-install",
        ...["--connect", SESSION, "--name", "win11", "--memory", "4096", "--vcpus", "2", "--osinfo", "win11"],
        ...["--disk", `path=${disk},format=qcow2,bus=virtio`, "--cdrom", iso, "--boot", "uefi"],
        ...["--tpm", "backend.type=emulator,backend.version=2.0,model=tpm-crb", "--virt-type", "qemu"],
        ...["--network", "user,model=virtio", "--graphics", "vnc", "--print-xml", "--dry-run"],
      );
      const file = await libvirt.write("win11.xml", printed);
      const preview = await rig.ok("vm", "import", file, "--dry-run");
      assert.equal((await rig.ok("vm", "list")).length, 0, "a dry run changes nothing");
      // It has a UUID, so libvirt may know it and keep its state: nobody can tell that it never ran.
      const lost = await rig.fails(4, "vm", "import", file);
      assert.match(lost.message, /UEFI variables .*win11_VARS\.fd; .*TPM .*\/swtpm\/.*tpm2-00\.permall/);
      assert.match(lost.hint, /--new-variables.*--new-tpm/);
      assert.match((await rig.fails(4, "vm", "import", file, "--new-tpm")).message, /: the file of its UEFI/);
      assert.equal((await rig.ok("vm", "list")).length, 0);
      const anew = ["--new-tpm", "--new-variables"];
      const done = await rig.ok("vm", "import", file, ...anew);
      assert.deepEqual([done.done, done.vm, done.state], ["vm.import", "win11", "stopped"]);
      assert.deepEqual(done.remarks, preview.remarks);
      const told = done.remarks.map(({ path }: { path: string }) => path.replace(/\[\d\]/, ""));
      for (const path of ["devices/interface", "devices/graphics", "os"]) {
        assert.ok(told.includes(path), path);
      }
      assert.match(done.notes.join("\n"), /new set of UEFI variables\n.*new and empty TPM/);
      const { record } = await rig.ok("vm", "show", "win11");
      assert.equal(record.type, "windows");
      assert.deepEqual(record.devices, {
        vcpu: 2,
        memory_mb: 4096,
        network: { enabled: false },
        tpm: { enabled: true },
        secure_boot: true,
      });
      const own = `${rig.root}/vm/windows/win11`;
      await qemuImg("compare", "-f", "qcow2", "-F", "qcow2", disk, `${own}/root.qcow2`);
      assert.deepEqual(await Deno.readFile(`${own}/install.iso`), await Deno.readFile(iso));
      for (const name of ["root.qcow2", "install.iso", "ovmf_vars.qcow2"]) {
        assert.equal((await Deno.stat(`${own}/${name}`)).mode! & 0o777, 0o600, name);
      }
      assert.equal((await rig.fails(5, "vm", "import", file, ...anew)).code, "already_exists");
      assert.equal((await rig.ok("vm", "start", "win11")).state, "running");
      await rig.ok("vm", "kill", "win11");
    }, LARGE)
  );
  if (why !== undefined) console.log(`SKIP ${t.name}: ${why}`);
});

/** A domain of libvirt's with one disk and more devices, as text. */
const domain = (name: string, disk: string, more = "", os = "<os><type>hvm</type></os>") =>
  `<domain type='kvm'><name>${name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>${os}<clock offset='utc'/>
<devices><disk type='file' device='disk'>${disk}<target dev='vda' bus='virtio'/></disk>${more}</devices></domain>`;
const source = (path: string, format = "qcow2") => `<driver type='${format}'/><source file='${path}'/>`;

Deno.test("UEFI variables and TPM state come along, and a chain of images comes as one", () =>
  withRoot(async (rig) => {
    await defineBoth(rig);
    const outside = await Deno.makeTempDir({ prefix: "rv-out-" });
    try {
      // As libvirt and quickemu keep them: raw variables, a TPM's file in a folder, a disk on a base.
      const vars = `${outside}/OVMF_VARS.fd`;
      const own = `${rig.root}/vm/linux/l1`;
      await qemuImg("convert", "-f", "qcow2", "-O", "raw", `${own}/ovmf_vars.qcow2`, vars);
      await Deno.copyFile(`${own}/tpm/tpm2-00.permall`, `${outside}/tpm2-00.permall`);
      await Deno.writeFile(`${outside}/base.raw`, new Uint8Array(1024 * 1024).fill(9));
      const disk = `${outside}/disk.qcow2`;
      await qemuImg("create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", disk);
      await qemuImg("snapshot", "-c", "old", disk);
      const os = `<os><type>hvm</type><loader type='pflash' secure='no'/><nvram>${vars}</nvram></os>`;
      const xml = `${outside}/d.xml`;
      await Deno.writeTextFile(
        xml,
        domain(
          "Four",
          source(disk),
          "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
          os,
        ),
      );
      const done = await rig.ok("vm", "import", xml, "--tpm-state", outside, "--type", "linux");
      assert.equal(done.vm, "four");
      assert.match(done.notes.join(), /1 snapshots inside/);
      const four = `${rig.root}/vm/linux/four`;
      const info = JSON.parse(await qemuImg("info", "--output=json", `${four}/root.qcow2`));
      assert.equal(info["backing-filename"], undefined);
      await qemuImg("compare", disk, `${four}/root.qcow2`);
      await qemuImg("compare", "-f", "raw", "-F", "qcow2", vars, `${four}/ovmf_vars.qcow2`);
      assert.deepEqual(
        await Deno.readFile(`${four}/tpm/tpm2-00.permall`),
        await Deno.readFile(`${own}/tpm/tpm2-00.permall`),
      );
      const conf = `${outside}/five.conf`;
      await Deno.writeTextFile(
        conf,
        'guest_os="linux"\ndisk_img="disk.qcow2"\ntpm="on"\nram="64M"\ncpu_cores=1\n',
      );
      const five = await rig.ok("vm", "import", conf);
      assert.deepEqual([five.vm, five.notes.length], ["five", 1]);
      await qemuImg("compare", "-f", "raw", "-F", "qcow2", vars, `${rig.root}/vm/linux/five/ovmf_vars.qcow2`);
      assert.equal((await rig.ok("vm", "start", "five")).state, "running");
      await rig.ok("vm", "kill", "five");
      await rig.ok("audit", "verify");
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  }));

Deno.test("what can't be brought in is refused with its reason, and leaves nothing behind", () =>
  withRoot(async (rig) => {
    const outside = await Deno.makeTempDir({ prefix: "rv-out-" });
    const out = (name: string) => `${outside}/${name}`;
    const xml = out("d.xml");
    const refused = async (exit: number, text: string, message: RegExp, ...more: string[]) => {
      await Deno.writeTextFile(xml, text);
      const error = await rig.fails(exit, "vm", "import", xml, "--type", "linux", ...more);
      assert.match(error.message, message);
      return error;
    };
    try {
      await makeImage(out("a.qcow2"), "4M", 1);
      await Deno.mkdir(out("deep"));
      await qemuImg(
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        out("a.qcow2"),
        "-F",
        "qcow2",
        out("deep/top.qcow2"),
      );
      await qemuImg("create", "-q", "-f", "qcow2", "-b", out("a.qcow2"), "-F", "qcow2", out("bad.qcow2"));
      await qemuImg("rebase", "-u", "-b", "/etc/hostname", "-F", "raw", out("bad.qcow2"));
      await Deno.symlink("/dev/zero", out("dev.raw"));
      await Deno.writeFile(out("empty.iso"), new Uint8Array());
      await refused(3, domain("g", source(out("deep/top.qcow2"))), /no file in its own folder/);
      await refused(3, domain("g", source(out("bad.qcow2"))), /\/etc\/hostname.*no file in its own folder/);
      await refused(
        1,
        domain("g", source(out("a.qcow2"), "raw")),
        /said to be raw, but it has the signature of qcow2/,
      );
      await refused(1, domain("g", source("/etc/hostname")), /said to be qcow2, but it is no qcow2 image/);
      await refused(3, domain("g", source(out("dev.raw"), "raw")), /no device of the host/);
      await refused(4, domain("g", source(out("none.qcow2"))), /nothing at/);
      const medium = (name: string) =>
        `<disk type='file' device='cdrom'><driver type='raw'/><source file='${out(name)}'/></disk>`;
      await refused(1, domain("g", source(out("a.qcow2")), medium("empty.iso")), /is empty/);
      await Deno.writeTextFile(
        out("page.iso"),
        "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
      );
      const page = await refused(
        1,
        domain("g", source(out("a.qcow2")), medium("page.iso")),
        /no medium: .*page/,
      );
      assert.match(page.hint, /take it out of the description/);
      await makeIso(out("cut.iso"), { "large.bin": new Uint8Array(1024 * 1024) });
      await Deno.truncate(out("cut.iso"), 512 * 1024);
      await refused(1, domain("g", source(out("a.qcow2")), medium("cut.iso")), /the download was cut off/);
      const pinned = "<os><type machine='pc-q35-99.0'>hvm</type></os>";
      await refused(7, domain("g", source(out("a.qcow2")), "", pinned), /no machine type "pc-q35-99.0"/);
      await refused(3, domain("g", source(out("a.qcow2"))), /denied by policy/, "--profile", "none");
      const short = "<os><type>hvm</type><loader type='pflash' secure='no'/><nvram format='qcow2'>" +
        `${out("a.qcow2")}</nvram></os>`;
      await refused(
        2,
        domain("g", source(out("a.qcow2")), "", short),
        /UEFI variables .* have 4194304 bytes/,
      );
      const laughs = "<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><domain>&b;</domain>";
      await refused(2, laughs, /document type/);
      await refused(2, "<a>".repeat(100_000), /nested deeper/);
      const blocked = await refused(1, domain("g", "<source dev='/dev/sda'/>"), /can't be brought in/);
      assert.equal(blocked.problems[0].place.line, 2);
      await refused(1, 'disk_img="$(id)"', /runs a command/, "--id", "g");
      assert.equal((await rig.ok("vm", "list")).length, 0);
      assert.deepEqual([...Deno.readDirSync(`${rig.root}/vm/linux`)], []);
      assert.equal((await rig.run("--json", "vm", "import", xml, "--dry-run", "--id", "g")).code, 1);
      // Two guests never share a disk.
      await Deno.writeTextFile(xml, domain("one", source(out("a.qcow2"))));
      await rig.ok("vm", "import", xml, "--type", "linux");
      const root = `${await Deno.realPath(rig.root)}/vm/linux/one/root.qcow2`;
      const shared = await refused(5, domain("two", source(root)), /belongs to the guest one/);
      assert.match(shared.hint, /--copy/);
      const flags = ["--type", "linux", "--id", "two", "--memory", "64"];
      const defined = await rig.fails(5, "vm", "define", ...flags, "--disk", "vm/linux/one/root.qcow2");
      assert.match(defined.message, /belongs to the guest one/);
      assert.match(defined.hint, /a file of its own/);
      await rig.ok("vm", "start", "one");
      await refused(1, domain("two", source(root)), /could not copy .*lock/, "--copy");
      await rig.ok("vm", "kill", "one");
      await rig.ok("vm", "import", xml, "--type", "linux", "--copy");
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  }));

/** A domain whose medium takes a while to copy: 3 GiB, of which nearly all is nothing that is written out. */
async function slowImport(rig: Rig, outside: string): Promise<{ xml: string; folder: string }> {
  await makeImage(`${outside}/a.qcow2`, "4M", 1);
  await makeIso(`${outside}/large.iso`, { "a.txt": "a" });
  await Deno.truncate(`${outside}/large.iso`, 3 * 1024 ** 3);
  const medium =
    `<disk type='file' device='cdrom'><driver type='raw'/><source file='${outside}/large.iso'/></disk>`;
  await Deno.writeTextFile(`${outside}/d.xml`, domain("slow", source(`${outside}/a.qcow2`), medium));
  return { xml: `${outside}/d.xml`, folder: `${rig.root}/vm/linux/slow` };
}

Deno.test("an import tells how far it is, and undoes itself when it is called off", () =>
  withRoot(async (rig) => {
    const outside = await Deno.makeTempDir({ prefix: "rv-out-" });
    try {
      const { xml, folder } = await slowImport(rig, outside);
      const importing = rig.run("--json", "vm", "import", xml, "--type", "linux");
      let job;
      while (!job?.progress?.startsWith("large.iso")) [job] = await rig.ok("jobs");
      assert.match(job.progress, /^large\.iso \(2 of 2\): \d+ %$/);
      assert.equal((await rig.fails(5, "vm", "import", xml, "--type", "linux")).code, "busy");
      await rig.ok("jobs", "cancel", job.job);
      const ran = await importing;
      assert.deepEqual([ran.code, ran.json().error.code], [1, "cancelled"]);
      await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
      assert.equal((await rig.ok("vm", "list")).length, 0);
      assert.deepEqual([...Deno.readDirSync(`${rig.root}/vm/intents`)], []);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  }));

Deno.test("an import whose supervisor is killed in the middle is undone by the next one", () =>
  withRoot(async (rig) => {
    const outside = await Deno.makeTempDir({ prefix: "rv-out-" });
    try {
      const { xml, folder } = await slowImport(rig, outside);
      await rig.ok("vm", "list"); // starts one
      const { supervisor } = await rig.ok("status");
      const importing = rig.run("--json", "vm", "import", xml, "--type", "linux");
      while (!await Deno.stat(`${folder}/install.iso`).then(() => true, () => false));
      Deno.kill(supervisor.pid, "SIGKILL");
      assert.equal((await importing).code, 6);
      assert.equal((await rig.ok("vm", "list")).length, 0);
      await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
      const { stdout } = await rig.run("audit", "export", "--action", "journal.settled");
      assert.match(stdout, /"came_to":"undone"/);
      await rig.ok("audit", "verify");
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  }));
