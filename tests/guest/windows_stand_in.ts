/**
 * What stands in for Windows where the host's part of its installation is tested: a medium that boots by signed loaders and asks
 * for a key, a Setup that finds its answers and writes a disk, a system that goes off when its agent was heard. Nothing of
 * Windows is in it.
 */
import { buildGuest } from "./build.ts";
import { KERNEL_OPTIONS } from "./init.ts";
import { type GuestRecipe, PLAIN, SEEDED } from "./recipe.ts";
import { LEAVE } from "./seed_script.ts";

/** Where built images are kept. */
const CACHE = new URL("../../dist/guest", import.meta.url).pathname;

/** Path of the installed system's disk on the medium, and of what Setup reads first, as Windows' Setup reads itself. */
export const SYSTEM_IMAGE = "sources/system.img";
export const SETUP_IMAGE = "sources/boot.wim";

/**
 * As Windows' medium: asks for a key for five seconds, and goes back to the firmware when none comes. GRUB forgets `fallback`
 * when a key stops the time of its menu; that is how the one entry knows.
 */
export const ASKING_GRUB_CFG = `echo "Press any key to boot from CD or DVD....."
set timeout=5
set fallback=0
menuentry "Setup" {
  if [ -n "$fallback" ]; then
    echo "NO-KEY back to the firmware"
    exit
  fi
  linux /boot/vmlinuz ${KERNEL_OPTIONS}
  initrd /boot/initrd.gz
}
`;

/**
 * Setup. It insists on what Windows' Setup insists on, on its answers and the drivers' medium, and on an empty disk. Lines on
 * the serial port: `SETUP edition=NAME user=NAME`, `SETUP writes`, `SETUP restarts`; or `SETUP refused: WHY`, and it stands there.
 */
const SETUP = `#!/bin/sh
refuse() {
  echo "SETUP refused: $*"
  while :; do sleep 3600; done
}
[ "$(cat /sys/class/tpm/tpm0/tpm_version_major)" = 2 ] || refuse "no TPM 2.0"
secure=/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
[ "$(tail -c 1 $secure | hexdump -e '"%02x"')" = 01 ] || refuse "no Secure Boot"
for device in /dev/sr*; do
  at=/run/media/\${device##*/}
  mkdir -p $at
  mount -t udf -o ro $device $at 2>/dev/null || mount -t iso9660 -o ro $device $at || continue
  [ -f $at/${SYSTEM_IMAGE} ] && medium=$at
  [ -f $at/autounattend.xml ] && answers=$at/autounattend.xml
  [ -f $at/viostor/w11/amd64/viostor.inf ] && drivers=$at
done
[ -n "$medium" ] || refuse "its own medium is not there"
cat $medium/${SETUP_IMAGE} >/dev/null
[ -n "$drivers" ] || refuse "no medium of the drivers"
[ -n "$answers" ] || refuse "no autounattend.xml on any medium"
value() { sed -n "s|.*<$1>\\([^<]*\\)</$1>.*|\\1|p" $answers | head -n 1; }
grep -q '<unattend ' $answers && grep -q '<settings pass="oobeSystem">' $answers || refuse "that is no answer file"
told="edition=$(value Value) user=$(value Username)"
echo "SETUP $told"
[ "$(dd if=/dev/vda bs=1M count=1 2>/dev/null | tr -d '\\0' | wc -c)" = 0 ] || refuse "the disk is not empty"
echo "SETUP writes"
# Windows' takes minutes. This one goes on for longer than the host takes to see that it has booted.
sleep 3
dd if=$medium/${SYSTEM_IMAGE} of=/dev/vda bs=1M 2>/dev/null || refuse "the disk can't be written to"
mount -t vfat /dev/vda /disk && echo "$told" >/disk/told.txt && umount /disk || refuse "what was written is no system"
sync
# A write to the agent's port waits until somebody listens on the host: no restart goes unseen.
for port in /sys/class/virtio-ports/*; do echo >"/dev/\${port##*/}"; done
echo "SETUP restarts"
reboot -f
`;

/**
 * The installed system: `INSTALLED first edition=NAME user=NAME`, what Setup was told, and it goes off when the host has heard its
 * agent; `INSTALLED again ...` at every later boot.
 */
const SYSTEM = `#!/bin/sh
${LEAVE}
if [ -f /disk/installed.txt ]; then
  echo "INSTALLED again $(cat /disk/told.txt)"
else
  echo yes >/disk/installed.txt
  sync
  echo "INSTALLED first $(cat /disk/told.txt)"
  leave
fi
`;

const SETUP_RECIPE: GuestRecipe = {
  ...SEEDED,
  modules: [...SEEDED.modules, "udf"],
  files: { ...PLAIN.files, "sbin/seed": { text: SETUP, executable: true } },
};

const SYSTEM_RECIPE: GuestRecipe = {
  ...PLAIN,
  files: { ...PLAIN.files, "sbin/seed": { text: SYSTEM, executable: true } },
};

/** Raw images that are not to be written to: one FAT file system each, with signed loaders, kernel and initrd. */
export async function standInImages(): Promise<{ readonly setup: string; readonly system: string }> {
  const built = async (recipe: GuestRecipe) => (await buildGuest({ cacheDir: CACHE, recipe })).image;
  return { setup: await built(SETUP_RECIPE), system: await built(SYSTEM_RECIPE) };
}
