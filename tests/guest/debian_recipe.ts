/** What the Debian cloud image is made of. Every change here makes another image: the recipe is part of its key. */

/**
 * Debian's kernel for everything: its kernel for clouds has no driver for q35's SATA controller, and so sees no seed on a CD-ROM.
 * `usr-is-merged` takes the place of a package that brings all of Perl.
 */
export const INSTALLED: readonly string[] = [
  "usr-is-merged",
  "systemd-sysv",
  // What the agent and the power button shut down by is logind, which is reached over D-Bus.
  "dbus",
  "udev",
  "kmod",
  "linux-image-amd64",
  "initramfs-tools",
  "zstd",
  "cloud-init",
  "cloud-guest-utils",
  "fdisk",
  "e2fsprogs",
  "netplan.io",
  "iproute2",
  "sudo",
  "tzdata",
  "qemu-guest-agent",
];

/** Packages of which nothing but the signed loaders is taken: these stand on a partition of their own. */
export const LOADERS: readonly string[] = ["shim-signed", "grub-efi-amd64-signed"];

/** Parts of the kernel that q35's devices and the image's file systems need; `*` stands for any path below too. */
const DRIVERS = [
  "drivers/acpi/*",
  "drivers/ata/*",
  "drivers/block/*",
  "drivers/cdrom/*",
  "drivers/char/*",
  "drivers/firmware/*",
  "drivers/gpu/drm/virtio/*",
  "drivers/input/*",
  "drivers/net/net_failover.ko",
  "drivers/net/virtio_net.ko",
  "drivers/scsi/s*",
  "drivers/virtio/*",
  "fs/autofs/*",
  "fs/binfmt_misc.ko",
  "fs/configfs/*",
  "fs/efivarfs/*",
  "fs/ext4/*",
  "fs/fat/*",
  "fs/fuse/*",
  "fs/isofs/*",
  "fs/jbd2/*",
  "fs/mbcache.ko",
  "fs/nls/*",
  "net/core/*",
  "net/packet/*",
];

const KERNEL = "/lib/modules/*/kernel";

/** Settings of dpkg.cfg(5): what is never read in a test is never written. */
const DPKG_CFG = [
  ...["man", "doc", "info", "lintian", "locale"].map((folder) => `path-exclude=/usr/share/${folder}/*`),
  ...["arch", "drivers", "fs", "net", "sound"].map((folder) => `path-exclude=${KERNEL}/${folder}/*`),
  "path-include=/usr/share/locale/locale.alias",
  ...DRIVERS.map((path) => `path-include=${KERNEL}/${path}`),
  "",
].join("\n");

/** Files that are there before most packages are, by path. */
export const EARLY_FILES: Readonly<Record<string, string>> = {
  "etc/dpkg/dpkg.cfg.d/small": DPKG_CFG,
  "etc/initramfs-tools/conf.d/small": "MODULES=list\nCOMPRESS=zstd\nRESUME=none\n",
  "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\n",
};

/** The image's own settings of cloud-init: where a seed comes from, and the modules that it has the programs for. */
const CLOUD_CFG = `datasource_list: [NoCloud, None]
cloud_init_modules: [seed_random, bootcmd, write_files, growpart, resizefs, set_hostname, update_hostname, update_etc_hosts, users_groups]
cloud_config_modules: [locale, set_passwords, timezone, runcmd]
cloud_final_modules: [package_update_upgrade_install, scripts_per_once, scripts_user, final_message, power_state_change]
`;

/** Files that are written over the finished system, by path. */
export const LATE_FILES: Readonly<Record<string, string>> = {
  "etc/fstab": "LABEL=system / ext4 defaults 0 1\n",
  // Empty: each copy of the image gives itself an identity.
  "etc/machine-id": "",
  "etc/cloud/cloud.cfg.d/90_image.cfg": CLOUD_CFG,
};

/** Links that are made in the finished system, by path. A unit that is a link to /dev/null is never started. */
export const LINKS: Readonly<Record<string, string>> = {
  "etc/systemd/system/multi-user.target.wants/systemd-networkd.service":
    "/lib/systemd/system/systemd-networkd.service",
  ...Object.fromEntries(
    [
      "e2scrub_reap.service",
      "systemd-binfmt.service",
      "systemd-pstore.service",
      "proc-sys-fs-binfmt_misc.automount",
      // With netplan it waits two minutes for a network card that is not there, at every boot.
      "systemd-networkd-wait-online.service",
    ]
      .map((unit) => [`etc/systemd/system/${unit}`, "/dev/null"]),
  ),
};

/** Of the signed boot loader: it looks for the system by its name, as the system's own fstab does. */
export const CLOUD_GRUB_CFG = `set timeout=0
search --no-floppy --label system --set=root
linux /vmlinuz root=LABEL=system ro console=ttyS0 audit=0 apparmor=0 mitigations=off
initrd /initrd.img
boot
`;

/** Where things are on the disk, in MiB. The last one stays free for the second partition table. */
export const LAYOUT = { espAt: 1, espSize: 16, rootAt: 17, total: 1024 } as const;

/** Memory that the guest boots with in every way. */
export const CLOUD_MEMORY_MIB = 768;

/** Text that stands for the whole recipe in the image's key. */
export function cloudRecipeText(): string {
  return JSON.stringify([
    INSTALLED,
    LOADERS,
    EARLY_FILES,
    LATE_FILES,
    LINKS,
    CLOUD_GRUB_CFG,
    LAYOUT,
    BUILDER_VERSION,
  ]);
}

/** To be raised when the same recipe is put together in another way. */
const BUILDER_VERSION = 1;
