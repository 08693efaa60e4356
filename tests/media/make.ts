/** Media for tests, made by the tools that people make media with: genisoimage, xorriso, wimlib, mtools. */
import assert from "node:assert/strict";

/** Runs a tool; it must succeed. Gives what it writes. */
export async function tool(program: string, args: readonly string[], cwd?: string): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
  }).output();
  assert.ok(success, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** Gives `use` a folder of its own and removes it. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "rv-media-" });
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes files into a folder, by path below it. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    const whole = `${folder}/${path}`;
    await Deno.mkdir(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
    await (typeof content === "string" ? Deno.writeTextFile(whole, content) : Deno.writeFile(whole, content));
  }
  return folder;
}

/** An image of Windows as its description tells of it. */
export interface Edition {
  readonly name: string;
  readonly id: string;
  readonly build: number;
  readonly revision?: number;
  readonly arch?: number;
  readonly languages?: readonly string[];
  readonly installation?: string;
}

export const HOME_23H2: Edition = { name: "Windows 11 Home", id: "Core", build: 22631, revision: 2428 };
export const PRO_24H2: Edition = { name: "Windows 11 Pro", id: "Professional", build: 26100, revision: 1742 };
export const OLD_PRO: Edition = { name: "Windows 10 Pro", id: "Professional", build: 19045, revision: 2006 };

/** A WIM with an image an edition, each of one small file, made by wimlib. */
export async function makeWim(path: string, editions: readonly Edition[]): Promise<string> {
  await withFolder(async (folder) => {
    await writeTree(folder, { "Windows/System32/ntoskrnl.exe": "not really" });
    for (const [n, edition] of editions.entries()) {
      const how = n === 0
        ? ["capture", folder, path, edition.name, "--compress=LZX"]
        : ["append", folder, path, edition.name];
      await tool("wimlib-imagex", [...how, "--no-acls"]);
      const properties = Object.entries(propertiesOf(edition)).map(([key, value]) =>
        `--image-property=${key}=${value}`
      );
      await tool("wimlib-imagex", ["info", path, String(n + 1), ...properties]);
    }
  });
  return path;
}

function propertiesOf(edition: Edition): Record<string, string> {
  const { id, build, revision = 1, arch = 9, languages = ["en-US"], installation = "Client" } = edition;
  return {
    "WINDOWS/ARCH": String(arch),
    "WINDOWS/EDITIONID": id,
    "WINDOWS/INSTALLATIONTYPE": installation,
    "WINDOWS/VERSION/MAJOR": "10",
    "WINDOWS/VERSION/MINOR": "0",
    "WINDOWS/VERSION/BUILD": String(build),
    "WINDOWS/VERSION/SPBUILD": String(revision),
    ...Object.fromEntries(languages.map((one, n) => [`WINDOWS/LANGUAGES/LANGUAGE[${n + 1}]`, one])),
    "WINDOWS/LANGUAGES/DEFAULT": languages[0] ?? "en-US",
  };
}

/** The folder of a Windows medium without its image: boot images for BIOS and EFI, a notice for those who can't read UDF. */
export async function windowsFolder(folder: string): Promise<string> {
  await writeTree(folder, {
    "README.TXT": 'This disc contains a "UDF" file system and requires an operating system\r\n',
    "setup.exe": "MZ",
    "sources/boot.wim": "stands for the preinstallation environment",
    "boot/etfsboot.com": new Uint8Array(4096).fill(0x90),
  });
  await tool("mformat", ["-C", "-f", "1440", "-i", `${folder}/boot/efisys.bin`, "::"]);
  return folder;
}

/**
 * As Windows' own media: a UDF bridge with `sources` in UDF only, El Torito for BIOS and EFI. `output` is `-` for
 * standard output; `more` follows the arguments of the EFI image.
 */
export function windowsIsoArgs(
  folder: string,
  output: string,
  label = "CCCOMA_X64FRE_EN-US_DV9",
  more: readonly string[] = [],
): string[] {
  return [
    "-quiet",
    "-udf",
    "-V",
    label,
    "-iso-level",
    "3",
    "-allow-limited-size",
    ...["-b", "boot/etfsboot.com", "-no-emul-boot", "-boot-load-size", "8"],
    ...["-eltorito-alt-boot", "-e", "boot/efisys.bin", "-no-emul-boot", ...more],
    ...["-hide", "sources", "-hide", "sources/*"],
    ...["-o", output, folder],
  ];
}

/** A Windows medium with these editions in `sources/install.wim`. */
export async function makeWindowsIso(iso: string, editions: readonly Edition[]): Promise<string> {
  await withFolder(async (folder) => {
    await windowsFolder(folder);
    await makeWim(`${folder}/sources/install.wim`, editions);
    await tool("genisoimage", windowsIsoArgs(folder, iso));
  });
  return iso;
}

/** An ISO of a folder by xorriso; `how`: more of mkisofs' arguments. */
export async function makeIso(
  iso: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  how: readonly string[] = ["-J", "-R"],
): Promise<string> {
  await withFolder(async (folder) => {
    await writeTree(folder, files);
    await tool("xorriso", ["-as", "mkisofs", "-quiet", ...how, "-o", iso, folder]);
  });
  return iso;
}

/** The head of a PKCS #7 signed message, as every catalogue begins, with a signer's name somewhere in it. */
export function catalogue(signer: string): Uint8Array {
  const type = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
  return new Uint8Array([0x30, 0x82, 0x20, 0x00, ...type, ...new TextEncoder().encode(signer)]);
}

export const MICROSOFT = "Microsoft Windows Hardware Compatibility Publisher";

/** Files of virtio-win: drivers of Windows 11 and 10, as folder and file names. */
export function virtioFiles(
  drivers: Readonly<Record<string, string>>,
  signer = MICROSOFT,
): Record<string, string | Uint8Array> {
  const files: Record<string, string | Uint8Array> = {
    "guest-agent/qemu-ga-x86_64.msi": "msi",
    "virtio-win-guest-tools.exe": "MZ",
    "virtio-win_license.txt": "licence\n",
  };
  for (const [folder, name] of Object.entries(drivers)) {
    for (const system of ["w10", "w11"]) {
      const at = `${folder}/${system}/amd64/${name}`;
      files[`${at}.inf`] = "[Version]\r\nDriverVer = 07/29/2024,100.95.104.26200\r\n";
      files[`${at}.sys`] = "MZ";
      files[`${at}.cat`] = catalogue(signer);
    }
  }
  return files;
}

export const W11_DRIVERS = {
  viostor: "viostor",
  vioscsi: "vioscsi",
  NetKVM: "netkvm",
  vioserial: "vioser",
  Balloon: "balloon",
};
