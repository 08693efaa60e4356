/** Whole media: made by other people's tools, damaged, and files that are none. */
import assert from "node:assert/strict";
import {
  catalogue,
  HOME_23H2,
  makeIso,
  makeWim,
  makeWindowsIso,
  OLD_PRO,
  PRO_24H2,
  tool,
  virtioFiles,
  W11_DRIVERS,
  windowsFolder,
  windowsIsoArgs,
  withFolder,
  writeTree,
} from "../../tests/media/make.ts";
import { enlarge } from "../../tests/media/enlarge.ts";
import { Failure } from "../core/problem.ts";
import { inspectMedium } from "./inspect.ts";
import type { MediumReport } from "./report.ts";

/** Narrows to a kind, or fails with the whole report. */
function of<K extends MediumReport["kind"]>(
  report: MediumReport,
  kind: K,
): Extract<MediumReport, { kind: K }> {
  assert.equal(report.kind, kind, JSON.stringify(report, null, 1));
  // The assertion is what the type says.
  return report as Extract<MediumReport, { kind: K }>;
}

const codes = (findings: readonly { readonly code: string }[]) => findings.map((one) => one.code);

Deno.test("a medium of Windows, with its image in UDF alone, tells its editions, builds, languages and boot images", () =>
  withFolder(async (folder) => {
    const german = { ...PRO_24H2, languages: ["de-DE", "en-US"] };
    const iso = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2, german, OLD_PRO]);
    const report = of(await inspectMedium(iso), "windows");
    assert.deepEqual(report.problems, []);
    assert.deepEqual(report.disc.file_systems, ["udf", "iso9660"]);
    assert.equal(report.disc.label, "CCCOMA_X64FRE_EN-US_DV9");
    assert.equal(report.disc.volume_bytes, report.bytes);
    assert.deepEqual(report.disc.boot.map(({ platform, bootable }) => [platform, bootable]), [
      ["bios", true],
      ["efi", true],
    ]);
    assert.equal(report.image?.path, "sources/install.wim");
    assert.equal(report.image?.compression, "lzx");
    assert.deepEqual(
      report.editions.map((
        one,
      ) => [one.index, one.name, one.edition, one.build, one.revision, one.architecture, one.release]),
      [
        [1, "Windows 11 Home", "Core", 22631, 2428, "amd64", "Windows 11 23H2"],
        [2, "Windows 11 Pro", "Professional", 26100, 1742, "amd64", "Windows 11 24H2"],
        [3, "Windows 10 Pro", "Professional", 19045, 2006, "amd64", "Windows 10 22H2"],
      ],
    );
    assert.deepEqual(report.editions[1]?.languages, ["de-DE", "en-US"]);
    assert.equal(report.editions[1]?.default_language, "de-DE");
    assert.deepEqual(report.editions.map((one) => one.windows_11_23h2_or_later), ["yes", "yes", "no"]);
    assert.equal(report.windows_11_23h2_or_later, "some");
    assert.ok(codes(report.warnings).includes("not_windows_11"));
  }));

Deno.test("install.esd and install.swm are read like install.wim, and a missing part is a problem", () =>
  withFolder(async (folder) => {
    const wim = await makeWim(`${folder}/install.wim`, [HOME_23H2]);
    for (const kind of ["esd", "swm"]) {
      const files = await windowsFolder(`${folder}/${kind}`);
      const image = `${files}/sources/install.${kind}`;
      if (kind === "esd") await tool("wimlib-imagex", ["export", wim, "all", image, "--solid"]);
      else {
        await Deno.mkdir(`${folder}/big`);
        await Deno.writeFile(`${folder}/big/a`, crypto.getRandomValues(new Uint8Array(65_536)));
        for (const name of ["b", "c", "d"]) await noise(`${folder}/big/${name}`, 1_500_000);
        await tool("wimlib-imagex", ["append", `${folder}/big`, wim, "Big", "--no-acls"]);
        await tool("wimlib-imagex", ["split", wim, image, "1"]);
      }
      await tool("genisoimage", windowsIsoArgs(files, `${folder}/${kind}.iso`));
      const report = of(await inspectMedium(`${folder}/${kind}.iso`), "windows");
      assert.deepEqual(report.problems, [], kind);
      assert.equal(report.editions[0]?.build, 22631);
      assert.equal(report.image?.compression, kind === "esd" ? "lzms" : "lzx");
      assert.equal((report.image?.parts ?? 0) > 1, kind === "swm");
    }
    await Deno.remove(`${folder}/swm/sources/install2.swm`);
    await tool("genisoimage", windowsIsoArgs(`${folder}/swm`, `${folder}/swm.iso`));
    const { problems } = await inspectMedium(`${folder}/swm.iso`);
    assert.deepEqual(codes(problems), ["install_image_damaged"]);
    assert.match(problems[0]?.message ?? "", /sources\/install2\.swm/);
  }));

async function noise(path: string, bytes: number): Promise<void> {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(all.subarray(at, at + 65_536));
  await Deno.writeFile(path, all);
}

Deno.test("an image of more than 4 GiB in many parts is read at its end, from a sparse file", () =>
  withFolder(async (folder) => {
    const iso = await makeWindowsIso(`${folder}/win.iso`, [PRO_24H2]);
    const before = of(await inspectMedium(iso), "windows").image?.bytes ?? 0;
    const { header, description } = await wimOf(iso);
    const size = Math.ceil(before / 2048) * 2048 + 2_200_000 * 2048 + description.length;
    const view = new DataView(header.buffer);
    view.setBigUint64(80, BigInt(size - description.length), true);
    await enlarge(iso, before, { size, at: 5 * 1024 ** 3, last: description });
    await overwrite(iso, header.subarray(0, 40), header);
    const report = of(await inspectMedium(iso), "windows");
    assert.deepEqual(report.problems, []);
    assert.equal(report.image?.bytes, size);
    assert.ok(size > 2 ** 32 && report.bytes > 2 ** 32);
    assert.equal(report.editions[0]?.build, 26100);
    assert.ok(codes(report.warnings).includes("partly_unwritten"));
    await Deno.truncate(iso, 5 * 1024 ** 3 + 100);
    assert.deepEqual(codes((await inspectMedium(iso)).problems), ["truncated", "install_image_damaged"]);
  }));

/** Header and description of the WIM on a medium. Where the description lies stands at bytes 72 and 80 of the header. */
async function wimOf(iso: string): Promise<{ header: Uint8Array<ArrayBuffer>; description: Uint8Array }> {
  const all = await Deno.readFile(iso);
  const at = indexOf(all, new TextEncoder().encode("MSWIM\0\0\0"));
  const view = new DataView(all.buffer, at);
  const from = at + Number(view.getBigUint64(80, true));
  return { header: all.slice(at, at + 208), description: all.slice(from, from + view.getUint32(72, true)) };
}

/** Writes `to` over the first place of a file where `from` stands, near its start. */
async function overwrite(path: string, from: Uint8Array, to: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const start = new Uint8Array(8 * 1024 * 1024);
  await file.read(start);
  await file.seek(indexOf(start, from), Deno.SeekMode.Start);
  await file.write(to);
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(wanted[0] ?? 0); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (wanted.every((byte, n) => bytes[at + n] === byte)) return at;
  }
  return assert.fail("not found");
}

Deno.test("virtio-win tells its version and which drivers for Windows 11 are whole", () =>
  withFolder(async (folder) => {
    const iso = await makeIso(`${folder}/v.iso`, virtioFiles(W11_DRIVERS), [
      "-J",
      "-R",
      "-V",
      "virtio-win-0.1.266",
    ]);
    const report = of(await inspectMedium(iso), "virtio-win");
    assert.equal(report.version, "0.1.266");
    assert.deepEqual([report.problems, report.warnings], [[], []]);
    assert.deepEqual(report.drivers.map(({ name }) => name), [
      "viostor",
      "vioscsi",
      "NetKVM",
      "vioserial",
      "Balloon",
    ]);
    assert.ok(report.drivers.every((one) => one.version === "100.95.104.26200" && one.catalog === "signed"));
    assert.ok(report.drivers.every((one) => one.names_microsoft && one.missing.length === 0));
    assert.ok(report.guest_agent && report.guest_tools);
    assert.match(report.checked, /not verified/);
  }));

Deno.test("drivers that are missing, cut off or not signed are warned of", () =>
  withFolder(async (folder) => {
    const files = virtioFiles({ viostor: "viostor", vioscsi: "vioscsi", vioserial: "vioser" }, "Test");
    files["viostor/w11/amd64/viostor.sys"] = "";
    files["vioscsi/w11/amd64/vioscsi.cat"] = "no catalogue";
    const report = of(await inspectMedium(await makeIso(`${folder}/v.iso`, files)), "virtio-win");
    assert.deepEqual(codes(report.warnings), ["drivers_missing", "drivers_unsigned", "version_unknown"]);
    assert.match(report.warnings[0]?.message ?? "", /viostor.*NetKVM/);
    assert.match(report.warnings[1]?.message ?? "", /vioscsi/);
    assert.deepEqual(report.drivers[0]?.missing, ["viostor.sys"]);
    assert.equal(report.drivers[0]?.names_microsoft, false);
  }));

Deno.test("media of Linux are named by what they say of themselves, others by their label", () =>
  withFolder(async (folder) => {
    const debian = {
      ".disk/info": 'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST\n',
      "live/vmlinuz": "x",
    };
    const linux = of(await inspectMedium(await makeIso(`${folder}/d.iso`, debian)), "linux-live");
    assert.match(linux.name, /^Debian GNU\/Linux 12\.5\.0/);
    const fedora = { ".treeinfo": "[general]\nfamily = Fedora\nversion = 40\n" };
    assert.equal(
      of(await inspectMedium(await makeIso(`${folder}/f.iso`, fedora)), "linux-live").name,
      "Fedora 40",
    );
    const plain = of(
      await inspectMedium(await makeIso(`${folder}/p.iso`, { "a.txt": "a" }, ["-V", "MINE"])),
      "iso",
    );
    assert.equal(plain.title, "disc 'MINE' (ISO 9660)");
    assert.deepEqual(plain.problems, []);
  }));

Deno.test("disk images are named with size and partitions", async (t) => {
  await withFolder(async (folder) => {
    for (
      const [format, name] of [["qcow2", "qcow2"], ["vmdk", "vmdk"], ["vhdx", "vhdx"], ["vpc", "vhd"], [
        "vdi",
        "vdi",
      ]] as const
    ) {
      await t.step(name, async () => {
        const path = `${folder}/disk.${name}`;
        await tool("qemu-img", ["create", "-q", "-f", format, path, "64M"]);
        const report = of(await inspectMedium(path), "disk-image");
        assert.equal(report.format, name);
        if (name !== "vhdx") assert.ok(Math.abs((report.virtual_bytes ?? 0) - 64 * 1024 ** 2) < 1024 ** 2);
        assert.deepEqual(codes(report.warnings), name === "qcow2" ? [] : ["other_format"]);
      });
    }
    await t.step("an overlay", async () => {
      await tool("qemu-img", [
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        "disk.qcow2",
        "-F",
        "qcow2",
        `${folder}/o.qcow2`,
      ]);
      const report = await inspectMedium(`${folder}/o.qcow2`);
      assert.deepEqual(codes(report.warnings), ["refers_to_other_file"]);
    });
    await t.step("a qcow2 that was cut off", async () => {
      await Deno.truncate(`${folder}/disk.qcow2`, 1000);
      assert.deepEqual(codes((await inspectMedium(`${folder}/disk.qcow2`)).problems), ["truncated"]);
    });
    await t.step("raw with GPT", async () => {
      await writeGpt(`${folder}/disk.raw`);
      const report = of(await inspectMedium(`${folder}/disk.raw`), "disk-image");
      assert.equal(report.partition_table, "gpt");
      assert.deepEqual(report.partitions, [{ name: "ESP", type: "EFI system", bytes: 1024 * 1024 }]);
    });
  });
});

/** A disk of 4 MiB with one partition: mtools and qemu-img make no GPT, so its header is written here. UEFI 2.10, 5.3 */
async function writeGpt(path: string): Promise<void> {
  const disk = new Uint8Array(4 * 1024 * 1024), view = new DataView(disk.buffer);
  disk.set(new TextEncoder().encode("EFI PART"), 512);
  view.setBigUint64(512 + 72, 2n, true);
  view.setUint32(512 + 80, 128, true);
  view.setUint32(512 + 84, 128, true);
  const type = [
    0x28,
    0x73,
    0x2a,
    0xc1,
    0x1f,
    0xf8,
    0xd2,
    0x11,
    0xba,
    0x4b,
    0x00,
    0xa0,
    0xc9,
    0x3e,
    0xc9,
    0x3b,
  ];
  disk.set(type, 1024);
  view.setBigUint64(1024 + 32, 2048n, true);
  view.setBigUint64(1024 + 40, 4095n, true);
  [..."ESP"].forEach((char, n) => view.setUint16(1024 + 56 + 2 * n, char.charCodeAt(0), true));
  await Deno.writeFile(path, disk);
}

Deno.test("a download that was cut off is told from a whole one, wherever it was cut", () =>
  withFolder(async (folder) => {
    const iso = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2]);
    const { size } = await Deno.stat(iso);
    for (const share of [0.99, 0.7, 0.3, 0.12]) {
      await Deno.truncate(iso, Math.floor(size * share));
      const report = await inspectMedium(iso);
      assert.equal(report.problems[0]?.code, "truncated", `${share}: ${JSON.stringify(report.problems)}`);
      assert.match(report.problems[0]?.message ?? "", /cut off/);
    }
    await Deno.truncate(iso, 40_000);
    assert.equal((await inspectMedium(iso)).problems.length > 0, true);
  }));

Deno.test("what is no medium is named for what it is", async (t) => {
  await withFolder(async (folder) => {
    await writeTree(folder, { "plain": "text\n".repeat(300) });
    const made: readonly [string, RegExp, () => Promise<unknown>][] = [
      ["empty.iso", /empty file/, () => Deno.writeTextFile(`${folder}/empty.iso`, "")],
      [
        "page.iso",
        /web page \(HTML\), titled 'Not here'/,
        () =>
          Deno.writeTextFile(`${folder}/page.iso`, "<!DOCTYPE html>\n<html><head><title>Not here</title>"),
      ],
      [
        "sums.iso",
        /checksum file/,
        () => Deno.writeTextFile(`${folder}/sums.iso`, `${"0a".repeat(32)} *debian.iso\n`),
      ],
      ["error.iso", /JSON/, () => Deno.writeTextFile(`${folder}/error.iso`, '{"error": "expired"}')],
      ["plain.gz", /gzip/, () => tool("gzip", ["-k", `${folder}/plain`])],
      [
        "plain.xz",
        /xz/,
        () => Deno.writeFile(`${folder}/plain.xz`, new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])),
      ],
      ["image.wim", /Windows image \(WIM\)/, () => makeWim(`${folder}/image.wim`, [HOME_23H2])],
      ["zeros.iso", /zeros/, async () => {
        await Deno.writeTextFile(`${folder}/zeros.iso`, "");
        await Deno.truncate(`${folder}/zeros.iso`, 8 * 1024 ** 3);
      }],
      ["noise.iso", /no kind that is known/, () => noise(`${folder}/noise.iso`, 200_000)],
      ["folder", /a directory/, () => Deno.mkdir(`${folder}/folder`)],
      ["fifo", /a pipe/, () => tool("mkfifo", [`${folder}/fifo`])],
    ];
    for (const [name, title, make] of made) {
      await t.step(name, async () => {
        await make();
        const report = of(await inspectMedium(`${folder}/${name}`), "not-a-medium");
        assert.match(report.title, title);
        assert.equal(report.problems.length, 1);
      });
    }
  });
});

Deno.test("a file that is not there, and symbolic links in a circle, are no such file", () =>
  withFolder(async (folder) => {
    await Deno.symlink("b", `${folder}/a`);
    await Deno.symlink("a", `${folder}/b`);
    for (const name of ["none", "a", "plain/below"]) {
      if (name.includes("/")) await Deno.writeTextFile(`${folder}/plain`, "");
      await assert.rejects(
        inspectMedium(`${folder}/${name}`),
        (error) => error instanceof Failure && error.code === "not_found",
      );
    }
    await Deno.writeTextFile(`${folder}/real`, "");
    await Deno.symlink("real", `${folder}/link`);
    assert.equal((await inspectMedium(`${folder}/link`)).kind, "not-a-medium");
  }));

Deno.test("an inspection that is called off ends with `cancelled`", () =>
  withFolder(async (folder) => {
    const iso = await makeIso(`${folder}/p.iso`, { "a.txt": "a" });
    const signal = AbortSignal.abort();
    await assert.rejects(inspectMedium(iso, { signal }), (error) =>
      error instanceof Failure && error.code === "cancelled");
  }));

Deno.test("names that lead out of a folder are warned of and never used", () =>
  withFolder(async (folder) => {
    const iso = await makeIso(`${folder}/p.iso`, { "xx_xx_evil": "a", "good": "b" }, ["-R"]);
    const bytes = await Deno.readFile(iso);
    replaceAll(bytes, "xx_xx_evil", "../../evil");
    await Deno.writeFile(iso, bytes);
    const report = of(await inspectMedium(iso), "iso");
    assert.deepEqual(report.problems, []);
    assert.deepEqual(codes(report.warnings), ["hostile_names"]);
    assert.match(report.warnings[0]?.message ?? "", /'\.\.\/\.\.\/evil'/);
  }));

/** Overwrites every occurrence of a text with another of the same length. */
function replaceAll(bytes: Uint8Array, from: string, to: string): void {
  const wanted = new TextEncoder().encode(from), other = new TextEncoder().encode(to);
  for (let at = bytes.indexOf(wanted[0] ?? 0); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (wanted.every((byte, n) => bytes[at + n] === byte)) bytes.set(other, at);
  }
}

Deno.test("a catalogue is known by the form of a signed message", async () => {
  const { isSignedMessage } = await import("./virtio_win.ts");
  assert.ok(isSignedMessage(catalogue("anybody")));
  assert.ok(!isSignedMessage(new Uint8Array([0x30, 0x82, 0x20, 0x00, 0x02])));
  assert.ok(!isSignedMessage(new Uint8Array(0)));
});
