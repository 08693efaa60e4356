/** How the test guest is provisioned: cloud-init's NoCloud in small, as a script for busybox sh. */

/** Seconds that a guest which is to power off waits for the host's first word to its agent. */
export const AGENT_WAIT_SECONDS = 60;

/** Shell functions: `value FILE KEY` says the value of the first such key in a seed's file. */
export const SEED_READER =
  `# YAML of one value a line, or JSON: one "key:value" a line, without quotes and blanks.
flat() { tr ',{}' '\\n\\n\\n' <"$1" | sed 's/["'"'"' \\t\\r]//g'; }
# The value of a key. It becomes a name and a line on the console: letters, digits, dots and hyphens are left.
value() { flat "$1" | sed -n "s/^$2://p" | head -n 1 | sed 's/[^A-Za-z0-9.-]//g' | head -c 63; }
`;

/** Shell function: the guest goes off by itself when the host has heard its agent. */
export const LEAVE =
  `# Powers off once the host has asked the agent something that it answers; at the latest when nobody did for long.
leave() {
  touch /run/leaving
  (
    waited=0
    until grep -q 'execute.*guest-[^s]' /run/qemu-ga.log 2>/dev/null || [ $waited -ge ${AGENT_WAIT_SECONDS} ]; do
      sleep 1
      waited=$((waited + 1))
    done
    sleep 2
    /sbin/shutdown -P
  ) &
}
`;

/**
 * Looks for a CD-ROM labelled `cidata` with `meta-data` and `user-data` (https://docs.cloud-init.io, datasource NoCloud), takes
 * `instance-id`, `hostname` and `power_state` from them, and remembers on the guest's disk that it did. Lines on the serial port:
 * `CLOUD-INIT done instance=ID host=NAME`, once for each instance; `CLOUD-INIT refused WHY`;
 * `PROVISIONED instance=ID host=NAME`, at every later boot; `UNPROVISIONED`, before the first seed.
 * The disk then has `instance.txt`: `instance=ID`, `host=NAME`.
 */
export const SEED = `#!/bin/sh
${SEED_READER}
kept=/disk/instance.txt
take() {
  instance=$(value /seed/meta-data instance-id)
  [ -n "$instance" ] || { echo "CLOUD-INIT refused meta-data has no instance-id"; return; }
  grep -Fqx "instance=$instance" $kept 2>/dev/null && return
  [ "$(head -n 1 /seed/user-data)" = "#cloud-config" ] || { echo "CLOUD-INIT refused user-data is no #cloud-config"; return; }
  host=$(value /seed/user-data hostname)
  [ -n "$host" ] || host=$(value /seed/meta-data local-hostname)
  printf 'instance=%s\\nhost=%s\\n' "$instance" "\${host:=testguest}" >$kept
  sync
  hostname "$host"
  echo "CLOUD-INIT done instance=$instance host=$host"
  # Other parts of it have a mode too, which none of them calls that.
  flat /seed/user-data | grep -q '^mode:poweroff$' && leave
  fresh=yes
}

${LEAVE}
for device in /dev/sr*; do
  # The volume's name: 32 bytes at 40 in the descriptor in sector 16 (ECMA-119, 8.4).
  case "$(dd if="$device" bs=8 skip=4101 count=4 2>/dev/null)" in cidata* | CIDATA*) ;; *) continue ;; esac
  mount -t iso9660 -o ro "$device" /seed || continue
  take
  umount /seed
done
if [ -z "$fresh" ]; then
  if [ -f $kept ]; then
    . $kept
    hostname "$host"
    echo "PROVISIONED instance=$instance host=$host"
  else
    echo UNPROVISIONED
  fi
fi
`;
