/** The scripts of the guest, for busybox sh, and the configuration of its boot loader. */

/** Kernel options that shorten the boot: no console but the serial line, no noise, no self-tests. */
export const KERNEL_OPTIONS = "console=ttyS0 quiet loglevel=3 audit=0 apparmor=0 mitigations=off nokaslr " +
  "rcupdate.rcu_expedited=1 8250.nr_uarts=1 net.ifnames=0";

/** Everything stands at the root of the disk; grub starts with `root` set to where it was loaded from. */
export const GRUB_CFG = `set timeout=0
linux /vmlinuz ${KERNEL_OPTIONS}
initrd /initrd.gz
boot
`;

/**
 * First process. Lines on the serial port, each a marker of its own:
 * `EFI SecureBoot=01|00`, `TPM <major> present`, `DISK <device> boots=<n>`, `INPUT-ADD eventN NAME`,
 * `INPUT <type> <code> <value> eventN`, `NIC-ADD ethN`, `NIC-DEL ethN`, `POWERKEY`, `SHUTDOWN <how>`,
 * and `GUEST-READY v1 up=<seconds>` when all of it is in place. Afterwards each line that comes in on the serial port
 * is run as a command and answered with its output and `RC <exit code>`.
 */
export const INIT = `#!/bin/sh
export PATH=/bin:/sbin:/usr/sbin HOME=/ TERM=vt100
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
exec </dev/null >/dev/ttyS0 2>&1
stty -echo -F /dev/ttyS0
echo 3 >/proc/sys/kernel/printk
hostname testguest
ip link set lo up
while read -r module; do insmod "/lib/modules/$module"; done </lib/modules/order

mount -t efivarfs efivarfs /sys/firmware/efi/efivars 2>/dev/null
secure=/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
[ -e $secure ] && echo "EFI SecureBoot=$(tail -c 1 $secure | hexdump -e '"%02x"')"
tpm=/sys/class/tpm/tpm0/tpm_version_major
[ -e $tpm ] && echo "TPM $(cat $tpm) present"
if mount -t vfat /dev/vda /disk 2>/dev/null; then
  echo boot >>/disk/boots.txt
  sync
  echo "DISK vda boots=$(wc -l </disk/boots.txt)"
fi
# The guest has its name before the agent is there to be asked for it.
[ -x /sbin/seed ] && /sbin/seed

mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  [ -f "$port/name" ] || continue
  read -r name <"$port/name"
  [ -n "$name" ] && ln -sf "/dev/\${port##*/}" "/dev/virtio-ports/$name"
done
agent=/dev/virtio-ports/org.qemu.guest_agent.0
[ -e /run/leaving ] && talk=-v
[ -e $agent ] && qemu-ga $talk -m virtio-serial -p $agent -t /run -l /run/qemu-ga.log &

mkdir -p /run/seen
setsid uevent /sbin/hotplug >/dev/null &
for path in /sys/class/input/event* /sys/class/net/eth*; do
  [ -e "$path" ] || continue
  case "$path" in
    */input/*) SUBSYSTEM=input ;;
    *) SUBSYSTEM=net ;;
  esac
  name="\${path##*/}"
  ACTION=add SUBSYSTEM=$SUBSYSTEM DEVNAME="input/$name" INTERFACE="$name" /sbin/hotplug
done

read -r up rest </proc/uptime
echo "GUEST-READY v1 up=$up"
while :; do
  while read -r line; do
    eval "$line"
    echo "RC $?"
  done </dev/ttyS0
  sleep 1
done
`;

/** Called for every event of the kernel's device model, and once at boot for what was there before. */
export const HOTPLUG = `#!/bin/sh
# A device may be reported twice, at boot and by the kernel: the folder in /run/seen is made by the first alone.
case "$ACTION $SUBSYSTEM" in
  "add input")
    name="\${DEVNAME##*/}"
    case "$name" in event*) ;; *) exit 0 ;; esac
    mkdir "/run/seen/$name" 2>/dev/null || exit 0
    read -r title <"/sys/class/input/$name/device/name"
    echo "INPUT-ADD $name $title" >/dev/ttyS0
    case "$title" in
      "Power Button")
        (head -c 24 "/dev/input/$name" >/dev/null && echo POWERKEY >/dev/ttyS0 && /sbin/shutdown -P) &
        ;;
      *)
        # struct input_event: time (16 bytes), type, code, value
        setsid hexdump -v -e '16/1 "%.0s" "INPUT " 1/2 "%u " 1/2 "%u " 1/4 "%d '"$name"'\\n"' "/dev/input/$name" \\
          >/dev/ttyS0 2>/dev/null &
        ;;
    esac
    ;;
  "remove input") rmdir "/run/seen/\${DEVNAME##*/}" 2>/dev/null ;;
  "add net")
    case "$INTERFACE" in eth*) ;; *) exit 0 ;; esac
    mkdir "/run/seen/$INTERFACE" 2>/dev/null || exit 0
    ip link set "$INTERFACE" up
    ip addr add 10.0.2.15/24 dev "$INTERFACE"
    echo "NIC-ADD $INTERFACE" >/dev/ttyS0
    # Something passes, both ways, for as long as the card is there.
    setsid ping -s 1000 -I "$INTERFACE" 10.0.2.2 >/dev/null 2>&1 &
    ;;
  "remove net")
    rmdir "/run/seen/$INTERFACE" 2>/dev/null && echo "NIC-DEL $INTERFACE" >/dev/ttyS0
    ;;
esac
exit 0
`;

/** What the guest agent and the power button call. Arguments as of shutdown(8): -P, -H, -r. */
export const SHUTDOWN = `#!/bin/sh
case " $* " in
  *" -r "*) how=reboot ;;
  *" -H "*) how=halt ;;
  *) how=poweroff ;;
esac
echo "SHUTDOWN $how" >/dev/ttyS0
umount /disk 2>/dev/null
sync
$how -f
`;
