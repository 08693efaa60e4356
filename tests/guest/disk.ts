/**
 * The guest's disk: one FAT file system without a partition table, which UEFI boots as it does a removable medium
 * (UEFI specification, 3.5.1.1): `EFI/BOOT/BOOTX64.EFI` is the signed first-stage loader, which starts the signed
 * `grubx64.efi` beside it, which starts the signed kernel.
 */
import { fail } from "../../src/core/problem.ts";
import { run } from "../../src/ports/processes.ts";
import { GRUB_CFG } from "./init.ts";
import { DISK_BYTES } from "./recipe.ts";

export interface DiskOptions {
  /** File to make. */
  readonly image: string;
  readonly temporary: string;
  /** Paths of the parts. */
  readonly kernel: string;
  readonly shim: string;
  readonly grub: string;
  readonly initrd: Uint8Array;
  readonly signal?: AbortSignal;
}

export async function writeDisk(options: DiskOptions): Promise<void> {
  const staging = `${options.temporary}/disk`;
  const put = async (path: string, from: string | Uint8Array) => {
    const target = `${staging}/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await (typeof from === "string" ? Deno.copyFile(from, target) : Deno.writeFile(target, from));
  };
  await put("EFI/BOOT/BOOTX64.EFI", options.shim);
  await put("EFI/BOOT/grubx64.efi", options.grub);
  // Each distribution's signed grub looks in its own folder.
  for (const name of ["debian", "ubuntu"]) {
    await put(`EFI/${name}/grub.cfg`, new TextEncoder().encode(GRUB_CFG));
  }
  await put("vmlinuz", options.kernel);
  await put("initrd.gz", options.initrd);

  await Deno.writeFile(options.image, new Uint8Array(0), { createNew: true });
  await Deno.truncate(options.image, DISK_BYTES);
  const sectors = String(DISK_BYTES / 512);
  const signal = options.signal ? { signal: options.signal } : {};
  const tool = async (program: string, args: readonly string[]) => {
    // MTOOLSRC: nothing of the host's or the user's settings. The serial number makes the image the same each time.
    const env = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", MTOOLSRC: "/dev/null" };
    const result = await run(program, { args: ["-i", options.image, ...args], env, ...signal });
    if (result.code !== 0) fail("io", `${program} failed: ${result.stderr.trim()}`, { path: options.image });
  };
  await tool("mformat", [
    "-T",
    sectors,
    "-h",
    "16",
    "-s",
    "63",
    "-c",
    "4",
    "-N",
    "52415956",
    "-v",
    "GUEST",
    "::",
  ]);
  await tool("mcopy", ["-s", "-Q", `${staging}/EFI`, `${staging}/vmlinuz`, `${staging}/initrd.gz`, "::/"]);
}
