/** Which groups this host lets the supervisor have, and why no others. Pure; the reasons are for people. */
import { basename } from "../core/file_names.ts";
import { besideUs, type Controller, CONTROLLERS, type OwnGroups, SUBGROUP, type Tree } from "./own_groups.ts";

/** A controller that enforces nothing here. */
export interface Missing {
  readonly controller: Controller;
  readonly why: string;
}

export type Choice =
  | {
    readonly mode: "v2";
    /** The group below which guests' groups are made. */
    readonly folder: string;
    /** The subgroup that this process must move into first. */
    readonly enter?: string;
    readonly controllers: readonly Controller[];
    readonly missing: readonly Missing[];
  }
  | {
    readonly mode: "v1";
    /** Our own group in each tree that is used. */
    readonly folders: Readonly<Partial<Record<Tree, string>>>;
    readonly missing: readonly Missing[];
  }
  | { readonly mode: "none"; readonly why: string };

/** What has to be known besides where we stand. */
export interface TreeFacts {
  /** Text of `cgroup.controllers` of the group {@link besideUs} names; undefined when it can't be read. */
  readonly controllers: string | undefined;
  /** That group is the kernel's own root, which alone may have processes and children with controllers. */
  readonly isRoot: boolean;
  /** `INVOCATION_ID` is set: this process is, or comes from, a unit of systemd. */
  readonly bySystemd: boolean;
}

/** Version 2 where it has all controllers, else what version 1 has, else what version 2 has. */
export function choose(own: OwnGroups, facts: TreeFacts): Choice {
  const offered = (facts.controllers ?? "").split(/\s+/);
  const inV2 = "folder" in own.v2 ? CONTROLLERS.filter((name) => offered.includes(name)) : [];
  const inV1 = CONTROLLERS.filter((name) => "folder" in own.v1[name]);
  if ("folder" in own.v2 && inV2.length > 0 && (inV2.length === CONTROLLERS.length || inV1.length === 0)) {
    return chooseV2(own.v2.folder, inV2, facts);
  }
  if (inV1.length > 0) return chooseV1(own);
  return { mode: "none", why: whyNone(own, facts) };
}

function chooseV2(own: string, controllers: readonly Controller[], facts: TreeFacts): Choice {
  const { folder, inSubgroup } = besideUs(own);
  const missing = CONTROLLERS.filter((name) => !controllers.includes(name)).map((controller) => ({
    controller,
    why: `it is not among the controllers of ${folder}`,
  }));
  if (inSubgroup || facts.isRoot) return { mode: "v2", folder, controllers, missing };
  const name = basename(own);
  // A scope is what somebody started and systemd only keeps: it is not started again.
  if (name.endsWith(".service") || (facts.bySystemd && !name.endsWith(".scope"))) {
    return {
      mode: "none",
      why:
        "systemd started the supervisor without a subgroup of its own, and could not start it again once there are " +
        `groups beside it; put Delegate=yes and DelegateSubgroup=${SUBGROUP} (systemd 254 or newer) into its unit`,
    };
  }
  return { mode: "v2", folder, enter: `${own}/${SUBGROUP}`, controllers, missing };
}

function chooseV1({ v1 }: OwnGroups): Choice {
  const folders: Partial<Record<Tree, string>> = {};
  for (const [tree, place] of Object.entries(v1) as [Tree, OwnGroups["v1"][Tree]][]) { // the record's own keys
    if ("folder" in place) folders[tree] = place.folder;
  }
  const missing = CONTROLLERS.flatMap((controller) => {
    const place = v1[controller];
    return "why" in place ? [{ controller, why: place.why }] : [];
  });
  return { mode: "v1", folders, missing };
}

function whyNone({ v1, v2 }: OwnGroups, facts: TreeFacts): string {
  const second = "why" in v2
    ? v2.why
    : facts.controllers === undefined
    ? `${v2.folder} can't be read`
    : `memory, cpu and pids are not among the controllers of ${v2.folder}`;
  const first = [...new Set(CONTROLLERS.flatMap((name) => "why" in v1[name] ? [v1[name].why] : []))].join(
    ", ",
  );
  return `cgroup v2: ${second}; v1: ${first}`;
}
