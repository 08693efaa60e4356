/** What the test guest is made of. Every change here makes another image: the whole module is part of its key. */
import { GRUB_CFG, HOTPLUG, INIT, SHUTDOWN } from "./init.ts";

/** Which packages hold the parts, by distribution. `kernel` is the name that always means the newest one. */
export interface DistributionPackages {
  readonly kernel: string;
  readonly others: readonly string[];
}

const OTHERS = ["busybox-static", "qemu-guest-agent", "shim-signed", "grub-efi-amd64-signed"];

/** Distributions that the guest can be made from, by `ID` of os-release(5). */
export const PACKAGES: Readonly<Record<string, DistributionPackages>> = {
  debian: { kernel: "linux-image-cloud-amd64", others: OTHERS },
  ubuntu: { kernel: "linux-image-virtual", others: OTHERS },
};

/**
 * Kernel modules to load, in this order; what they need themselves is added. A name that the kernel has built in, or
 * does not have, is skipped.
 */
export const MODULES: readonly string[] = [
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

/** Text files of the guest. */
export const FILES: Readonly<Record<string, { readonly text: string; readonly executable?: boolean }>> = {
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

/** Size of the disk image. Most of it is a hole. */
export const DISK_BYTES = 48 * 1024 * 1024;

/** Least memory with which the guest boots in every way: the boot loader needs room for several copies of the kernel. */
export const GUEST_MEMORY_MIB = 320;

/** Text that stands for the whole recipe in the image's key. */
export function recipeText(): string {
  return JSON.stringify([PACKAGES, MODULES, APPLETS, FILES, GRUB_CFG, DISK_BYTES, BUILDER_VERSION]);
}

/** To be raised when the same recipe is put together in another way. */
const BUILDER_VERSION = 1;
