/** What the tests of provisioning a Windows guest share: a medium that stands in for Windows', answers, the policy. */
import { Buffer } from "node:buffer";
import { obscured } from "../../src/unattended/autounattend.ts";
import { ASKING_GRUB_CFG, SETUP_IMAGE, standInImages, SYSTEM_IMAGE } from "../guest/windows_stand_in.ts";
import {
  makeIso,
  makeWim,
  PRO_24H2,
  tool,
  virtioFiles,
  W11_DRIVERS,
  windowsFolder,
  windowsIsoArgs,
  withFolder,
  writeTree,
} from "../media/make.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { POLICY, type Rig } from "./rig.ts";

/** A small guest of Windows' kind may be installed, shown and typed into. */
export const WINDOWS_POLICY = POLICY.replace("vtpm = true\n", "vtpm = true\ninput = true\n")
  .replace(
    'guest_agent = ["ping", "shutdown"]',
    'input = true\nguest_agent = ["ping", "osinfo", "shutdown"]',
  ) +
  `[profiles.small-windows.snapshots]
max = 2
`;

/** No password that the product's own files could hold by chance. */
export const WINDOWS_PASSWORD = "Zwölf Boxkämpfer & <42>";
export const USER = "op";

/** Bytes that the stand-in of Setup reads before it does anything, as Windows' Setup reads itself: more than any loader reads. */
const SETUP_BYTES = 80 * 1024 * 1024;

/** Sectors of 512 bytes of the EFI boot image; two signed loaders fit. */
const BOOT_SECTORS = 16 * 1024;

/** A medium that looks like Windows 11's, and boots a stand-in of its Setup. */
export async function makeStandIn(iso: string): Promise<string> {
  const { setup, system } = await standInImages();
  await withFolder(async (folder) => {
    await windowsFolder(folder);
    const boot = `${folder}/boot/efisys.bin`;
    await Deno.remove(boot);
    await tool("mformat", ["-C", "-T", String(BOOT_SECTORS), "-h", "16", "-s", "63", "-i", boot, "::"]);
    await withFolder(async (parts) => {
      await tool("mcopy", ["-s", "-Q", "-i", setup, "::/EFI", parts]);
      await Deno.remove(`${parts}/EFI/debian`, { recursive: true });
      await Deno.remove(`${parts}/EFI/ubuntu`, { recursive: true });
      await tool("mcopy", ["-s", "-Q", "-i", boot, `${parts}/EFI`, "::/"]);
    });
    await tool("mcopy", ["-Q", "-i", setup, "::/vmlinuz", "::/initrd.gz", `${folder}/boot`]);
    // Without a configuration beside it, the signed GRUB takes the one of the disc that has this file.
    await writeTree(folder, { ".disk/info": "", "boot/grub/grub.cfg": ASKING_GRUB_CFG });
    await makeWim(`${folder}/sources/install.wim`, [PRO_24H2]);
    await Deno.copyFile(system, `${folder}/${SYSTEM_IMAGE}`);
    await Deno.writeFile(`${folder}/${SETUP_IMAGE}`, new Uint8Array(SETUP_BYTES).fill(0x57));
    // As on Windows' media the length of the boot image is 1: all that follows. GRUB knows names by Rock Ridge.
    await tool("genisoimage", windowsIsoArgs(folder, iso, undefined, ["-boot-load-size", "1", "-R"]));
  });
  return iso;
}

export async function makeVirtio(iso: string): Promise<string> {
  return await makeIso(iso, virtioFiles(W11_DRIVERS), ["-J", "-R", "-V", "virtio-win-0.1.266"]);
}

export interface Media {
  readonly windows: string;
  readonly virtio: string;
}

/** Every file below the folder in which one of these stands: as it is written, in UTF-16, or as an answer file hides a password. */
export async function filesWithAny(folder: string, texts: readonly string[]): Promise<string[]> {
  const needles = texts.flatMap((text) => [
    Buffer.from(text, "utf8"),
    Buffer.from(text, "utf16le"),
    Buffer.from(obscured(text), "latin1"),
  ]);
  const found: string[] = [];
  for await (const { path } of walkFiles(folder)) {
    const bytes = Buffer.from((await Deno.readFile(path)).buffer);
    if (needles.some((needle) => bytes.includes(needle))) found.push(path);
  }
  return found;
}

async function* walkFiles(folder: string): AsyncGenerator<{ readonly path: string }> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walkFiles(path);
    else if (isFile) yield { path };
  }
}

/** Writes an answers file and the password file beside it; gives its path. */
export async function writeWindowsAnswers(
  rig: Rig,
  media: Media,
  more: { readonly media?: string; readonly edition?: string; readonly memoryMib?: number } = {},
): Promise<string> {
  await rig.write("password", `${WINDOWS_PASSWORD}\n`);
  await rig.write(
    "answers.toml",
    `version = 0
[guest]
type = "windows"
vcpu = ${more.memoryMib === undefined ? 1 : 2}
memory_mib = ${more.memoryMib ?? GUEST_MEMORY_MIB}
profile = "small-windows"
[disk]
size = "20GiB"
[media]
windows_iso = "${media.windows}"
virtio_iso = "${media.virtio}"
${more.media ?? ""}
[windows]
edition = "${more.edition ?? PRO_24H2.name}"
[user]
name = "${USER}"
password_file = "password"
[install]
timeout_minutes = 5
`,
  );
  return `${rig.root}/answers.toml`;
}
