/**
 * A real systemd as the first process of namespaces of its own, with nothing of the host but a read-only view of its files and
 * a control group. What it starts, mounts and writes is gone with it.
 */
import { BINARY } from "./rig.ts";

const PACKAGING = new URL("../../packaging/", import.meta.url).pathname;
const SYSTEMD = "/lib/systemd/systemd";
/** Targets of the real system that a service waits for; nothing of them is started here. */
const TARGETS = ["sysinit", "basic", "shutdown", "multi-user"];

/**
 * Run by sh in new namespaces, its arguments: work folder, program, systemd. Everything below is on file systems of its own, or
 * read-only; a root that can be written is no place for a second systemd, so that is looked at last.
 */
const INSIDE = `set -e
work=$1 program=$2 systemd=$3 root=$1/root
mount --make-rprivate /
mount --bind / "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
for folder in tmp run var dev sys usr/local/bin; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
for device in 'null 3' 'zero 5' 'full 7' 'random 8' 'urandom 9'; do
  set -- $device
  mknod -m 666 "$root/dev/$1" c 1 "$2"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/sys/fs/cgroup" "$root/run/box" "$root/dev/shm"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --bind "$work/box" "$root/run/box"
touch "$root/usr/local/bin/rayvisor"
mount --bind "$program" "$root/usr/local/bin/rayvisor"
chmod 1777 "$root/tmp"
cd "$root"
mkdir tmp/old
pivot_root . tmp/old
umount -l /tmp/old
cd /
if touch /etc/rayvisor-box 2>/dev/null; then rm -f /etc/rayvisor-box; echo "the root can be written" >&2; exit 1; fi
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/run/box/units container=box \\
  "$systemd" --system --unit=box.target --log-target=null --show-status=0 </dev/null >/dev/null 2>&1
`;

const DRIVER = `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /run/box/driver.sh
StandardOutput=file:/run/box/said
StandardError=file:/run/box/errors
TimeoutStartSec=infinity
`;

/** What the script wrote to its standard output and its standard error. */
export interface BoxRun {
  readonly said: string;
  readonly errors: string;
}

/** Why there can be no box here; undefined when there can. */
export async function whyNoBox(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "only root can make its namespaces";
  if (!await Deno.stat(SYSTEMD).then(() => true, () => false)) return "systemd is not installed";
  const group = await ownGroup();
  if (group === undefined) return "there is no cgroup v2 hierarchy here";
  try {
    await Deno.mkdir(group);
    await Deno.remove(group);
    return undefined;
  } catch (error) {
    return `no control group can be made: ${error}`;
  }
}

/** A new control group below the one that this process is in, in the v2 hierarchy wherever that is mounted. */
async function ownGroup(): Promise<string | undefined> {
  const mounts = await Deno.readTextFile("/proc/self/mountinfo");
  const mount = mounts.split("\n").find((line) => line.includes(" - cgroup2 "))?.split(" ")[4];
  const own = /^0::(.*)$/m.exec(await Deno.readTextFile("/proc/self/cgroup"))?.[1];
  if (mount === undefined || own === undefined) return undefined;
  return `${mount}${own === "/" ? "" : own}/rv-box-${Deno.pid}`;
}

/**
 * Runs the shell script `driver` as a service of the box's systemd, with `rayvisor.service` as packaging/ has it beside it.
 * `files` come to the script as /run/box/NAME.
 */
export async function inBox(driver: string, files: Readonly<Record<string, string>> = {}): Promise<BoxRun> {
  const work = await Deno.makeTempDir({ prefix: "rv-box-" });
  const group = await ownGroup() ?? "";
  try {
    const units = `${work}/box/units`;
    await Deno.mkdir(`${work}/root`);
    await Deno.mkdir(units, { recursive: true });
    for (const target of TARGETS) {
      await Deno.writeTextFile(`${units}/${target}.target`, "[Unit]\nDefaultDependencies=no\n");
    }
    await Deno.writeTextFile(`${units}/box.target`, "[Unit]\nDefaultDependencies=no\nWants=driver.service\n");
    await Deno.writeTextFile(`${units}/driver.service`, DRIVER);
    await Deno.copyFile(`${PACKAGING}/rayvisor.service`, `${units}/rayvisor.service`);
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${work}/box/${name}`, text);
    await Deno.writeTextFile(`${work}/box/driver.sh`, `${driver}\necho done > /run/box/done\n`);
    await Deno.mkdir(group);
    const done = doneIn(`${work}/box`);
    const box = new Deno.Command("sh", {
      args: [
        "-c",
        'echo $$ > "$1/cgroup.procs" && shift && exec unshare -C -m -p -i -u -f --kill-child sh -c "$@"',
        "sh",
        group,
        INSIDE,
        "sh",
        work,
        BINARY,
        SYSTEMD,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const ended = box.status.then(() => "ended" as const);
    if (await Promise.race([done.promise, ended]) === "ended") {
      throw new Error(`the box ended: ${await new Response(box.stderr).text()}`);
    }
    const errors = await Deno.readTextFile(`${work}/box/errors`).catch(() => "");
    await Deno.writeTextFile(`${group}/cgroup.kill`, "1");
    await ended;
    await box.stderr.cancel();
    return { said: await Deno.readTextFile(`${work}/box/said`), errors };
  } finally {
    await removeGroup(group);
    await Deno.remove(work, { recursive: true });
  }
}

/** Resolves when the driver has said that it is done. */
function doneIn(folder: string): { promise: Promise<"done"> } {
  const watcher = Deno.watchFs(folder, { recursive: false });
  const wait = async () => {
    for await (const { paths } of watcher) if (paths.some((path) => path.endsWith("/done"))) break;
    return "done" as const;
  };
  return { promise: wait() };
}

/** Ends what is left in the group, by the group, and removes it with those below it. */
async function removeGroup(group: string): Promise<void> {
  await Deno.writeTextFile(`${group}/cgroup.kill`, "1").catch(() => {});
  const events = Deno.watchFs(`${group}/cgroup.events`);
  const isEmpty = async () => (await Deno.readTextFile(`${group}/cgroup.events`)).includes("populated 0");
  if (!await isEmpty()) { for await (const _ of events) if (await isEmpty()) break; }
  try {
    events.close();
  } catch { /* the loop closed it */ }
  const removeBelow = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await removeBelow(`${folder}/${name}`);
    }
    await Deno.remove(folder);
  };
  await removeBelow(group);
}
