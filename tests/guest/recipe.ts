/** What the test guests are made of. Every change here makes another image: the recipe is part of its key. */
import { GRUB_CFG, HOTPLUG, INIT, SHUTDOWN } from "./init.ts";
import { SEED } from "./seed_script.ts";

/** Which packages hold the parts, by distribution. `kernel` is the name that always means the newest one. */
export interface DistributionPackages {
  readonly kernel: string;
  readonly others: readonly string[];
}

/** A file of the guest with its text. */
export interface TextFile {
  readonly text: string;
  readonly executable?: boolean;
}

/** Everything in which one test guest differs from another. */
export interface GuestRecipe {
  /** Distributions that the guest can be made from, by `ID` of os-release(5). */
  readonly packages: Readonly<Record<string, DistributionPackages>>;
  /** Kernel modules to load, in this order; what they need themselves is added. A name that the kernel has built in, or does not have, is skipped. */
  readonly modules: readonly string[];
  readonly files: Readonly<Record<string, TextFile>>;
}

const OTHERS = ["busybox-static", "qemu-guest-agent", "shim-signed", "grub-efi-amd64-signed"];

const MODULES = [
  "virtio_pci",
  "virtio_console",
  "virtio_blk",
  "virtio-rng",
  "virtio_net",
  "virtio_input",
  "virtio_balloon",
  "evdev",
  "button",
  "efivarfs",
  "tpm_crb",
  "tpm_tis",
  "nls_cp437",
  "nls_ascii",
  "nls_utf8",
  "nls_iso8859-1",
  "vfat",
];

/** Programs that busybox plays in the guest. */
export const APPLETS: readonly string[] =
  ("[ ash awk basename blockdev cat chmod chown cmp cp cut date dd df dirname dmesg du echo egrep env false find free grep gunzip " +
    "gzip halt head hexdump hostname hwclock id ifconfig insmod ip kill killall less ln ls lsmod md5sum mkdir mkfifo mknod mktemp modprobe " +
    "mount mv nc nproc od passwd pidof ping poweroff printf ps pwd readlink reboot rm rmdir rmmod route sed seq setsid sh " +
    "sha256sum sleep sort stat stty sync sysctl tail tee test time timeout top touch tr true tty uevent umount uname uniq uptime usleep vi " +
    "wc wget which xargs xxd yes").split(" ");

const FILES: GuestRecipe["files"] = {
  "init": { text: INIT, executable: true },
  "sbin/shutdown": { text: SHUTDOWN, executable: true },
  "sbin/hotplug": { text: HOTPLUG, executable: true },
  "etc/passwd": { text: "root::0:0:root:/:/bin/sh\n" },
  "etc/group": { text: "root:x:0:\n" },
  "etc/os-release": {
    text:
      'ID=rayvisor-test-guest\nNAME="rayvisor test guest"\nPRETTY_NAME="rayvisor test guest 1"\nVERSION_ID=1\n',
  },
};

/** The test guest: as small and as quick as can be. */
export const PLAIN: GuestRecipe = {
  packages: {
    debian: { kernel: "linux-image-cloud-amd64", others: OTHERS },
    ubuntu: { kernel: "linux-image-virtual", others: OTHERS },
  },
  modules: MODULES,
  files: FILES,
};

/**
 * The test guest that is provisioned by a seed on a CD-ROM. q35 has CD-ROMs on its SATA controller (AHCI): Debian's kernel for
 * clouds has no driver for that, its kernel for everything has.
 */
export const SEEDED: GuestRecipe = {
  packages: {
    debian: { kernel: "linux-image-amd64", others: OTHERS },
    ubuntu: { kernel: "linux-image-virtual", others: OTHERS },
  },
  modules: [...MODULES, "ahci", "sr_mod", "isofs"],
  files: { ...FILES, "sbin/seed": { text: SEED, executable: true } },
};

/** Size of the disk image. Most of it is a hole. */
export const DISK_BYTES = 48 * 1024 * 1024;

/** Least memory with which the guest boots in every way: the boot loader needs room for several copies of the kernel. */
export const GUEST_MEMORY_MIB = 320;

/** Text that stands for the whole recipe in the image's key. */
export function recipeText({ packages, modules, files }: GuestRecipe): string {
  return JSON.stringify([packages, modules, APPLETS, files, GRUB_CFG, DISK_BYTES, BUILDER_VERSION]);
}

/** To be raised when the same recipe is put together in another way. */
const BUILDER_VERSION = 1;
