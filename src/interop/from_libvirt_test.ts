import assert from "node:assert/strict";
import fc from "fast-check";
import type { GuestKind } from "../core/ids.ts";
import { testId } from "../qemu/testing.ts";
import { parseRecord } from "../../registry/schema.ts";
import type { VmRecord } from "../../registry/types.ts";
import { fromLibvirt } from "./from_libvirt.ts";
import { testExport, testRecord } from "./testing.ts";
import { toLibvirt } from "./to_libvirt.ts";
import type { ImportDraft, ImportOptions } from "./types.ts";
import { readXml, type XmlElement } from "./xml_read.ts";

const FIXTURE = await Deno.readTextFile(
  new URL("../../tests/fixtures/interop/windows11.xml", import.meta.url),
);
const ROOT = "/var/rayos";

function draft(text: string, options: Partial<ImportOptions> = {}): ImportDraft {
  const read = fromLibvirt(text, { root: ROOT, ...options });
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

const told = ({ remarks }: ImportDraft) =>
  remarks.map(({ path, becomes }) => `${path}: ${becomes}`).join("\n");
const blocked = ({ blockers }: ImportDraft) =>
  blockers.map(({ path, becomes }) => `${path}: ${becomes}`).join("\n");

Deno.test("fromLibvirt() makes a record of a Windows 11 domain, and names every file that it needs", () => {
  const { record, bring, blockers } = draft(FIXTURE);
  assert.deepEqual(blockers, []);
  const folder = "vm/windows/desk-11-buro";
  assert.deepEqual(
    record,
    {
      id: testId("desk-11-buro"),
      name: "Desk 11 (Büro)",
      type: "windows",
      state: "stopped",
      storage: {
        disks: { root: `${folder}/root.qcow2`, "DATA-1": `${folder}/DATA-1.qcow2` },
        ovmf_vars: `${folder}/ovmf_vars.qcow2`,
        tpm_state: `${folder}/tpm`,
        cdroms: { install: `${folder}/install.iso` },
      },
      devices: {
        vcpu: 4,
        memory_mb: 8192,
        network: { enabled: false },
        tpm: { enabled: true },
        secure_boot: true,
      },
      machine: "pc-q35-7.2",
      policy_profile: "default-windows",
    } satisfies VmRecord,
  );
  const from = (path: string, format: string, to: string, as: string) => ({
    as,
    from: path,
    format,
    to: `${folder}/${to}`,
  });
  const uuid = "0f6c1d1e-5a3b-4a57-9b1f-2d6a0c9e7b11";
  assert.deepEqual(bring, [
    from("/srv/images/win11.qcow2", "qcow2", "root.qcow2", "disk"),
    from("/srv/images/data.img", "raw", "DATA-1.qcow2", "disk"),
    from("/srv/iso/virtio-win.iso", "raw", "install.iso", "medium"),
    from("/var/lib/libvirt/qemu/nvram/desk_VARS.fd", "raw", "ovmf_vars.qcow2", "variables"),
    from(
      `/var/lib/libvirt/swtpm/${uuid}/tpm2/tpm2-00.permall`,
      "raw",
      "tpm/tpm2-00.permall",
      "tpm",
    ),
  ]);
});

Deno.test("fromLibvirt() tells what does not come over, each with its line", () => {
  const found = draft(FIXTURE);
  assert.deepEqual(found.remarks.map(({ line, path }) => `${line} ${path}`), [
    "2 name",
    "3 uuid",
    "10 currentMemory",
    "18 os/loader",
    "32 cpu",
    "56 devices/disk[2]/driver",
    "70 devices/disk[4]",
    "76 devices/interface",
    "87 devices/channel[2]",
    "91 devices/tpm",
    "94 devices/graphics",
    "97 devices/sound",
    "98 devices/video",
    "101 devices/hostdev",
    "106 devices/redirdev",
    "109 commandline",
  ]);
  assert.match(told(found), /interface: left out: a guest has no network until policy grants one/);
  assert.match(told(found), /hostdev: refused/);
  assert.match(told(found), /commandline: refused/);
});

const BLOCKERS: readonly (readonly [string, string, RegExp])[] = [
  ["<domain type='kvm'>", "<domain type='xen'>", /it is not run by QEMU/],
  ["x86_64", "aarch64", /architecture x86_64/],
  [">hvm<", ">exe<", /only whole machines/],
  ["<memory unit='GiB'>8", "<memory unit='MiB'>63", /at least 64 MiB/],
  ["<memory unit='GiB'>8", "<memory unit='parsec'>8", /at least 64 MiB/],
  ["static'>4<", "static'>0<", /1 to 512 vCPUs/],
  ["static'>4<", "static'>4e9<", /1 to 512 vCPUs/],
  ["<disk type='file' device='disk'>", "<disk type='block' device='disk'>", /no file but of type block/],
  ["<source file='/srv/images/data.img'/>", "<source dev='/dev/sda'/>", /no file but of type file/],
  ["/srv/images/data.img", "data.img", /it is not absolute/],
  ["/srv/images/data.img", "/srv/../etc/shadow", /has a '\.\.'/],
  ["type='raw' discard", "type='vmdk' discard", /qemu-img convert -f vmdk/],
  ["<serial>DATA-1</serial>", "<encryption format='luks'/>", /it is encrypted/],
  ["/var/lib/libvirt/qemu/nvram/desk_VARS.fd", "vars.fd", /UEFI variables can't be read/],
];

Deno.test("fromLibvirt() says what stands in the way, and then names no file", () => {
  for (const [was, is, expected] of BLOCKERS) {
    assert.ok(FIXTURE.includes(was), was);
    const found = draft(FIXTURE.replace(was, is));
    assert.match(blocked(found), expected, `${was} -> ${is}`);
    assert.deepEqual(found.bring, [], is);
  }
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["<network><name>default</name></network>", /it is <network>, not the <domain>/],
  ["<domain xmlns='urn:x' type='kvm'><name>a</name></domain>", /not the <domain>/],
  ["<domain type='kvm'><name>***</name></domain>", /no id can be made/],
  ["<domain type='kvm'><name>a</name></domain><domain type='kvm'><name>b</name></domain>", /several domains/],
];

Deno.test("fromLibvirt() refuses what is no domain, or several", () => {
  for (const [text, expected] of REFUSED) {
    const read = fromLibvirt(text, { root: ROOT });
    assert.ok(!read.ok, text);
    assert.match(read.error.message, expected);
  }
});

Deno.test("fromLibvirt() takes the last of the domains that virt-install writes into one file, and says so", () => {
  const found = draft(FIXTURE.replace("static'>4<", "static'>2<") + FIXTURE);
  assert.equal(found.record.devices.vcpu, 4);
  assert.match(told(found), /domain: left out: the last of several domains is taken/);
});

Deno.test("fromLibvirt() goes by what it is told before what the domain says", () => {
  const options = {
    id: testId("x1"),
    type: "linux",
    profile: "quiet",
    tpmState: "/srv/tpm",
    copy: true,
  } as const;
  const { record, bring } = draft(FIXTURE, options);
  assert.deepEqual([record.id, record.type, record.policy_profile], ["x1", "linux", "quiet"]);
  assert.equal(record.storage.tpm_state, "vm/linux/x1/tpm");
  const tpm = bring.find(({ as }) => as === "tpm");
  assert.equal(tpm?.from, "/srv/tpm/tpm2-00.permall");
});

const UUID = "0f6c1d1e-5a3b-4a57-9b1f-2d6a0c9e7b11";
const NVRAM = /<nvram[^]*?<\/nvram>/;
const BACKEND = "<backend type='emulator' version='2.0'/>";
const LOST_TPM: readonly (readonly [string, string, RegExp])[] = [
  [BACKEND, "<backend type='passthrough'><device path='/dev/tpm0'/></backend>", /a TPM of the host's/],
  [BACKEND, "<backend type='emulator' version='1.2'/>", /it is a TPM 1\.2/],
  [BACKEND, `<backend type='emulator'><encryption secret='${UUID}'/></backend>`, /its state is encrypted/],
  [BACKEND, "<backend type='emulator'><source type='file' path='/srv/t.bin'/></backend>", /in no folder/],
];

Deno.test("a TPM whose state can't come over stands in the way, unless a new one is wanted", () => {
  for (const [was, is, expected] of LOST_TPM) {
    const text = FIXTURE.replace(was, is);
    assert.notEqual(text, FIXTURE);
    const found = draft(text);
    assert.match(blocked(found), expected);
    assert.match(blocked(found), /--new-tpm/);
    assert.deepEqual(found.bring, []);
    const anew = draft(text, { newTpm: true });
    assert.deepEqual([blocked(anew), anew.anew], ["", ["tpm"]]);
    assert.match(told(anew), /backend: replaced: a new and empty TPM/);
    assert.ok(!anew.bring.some(({ as }) => as === "tpm"));
    const given = draft(text, { tpmState: "/srv/tpm" });
    assert.deepEqual([blocked(given), given.anew], ["", []]);
    assert.ok(given.bring.some(({ from }) => from === "/srv/tpm/tpm2-00.permall"));
  }
});

Deno.test("state is looked for where the domain names it, and where libvirt keeps it for a domain that it knows", () => {
  const from = (text: string) =>
    draft(text).bring.filter(({ as }) => as === "variables" || as === "tpm").map((one) => one.from);
  const named = FIXTURE.replace(
    BACKEND,
    "<backend type='emulator'><source type='dir' path='/srv/t'/></backend>",
  );
  assert.equal(from(named)[1], "/srv/t/tpm2-00.permall");
  const unnamed = FIXTURE.replace(NVRAM, "");
  assert.notEqual(unnamed, FIXTURE);
  assert.deepEqual(from(unnamed), [
    "/var/lib/libvirt/qemu/nvram/Desk 11 (Büro)_VARS.fd",
    `/var/lib/libvirt/swtpm/${UUID}/tpm2/tpm2-00.permall`,
  ]);
});

Deno.test("state may begin anew only where its source can have none, or where that is said", () => {
  assert.deepEqual(draft(FIXTURE).anew, []);
  assert.deepEqual(draft(FIXTURE, { newTpm: true, newVariables: true }).anew, ["variables", "tpm"]);
  const unknown = FIXTURE.replace(NVRAM, "").replace(/<uuid>.*<\/uuid>/, "");
  const found = draft(unknown);
  assert.deepEqual(found.anew, ["variables", "tpm"]);
  assert.ok(!found.bring.some(({ as }) => as === "variables" || as === "tpm"));
  assert.match(told(found), /os: made anew/);
  assert.match(told(found), /devices\/tpm: made anew/);
  assert.deepEqual(draft(unknown.replace(/<tpm[^]*<\/tpm>/, "")).anew, ["variables"]);
});

Deno.test("a file inside the data root stays where it is, unless its name would say another format", () => {
  const inside = FIXTURE.replace("/srv/images/win11.qcow2", `${ROOT}/pool/w.qcow2`)
    .replace("/srv/images/data.img", `${ROOT}/pool/d.qcow2`);
  const { record, bring } = draft(inside);
  assert.equal(record.storage.disks["root"], "pool/w.qcow2");
  assert.equal(record.storage.disks["DATA-1"], "vm/windows/desk-11-buro/DATA-1.qcow2");
  assert.ok(bring.some(({ from }) => from === `${ROOT}/pool/d.qcow2`));
  assert.ok(draft(inside, { copy: true }).bring.some(({ from }) => from === `${ROOT}/pool/w.qcow2`));
});

/** One that has an end of its own. */
const START_TAG = /<[a-z][^<>/]*>/gi;

/** Inserts after the n-th start tag. */
function insertAt(text: string, n: number, what: string): string {
  const tag = [...text.matchAll(START_TAG)][n];
  assert.ok(tag);
  const at = tag.index + tag[0].length;
  return text.slice(0, at) + what + text.slice(at);
}

Deno.test("nothing is dropped in silence: an element put in anywhere is told of, or what it was put into is", () => {
  for (let n = 0; n < [...FIXTURE.matchAll(START_TAG)].length; n++) {
    const text = insertAt(FIXTURE, n, "<surprise kind='new'/>");
    const read = fromLibvirt(text, { root: ROOT });
    if (!read.ok) continue; // refused whole
    const { remarks, blockers } = read.value;
    const around = linesAround(text);
    const isTold = [...remarks, ...blockers].some(({ what, line, becomes }) =>
      what.includes("surprise") || (around.includes(line) && /replaced|left out|refused/.test(becomes))
    );
    assert.ok(isTold || isSettled(text), text);
  }
});

/** Lines of the elements that the one that was put in stands in, the domain itself not among them. */
function linesAround(text: string): number[] {
  const read = readXml(text);
  const path = (at: XmlElement): number[] | undefined => {
    if (at.name === "surprise") return [];
    for (const child of at.children) {
      const found = path(child);
      if (found) return [at.line, ...found];
    }
    return undefined;
  };
  const [domain] = read.ok ? read.value : [];
  return (domain && path(domain) || []).slice(1);
}

/** Inside of what is replaced whatever it says. */
function isSettled(text: string): boolean {
  return /<(emulator|on_crash)>$/.test(text.slice(0, text.indexOf("<surprise")));
}

/** Records of all shapes, whose files lie where the record has them. */
const records: fc.Arbitrary<VmRecord> = fc.record({
  type: fc.constantFrom<GuestKind>("linux", "windows"),
  name: fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
  vcpu: fc.integer({ min: 1, max: 64 }),
  memory: fc.integer({ min: 64, max: 1 << 20 }),
  disks: fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,35}$/), { maxLength: 4 }),
  cdroms: fc.option(fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/), { maxLength: 3 }), {
    nil: undefined,
  }),
  uefi: fc.boolean(),
  tpm: fc.constantFrom(undefined, false, true),
  secure: fc.constantFrom(undefined, false, true),
  network: fc.constantFrom({ enabled: false }, { enabled: true, profile: "lan" }),
  shares: fc.constantFrom(undefined, [{ name: "s", path: "shares/s", readonly: true }]),
  machine: fc.constantFrom(undefined, "pc-q35-7.2"),
  profile: fc.constantFrom("default-linux", "quiet"),
}).map((r): VmRecord => {
  const folder = `vm/${r.type}/g1`;
  return {
    id: testId("g1"),
    name: r.name,
    type: r.type,
    state: "stopped",
    storage: {
      disks: Object.fromEntries(
        r.disks.map((name, i) => [name, `${folder}/d ${i}.${i % 2 ? "raw" : "qcow2"}`]),
      ),
      ...(r.uefi ? { ovmf_vars: `${folder}/ovmf_vars.qcow2` } : {}),
      ...(r.tpm === undefined ? {} : { tpm_state: `${folder}/tpm` }),
      ...(r.cdroms ? { cdroms: Object.fromEntries(r.cdroms.map((name) => [name, `iso/${name}.iso`])) } : {}),
    },
    devices: {
      vcpu: r.vcpu,
      memory_mb: r.memory,
      network: r.network,
      ...(r.tpm === undefined ? {} : { tpm: { enabled: r.tpm } }),
      ...(r.secure === undefined ? {} : { secure_boot: r.secure && r.uefi }),
      ...(r.shares ? { shares: r.shares } : {}),
    },
    ...(r.machine ? { machine: r.machine } : {}),
    policy_profile: r.profile,
  };
}).filter((record) => parseRecord(record, "record").ok);

Deno.test("a guest that is exported and imported is the same guest: nothing to copy, nothing to tell", () => {
  const how = fc.record({
    accelerator: fc.constantFrom<"kvm" | "tcg">("kvm", "tcg"),
    onReboot: fc.constantFrom<"reset" | "stop">("reset", "stop"),
    display: fc.boolean(),
    input: fc.boolean(),
    libvirt: fc.constantFrom({ major: 9, minor: 0 }, { major: 9, minor: 2 }, { major: 11, minor: 0 }),
    clamp: fc.boolean(),
  });
  fc.assert(
    fc.property(records, how, (record, { clamp, ...more }) => {
      const size = clamp ? { vcpu: 1, memoryMib: 64 } : {};
      const { text } = toLibvirt(testExport(record, { ...more, ...size }));
      const back = draft(text);
      assert.deepEqual(back.record, record);
      assert.deepEqual([back.bring, back.remarks, back.blockers], [[], [], []], text);
    }),
    { numRuns: 300 },
  );
});

Deno.test("what was changed in an exported domain wins over what export kept in it", () => {
  const { text } = toLibvirt(testExport(testRecord("windows")));
  const changed = text.replace(
    "<memory unit='MiB' dumpCore='off'>4096",
    "<memory unit='MiB' dumpCore='off'>6144",
  )
    .replace("<currentMemory unit='MiB'>4096", "<currentMemory unit='MiB'>6144")
    .replace("static'>2<", "static'>3<").replace(/<title>.*<\/title>/, "<title>Other</title>")
    .replace(/<tpm model[^]*<\/tpm>/, "").replace("secure='yes'", "secure='no'");
  const { record, remarks } = draft(changed);
  const { vcpu, memory_mb, tpm, secure_boot } = record.devices;
  assert.deepEqual([vcpu, memory_mb, tpm, secure_boot, record.name], [3, 6144, undefined, false, "Other"]);
  assert.equal(record.storage.tpm_state, undefined);
  assert.deepEqual(remarks, []);
});

Deno.test("an exported guest that is imported into another data root is copied there, its UEFI variables and TPM too", () => {
  const { text } = toLibvirt(testExport(testRecord("windows")));
  const { record, bring } = draft(text, { root: "/srv/other", id: testId("copy") });
  assert.deepEqual(bring.map(({ as, from }) => `${as} ${from}`), [
    "disk /var/rayos/vm/windows/test-windows/root.qcow2",
    "disk /var/rayos/vm/pool/data.raw",
    "medium /var/rayos/iso/setup, v2.iso",
    "variables /var/rayos/vm/windows/test-windows/ovmf_vars.qcow2",
    "tpm /var/rayos/vm/windows/test-windows/tpm/tpm2-00.permall",
  ]);
  assert.deepEqual(Object.keys(record.storage.disks), ["root", "data.x"]);
  assert.ok(bring.every(({ to }) => to.startsWith("vm/windows/copy/")));
});

Deno.test("a forged word of export gives a guest nothing: what it names is a record's wish, confined as any", () => {
  const { text } = toLibvirt(testExport(testRecord("linux")));
  for (const path of ["../../etc/shadow", "/etc/shadow"]) {
    const forged = text.replaceAll("vm/pool/data.raw", path);
    const read = fromLibvirt(forged, { root: ROOT });
    const stays = read.ok ? Object.values(read.value.record.storage.disks) : [];
    assert.ok(!stays.includes(path), path);
  }
});
