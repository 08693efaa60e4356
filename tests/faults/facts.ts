/** What the kernel and the files say of a data root, apart from processes. */
import { isObject } from "../../src/core/json.ts";
import { GUEST_KINDS } from "../../src/core/ids.ts";
import { nameOf } from "../../src/cgroup/set_up.ts";
import type { Layout } from "../../registry/layout.ts";

/** Names in a folder; none where it is not there. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Paths of sockets below the data root that somebody listens on. proc(5), /proc/net/unix */
export function listeningSockets(root: string): string[] {
  const LISTENS = 0x10000; // __SO_ACCEPTCON
  const lines = Deno.readTextFileSync("/proc/net/unix").split("\n").slice(1);
  const paths = lines.map((line) => line.split(/\s+/)).filter((fields) =>
    (parseInt(fields[3] ?? "0", 16) & LISTENS) !== 0
  ).map((fields) => fields[7] ?? "");
  return paths.filter((path) => path.startsWith(`${root}/`)).sort();
}

/** Mount points with their kinds, as this namespace has them. */
export function mounts(): string {
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n").map((line) => {
    const fields = line.split(" ");
    return `${fields[4]} ${fields[fields.indexOf("-") + 1]}`;
  }).sort().join("\n");
}

/** Temporary files that a write has left, anywhere below the root. */
export function leftovers(folder: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...leftovers(path));
    else if (name.endsWith(".tmp")) found.push(path);
  }
  return found;
}

/** State of each guest as the registry's file has it. */
export function registryStates(layout: Layout): Map<string, string> {
  const file: unknown = JSON.parse(Deno.readTextFileSync(layout.registryFile));
  const vms = isObject(file) && isObject(file.vms) ? file.vms : {};
  return new Map(
    Object.entries(vms).map(([id, record]) => [id, isObject(record) ? String(record.state) : "?"]),
  );
}

/** Ids of guests that have a folder. */
export function guestFolders(layout: Layout): string[] {
  return GUEST_KINDS.flatMap((kind) => namesIn(`${layout.root}/vm/${kind}`));
}

const CGROUPS = "/sys/fs/cgroup";

/** Control groups of a data root, in every tree: the ones that hold its guests' groups. */
export function groupsOf(root: string): string[] {
  return foldersNamed(CGROUPS, nameOf(root));
}

function foldersNamed(folder: string, name: string): string[] {
  return foldersIn(folder).flatMap((one) =>
    one === name ? [`${folder}/${one}`] : foldersNamed(`${folder}/${one}`, name)
  );
}

/** Groups come and go while they are looked at. */
export function foldersIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Removes a data root's control groups when none of its processes runs any more. */
export function removeGroups(root: string): void {
  for (const group of groupsOf(root)) {
    for (const one of foldersIn(group)) Deno.removeSync(`${group}/${one}`);
    Deno.removeSync(group);
  }
}
