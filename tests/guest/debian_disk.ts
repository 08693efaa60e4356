/** The Debian cloud image's disk: a GUID partition table, a partition for the boot loaders, and one for the system. */
import { fail } from "../../src/core/problem.ts";
import { run } from "../../src/ports/processes.ts";
import { CLOUD_GRUB_CFG, LAYOUT } from "./debian_recipe.ts";
import { type Partition, partitionTable, SECTOR_BYTES } from "./gpt.ts";

const MIB = 1024 * 1024;
const SECTORS_PER_MIB = MIB / SECTOR_BYTES;
/** The same in every image, as in every other cloud image: a copy of a disk has its identifiers. */
const DISK_ID = "7b1c2f0e-52a5-4d1b-9c64-1f5f0a3d6e01";
const ESP_ID = "7b1c2f0e-52a5-4d1b-9c64-1f5f0a3d6e02";
const ROOT_ID = "7b1c2f0e-52a5-4d1b-9c64-1f5f0a3d6e03";

const PARTITIONS: readonly Partition[] = [
  {
    type: "esp",
    id: ESP_ID,
    name: "loaders",
    first: LAYOUT.espAt * SECTORS_PER_MIB,
    last: (LAYOUT.espAt + LAYOUT.espSize) * SECTORS_PER_MIB - 1,
  },
  {
    type: "linuxRoot",
    id: ROOT_ID,
    name: "system",
    first: LAYOUT.rootAt * SECTORS_PER_MIB,
    last: (LAYOUT.total - 1) * SECTORS_PER_MIB - 1,
  },
];

export interface CloudDiskOptions {
  /** File to make. */
  readonly image: string;
  readonly temporary: string;
  /** Folder with the finished system; everything in it belongs to whom it is to belong. */
  readonly tree: string;
  readonly shim: string;
  readonly grub: string;
  readonly signal?: AbortSignal;
}

/** Writes a qcow2 image, compressed. No file system is mounted for it. */
export async function writeCloudDisk(options: CloudDiskOptions): Promise<void> {
  const raw = `${options.temporary}/disk.raw`;
  await Deno.writeFile(raw, new Uint8Array(0), { createNew: true });
  await Deno.truncate(raw, LAYOUT.total * MIB);
  await writeTable(raw);
  await writeLoaders(raw, options);
  // ext4's own program fills a file system from a folder (mke2fs(8), -d).
  await tool(options, "mke2fs", [
    ...[
      "-q",
      "-F",
      "-t",
      "ext4",
      "-L",
      "system",
      "-U",
      ROOT_ID,
      "-E",
      `offset=${LAYOUT.rootAt * MIB},hash_seed=${ROOT_ID}`,
    ],
    ...["-d", options.tree, raw, `${LAYOUT.total - 1 - LAYOUT.rootAt}M`],
  ]);
  await tool(options, "qemu-img", [
    ...["convert", "-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd", raw, options.image],
  ]);
}

async function writeTable(raw: string): Promise<void> {
  const { head, tail } = partitionTable(LAYOUT.total * SECTORS_PER_MIB, DISK_ID, PARTITIONS);
  using file = await Deno.open(raw, { write: true });
  await file.write(head);
  await file.seek(LAYOUT.total * MIB - tail.length, Deno.SeekMode.Start);
  await file.write(tail);
}

async function writeLoaders(raw: string, options: CloudDiskOptions): Promise<void> {
  const staging = `${options.temporary}/esp`;
  const put = async (path: string, from: string | Uint8Array) => {
    const target = `${staging}/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await (typeof from === "string" ? Deno.copyFile(from, target) : Deno.writeFile(target, from));
  };
  await put("EFI/BOOT/BOOTX64.EFI", options.shim);
  await put("EFI/BOOT/grubx64.efi", options.grub);
  await put("EFI/debian/grub.cfg", new TextEncoder().encode(CLOUD_GRUB_CFG));
  const at = ["-i", `${raw}@@${LAYOUT.espAt}M`];
  const sectors = String(LAYOUT.espSize * SECTORS_PER_MIB);
  await tool(options, "mformat", [
    ...[...at, "-T", sectors, "-h", "16", "-s", "63", "-c", "4", "-N", "52415957", "-v", "LOADERS", "::"],
  ]);
  await tool(options, "mcopy", [...at, "-s", "-Q", `${staging}/EFI`, "::/"]);
}

async function tool(
  { signal, image }: CloudDiskOptions,
  program: string,
  args: readonly string[],
): Promise<void> {
  // MTOOLSRC: nothing of the host's or the user's settings.
  const env = {
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    LANG: "C.UTF-8",
    MTOOLSRC: "/dev/null",
  };
  const result = await run(program, { args, env, timeoutMs: 300_000, ...(signal ? { signal } : {}) });
  if (result.code !== 0) fail("io", `${program} failed: ${result.stderr.trim()}`, { path: image });
}
