/**
 * Where this process stands in the kernel's trees of control groups, from `/proc/self/cgroup` and `/proc/self/mountinfo`.
 * Pure. Groups of guests are made below our own, so that whatever limits us limits them too. cgroups(7), proc(5)
 */
import { dirname } from "../core/file_names.ts";

/** What a group can limit. */
export const CONTROLLERS = ["memory", "cpu", "pids"] as const;
export type Controller = typeof CONTROLLERS[number];

/** Trees of version 1 that are used: one for each controller, and the one that counts processor time. */
export const TREES = [...CONTROLLERS, "cpuacct"] as const;
export type Tree = typeof TREES[number];

/** A folder of cgroupfs, or why there is none to be used. */
export type Place = { readonly folder: string } | { readonly why: string };

export interface OwnGroups {
  /** Our own group in each tree of version 1. */
  readonly v1: Readonly<Record<Tree, Place>>;
  /** Our own group of version 2. */
  readonly v2: Place;
}

/** Where all mounts are looked for: writing elsewhere is not among this program's rights. */
const BASE = "/sys/fs/cgroup";

export function ownGroups(cgroup: string, mountinfo: string): OwnGroups {
  const groups = parseCgroup(cgroup), mounts = parseMounts(mountinfo);
  const find = (wanted: string): Place => {
    const group = groups.find(({ trees }) => trees.includes(wanted));
    if (group === undefined) return { why: "the kernel has no such tree" };
    const fitting = mounts.filter(({ trees }) => trees.includes(wanted));
    if (fitting.length === 0) return { why: `no mount of it below ${BASE}` };
    if (group.path.endsWith(" (deleted)")) return { why: "our own group was removed" };
    const places = fitting.map((mount) => ({ mount, folder: folderOf(mount, group.path) }));
    const seen = places.find(({ folder }) => folder !== undefined);
    if (seen?.folder === undefined) return { why: `our own group ${group.path} lies outside of its mount` };
    if (seen.mount.readonly) return { why: `${seen.mount.point} is mounted read-only` };
    return { folder: seen.folder };
  };
  return {
    v1: { memory: find("memory"), cpu: find("cpu"), pids: find("pids"), cpuacct: find("cpuacct") },
    v2: find(VERSION_2),
  };
}

/** How the tree of version 2 is named among the others here: its line has no controllers. */
const VERSION_2 = "";

interface GroupLine {
  readonly trees: readonly string[];
  readonly path: string;
}

/** Lines of `/proc/PID/cgroup`: `4:memory:/path`, for version 2 `0::/path`. */
function parseCgroup(text: string): GroupLine[] {
  return text.split("\n").flatMap((line) => {
    const [, trees, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return trees === undefined || path === undefined ? [] : [{ trees: trees.split(","), path }];
  });
}

interface Mount {
  readonly trees: readonly string[];
  /** The group that is the mount's top. */
  readonly root: string;
  readonly point: string;
  readonly readonly: boolean;
}

/** The mounts of cgroupfs in `/proc/PID/mountinfo`; a later one hides an earlier one at the same place. */
function parseMounts(text: string): Mount[] {
  const byPoint = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [before, after] = line.split(" - ");
    const [, , , root, point, options] = before?.split(" ") ?? [];
    const [type, , superOptions] = after?.split(" ") ?? [];
    if (root === undefined || point === undefined || superOptions === undefined) continue;
    const where = unescapeOctal(point);
    byPoint.delete(where);
    if ((type !== "cgroup" && type !== "cgroup2") || !(where === BASE || where.startsWith(`${BASE}/`))) {
      continue;
    }
    byPoint.set(where, {
      trees: type === "cgroup2" ? [VERSION_2] : superOptions.split(","),
      root: unescapeOctal(root),
      point: where,
      readonly: [options, superOptions].some((list) => list?.split(",").includes("ro")),
    });
  }
  return [...byPoint.values()];
}

/** Space, tab, newline and backslash stand as `\040` and so on in mountinfo. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** The folder of a group by this mount; undefined when the mount does not show it. */
function folderOf({ root, point }: Mount, path: string): string | undefined {
  if (path.split("/").includes("..")) return undefined; // above the top of our namespace of groups
  if (path === root) return point;
  const top = root === "/" ? "" : root;
  return path.startsWith(`${top}/`) ? point + path.slice(top.length) : undefined;
}

/** The last part of the folder of a service's own process under systemd with `DelegateSubgroup=supervisor`. */
export const SUBGROUP = "supervisor";

/**
 * Where guests' groups would lie in the tree of version 2. No group of it may have both processes and controllers for
 * its children, so a process that stands in a subgroup of its own has them beside it.
 */
export function besideUs(own: string): { readonly folder: string; readonly inSubgroup: boolean } {
  const parent = dirname(own);
  return own.endsWith(`/${SUBGROUP}`) && parent.startsWith(BASE)
    ? { folder: parent, inSubgroup: true }
    : { folder: own, inSubgroup: false };
}
