/** Control groups without a kernel: folders and files in memory that behave as cgroups(7) says, as far as the driver sees. */
import type { GroupHost } from "../../src/cgroup/host.ts";
import { basename, dirname } from "../../src/core/file_names.ts";
import { fail } from "../../src/core/problem.ts";

interface Group {
  readonly files: Map<string, string>;
  readonly procs: Set<number>;
}

export class FakeCgroups implements GroupHost {
  readonly groups = new Map<string, Group>();
  /** Files outside of the groups. */
  readonly texts = new Map<string, string>();
  /** Folders below which nothing may be made. */
  readonly readOnly = new Set<string>();
  /** Files that the kernel refuses to write. */
  readonly refused = new Set<string>();
  readonly killed: number[] = [];
  /** How many more times a group without processes is still in use. */
  busyFor = 0;

  constructor(readonly version: 1 | 2, cgroup: string, mountinfo: string) {
    this.texts.set("/proc/self/cgroup", cgroup);
    this.texts.set("/proc/self/mountinfo", mountinfo);
  }

  /** A group with its processes, as it is before the driver comes. */
  place(folder: string, procs: readonly number[] = [], files: Readonly<Record<string, string>> = {}): void {
    this.groups.set(folder, { files: new Map(Object.entries(files)), procs: new Set(procs) });
  }

  text(path: string): string | undefined {
    const group = this.groups.get(dirname(path));
    if (group && basename(path) === "cgroup.procs") return [...group.procs].map((pid) => `${pid}\n`).join("");
    return group?.files.get(basename(path)) ?? this.texts.get(path);
  }

  read(...paths: readonly string[]): Promise<string | undefined> {
    const texts = paths.map((path) => this.text(path));
    return Promise.resolve(texts.includes(undefined) ? undefined : texts.join(""));
  }

  write(text: string, ...paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#write(text, path);
    return Promise.resolve();
  }

  #write(text: string, path: string): void {
    const folder = dirname(path), name = basename(path);
    const group = this.groups.get(folder);
    const refuse = (why: string): never =>
      fail("io", `the kernel did not take ${JSON.stringify(text)}: ${path}: ${why}`);
    if (!group || this.refused.has(name)) return refuse("Permission denied");
    if (name === "cgroup.procs") {
      const tree = this.#tree(folder);
      for (const [other, { procs }] of this.groups) {
        if (this.#tree(other) === tree) procs.delete(Number(text));
      }
      if (this.version === 2 && this.#isSplit(folder)) refuse("Device or resource busy");
      group.procs.add(Number(text));
      return;
    }
    if (name === "cgroup.subtree_control") return this.#control(group, text, refuse);
    if (name === "cpu.cfs_quota_us") {
      const above = this.groups.get(dirname(folder))?.files;
      const share = Number(above?.get(name) ?? -1) / Number(above?.get("cpu.cfs_period_us") ?? 100_000);
      if (share > 0 && Number(text) / 100_000 > share) refuse("Invalid argument");
    }
    group.files.set(name, text);
  }

  #control(group: Group, text: string, refuse: (why: string) => never): void {
    const has = new Set(
      (group.files.get("cgroup.subtree_control") ?? "").split(" ").filter((name) => name !== ""),
    );
    for (const change of text.split(" ")) {
      const name = change.slice(1);
      if (!group.files.get("cgroup.controllers")?.split(" ").includes(name)) {
        refuse("No such file or directory");
      }
      if (change.startsWith("+") && group.procs.size > 0 && group.files.has("cgroup.type")) {
        refuse("Device or resource busy");
      }
      if (change.startsWith("+")) has.add(name);
      else has.delete(name);
    }
    group.files.set("cgroup.subtree_control", [...has].join(" "));
  }

  #isSplit(folder: string): boolean {
    const files = this.groups.get(folder)?.files;
    return (files?.get("cgroup.subtree_control") ?? "") !== "" && files?.has("cgroup.type") === true;
  }

  /** Groups of one tree: all of version 2; in version 1 those below the same mount. */
  #tree(folder: string): string {
    return this.version === 2 ? "" : folder.split("/").slice(0, 5).join("/");
  }

  exists(path: string): Promise<boolean> {
    return Promise.resolve(this.groups.has(path) || this.text(path) !== undefined);
  }

  make(folder: string): Promise<void> {
    const parent = this.groups.get(dirname(folder));
    if (!parent || [...this.readOnly].some((path) => folder.startsWith(`${path}/`))) {
      return Promise.reject(fail("io", `${folder} can't be made: Read-only file system`));
    }
    if (this.groups.has(folder)) return Promise.resolve();
    const controllers = parent.files.get("cgroup.subtree_control") ?? "";
    this.place(folder, [], {
      ...(this.version === 2 ? { "cgroup.controllers": controllers, "cgroup.type": "domain" } : {}),
      [this.version === 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"]: "",
      [this.version === 2 ? "memory.events" : "memory.oom_control"]: "oom_kill 0\n",
    });
    return Promise.resolve();
  }

  remove(folder: string): Promise<boolean> {
    const group = this.groups.get(folder);
    if (!group) return Promise.resolve(true);
    const inUse = group.procs.size > 0 ||
      [...this.groups.keys()].some((other) => other.startsWith(`${folder}/`));
    if (inUse || this.busyFor-- > 0) return Promise.resolve(false);
    this.groups.delete(folder);
    return Promise.resolve(true);
  }

  list(folder: string): Promise<readonly string[]> {
    return Promise.resolve(
      [...this.groups.keys()].filter((path) => dirname(path) === folder).map(basename).sort(),
    );
  }

  async kill(pid: number, isStill: () => Promise<boolean>): Promise<void> {
    if (!await isStill()) return;
    this.killed.push(pid);
    for (const { procs } of this.groups.values()) procs.delete(pid);
  }

  pause(): Promise<void> {
    return Promise.resolve();
  }
}
