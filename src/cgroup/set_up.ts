/** Making, and taking down, what guests' groups are made in. */
import { createHash } from "node:crypto";
import { fail, problemOf } from "../core/problem.ts";
import { type Choice, choose, type Missing } from "./choose.ts";
import { foldersOf, parseProcs } from "./group.ts";
import type { GroupsOptions } from "./groups.ts";
import type { GroupHost } from "./host.ts";
import { besideUs, type Controller, CONTROLLERS, ownGroups, type Tree } from "./own_groups.ts";

/** The group that holds guests' groups, in each tree that is used. */
export type Parents = { readonly [T in Tree]?: string };

/** What was set up: where guests' groups are made, and how to undo it. */
export interface SetUp {
  readonly parents: Parents;
  readonly controllers: readonly Controller[];
  readonly missing: readonly Missing[];
  /** Version 2: our own group was split by us, into a subgroup for this process and the guests' groups. */
  readonly split?: { readonly own: string; readonly subgroup: string };
}

/** The name of the group that holds the groups of a data root's guests. */
export function nameOf(root: string): string {
  return `rayvisor-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`;
}

/** What looking needs of the host: nothing is changed. */
interface LookOptions {
  readonly host: Pick<GroupHost, "read" | "exists">;
  readonly bySystemd: boolean;
}

/** What this host offers. */
export async function look({ host, bySystemd }: LookOptions): Promise<Choice> {
  const [cgroup, mountinfo] = await Promise.all([
    host.read("/proc/self/cgroup"), // of the reader, which is in our groups
    host.read("/proc/self/mountinfo"),
  ]);
  const own = ownGroups(cgroup ?? "", mountinfo ?? "");
  const place = "folder" in own.v2 ? besideUs(own.v2.folder).folder : undefined;
  const [controllers, hasType] = place === undefined
    ? [undefined, true]
    : await Promise.all([host.read(`${place}/cgroup.controllers`), host.exists(`${place}/cgroup.type`)]);
  return choose(own, { controllers, isRoot: !hasType, bySystemd });
}

/** Makes what was chosen. Failure when nothing of it can be had; then everything is as before. */
export async function setUp(options: GroupsOptions, choice: Choice & { mode: "v1" | "v2" }): Promise<SetUp> {
  return choice.mode === "v1" ? await setUpV1(options, choice) : await setUpV2(options, choice);
}

async function setUpV1({ host, root }: GroupsOptions, choice: Choice & { mode: "v1" }): Promise<SetUp> {
  const parents: { [T in Tree]?: string } = {};
  const missing = [...choice.missing];
  for (const [tree, own] of Object.entries(choice.folders) as [Tree, string][]) { // the record's own keys
    const parent = `${own}/${nameOf(root)}`;
    try {
      await host.make(parent);
      parents[tree] = parent;
    } catch (error) {
      if (tree !== "cpuacct") missing.push({ controller: tree, why: problemOf(error).message });
    }
  }
  return { parents, controllers: CONTROLLERS.filter((controller) => controller in parents), missing };
}

async function setUpV2(options: GroupsOptions, choice: Choice & { mode: "v2" }): Promise<SetUp> {
  const { host, pid, root } = options;
  const { folder, enter } = choice;
  const missing = [...choice.missing];
  const controllers: Controller[] = [];
  const split = enter === undefined ? {} : { split: { own: folder, subgroup: enter } };
  const parent = `${folder}/${nameOf(root)}`;
  try {
    if (enter !== undefined) {
      await host.make(enter);
      await host.write(String(pid), `${enter}/cgroup.procs`);
    }
    for (const controller of choice.controllers) {
      try {
        await host.write(`+${controller}`, `${folder}/cgroup.subtree_control`);
        controllers.push(controller);
      } catch (error) {
        missing.push({ controller, why: problemOf(error).message });
      }
    }
    if (controllers.length === 0) await failNone(options, folder, missing);
    await host.make(parent);
    const all = controllers.map((controller) => `+${controller}`).join(" ");
    await host.write(all, `${parent}/cgroup.subtree_control`);
  } catch (error) {
    await takeDown(options, { parents: { memory: parent }, controllers, missing, ...split }).catch(() => {});
    throw error;
  }
  const parents = Object.fromEntries(controllers.map((controller) => [controller, parent]));
  return { parents, controllers, missing, ...split };
}

async function failNone(
  { host, pid }: GroupsOptions,
  folder: string,
  missing: readonly Missing[],
): Promise<never> {
  const others = parseProcs(await host.read(`${folder}/cgroup.procs`) ?? "").filter((other) => other !== pid);
  return fail(
    "failed",
    others.length === 0
      ? missing.map(({ why }) => why).join("; ")
      : `other processes are in ${folder} too, ` +
        "which could then have no groups below it; start the supervisor in a group of its own, as a service with " +
        "Delegate=yes or by `systemd-run --scope -p Delegate=yes`",
  );
}

/** Removes what was made, and goes back where we were. While guests' groups are in it everything stays as it is. */
export async function takeDown({ host, pid }: GroupsOptions, made: SetUp): Promise<void> {
  const { parents, controllers, split } = made;
  const gone = await Promise.all(foldersOf({ folders: parents }).map((parent) => host.remove(parent)));
  if (!split || !gone.every((removed) => removed)) return;
  const control = `${split.own}/cgroup.subtree_control`;
  if (controllers.length > 0) await host.write(controllers.map((name) => `-${name}`).join(" "), control);
  await host.write(String(pid), `${split.own}/cgroup.procs`);
  await host.remove(split.subgroup); // empty unless somebody else came; then it stays
}
