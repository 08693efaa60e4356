/** Whether the kernel runs guests by the processor itself. */
import type { Facts } from "../facts.ts";
import { groupEntry, groupName, ownGroupIds } from "../parse.ts";
import { asRoot, joinGroup } from "../remedies.ts";
import { bad, check, type CheckGroup, type JudgeContext, pass, skip, type Verdict, warn } from "../types.ts";

const devKvm = check({
  id: "host.dev_kvm",
  group: "kvm",
  blocks: [],
  title: "/dev/kvm",
  why: "QEMU asks the kernel for KVM through this device.",
  judged: "FAIL when it is not there, or this user may not read and write it (access lists included).",
  ask: async (facts: Facts) => ({ ...await facts.devKvm(), groups: await facts.groupFile() }),
  judge({ stat, usable, groups }, context) {
    if (!stat) {
      return bad("/dev/kvm is not there", asRoot("modprobe kvm_intel", context) + " (AMD: kvm_amd)");
    }
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    if (usable) return pass(`this user may use /dev/kvm (mode ${mode})`);
    const group = groupName(groups, stat.gid);
    const found = `this user may not use /dev/kvm (mode ${mode}, group ${group ?? stat.gid})`;
    if (group !== undefined && stat.gid !== 0 && (stat.mode & 0o060) === 0o060) {
      return bad(found, joinGroup(group, context));
    }
    const give = ["groupadd -f -r kvm", "chown root:kvm /dev/kvm", "chmod 660 /dev/kvm"];
    const commands = give.map((command) => asRoot(command, context)).join(" && ");
    return bad(found, `${commands} && ${joinGroup("kvm", context)}`);
  },
});

const modules = check({
  id: "host.kvm_modules",
  group: "kvm",
  blocks: [],
  title: "KVM's modules",
  why: "KVM is a common part and one for the maker of the processor.",
  judged: "FAIL when the kernel has no part `kvm`, WARN when it has neither kvm_intel nor kvm_amd.",
  ask: (facts: Facts) => facts.port.list("/sys/module"),
  judge(names, context) {
    const there = names.filter((name) => name === "kvm" || name.startsWith("kvm_"));
    const load = asRoot("modprobe kvm_intel", context) + " (AMD: kvm_amd)";
    if (there.includes("kvm_intel") || there.includes("kvm_amd")) return pass(there.join(", "));
    return there.includes("kvm")
      ? warn(`${there.join(", ")}, but neither kvm_intel nor kvm_amd`, load)
      : bad("the kernel has no KVM loaded", load);
  },
});

const proven = check({
  id: "kvm.proven",
  group: "kvm",
  blocks: [],
  limitMs: 45_000,
  title: "KVM runs a guest",
  why:
    "There are kernels whose /dev/kvm opens and says yes, and no guest runs; without KVM guests are about ten times slower.",
  judged: "FAIL unless a small ROM runs to its end under `-accel kvm -cpu host` in time.",
  ask: async (facts: Facts) => ({ device: await facts.devKvm(), kvm: await facts.kvm() }),
  judge({ device, kvm }) {
    const remedy = device.usable
      ? "use a host whose KVM has the processor behind it; until then guests run by software emulation (TCG)"
      : "see host.dev_kvm; until then guests run by software emulation (TCG)";
    if (!kvm.ok) return skip(`not tried: ${kvm.error}`);
    return kvm.value.usable ? pass(kvm.value.why) : bad(kvm.value.why, remedy);
  },
});

const smm = check({
  id: "kvm.smm",
  group: "kvm",
  blocks: [],
  limitMs: 45_000,
  title: "KVM has system management mode",
  why: "Secure Boot's variables are safe from the guest only in this mode.",
  judged: "FAIL when KVM runs guests and q35 with SMM does not start; SKIP when KVM runs none.",
  ask: (facts: Facts) => facts.kvm(),
  judge(kvm) {
    if (!kvm.ok || !kvm.value.usable) return skip("KVM runs no guest here: see kvm.proven");
    return kvm.value.smm ? pass("q35 with SMM starts under KVM") : bad(
      kvm.value.why,
      "use a kernel with CONFIG_KVM_SMM; without it Secure Boot is to be had by software emulation only",
    );
  },
});

/** Facts about one group of the host and this user. */
export interface Membership {
  readonly groups: string;
  readonly status: string;
  /** What the group is for can be used without it. */
  readonly needless: boolean;
  /** There is nothing that the group is for. */
  readonly pointless: boolean;
}

/** Pure: whether this user is in a group, now and after the next login. `worse` is what a lack of it comes to. */
export function judgeMembership(
  name: string,
  found: Membership,
  context: JudgeContext,
  worse: typeof bad = bad,
): Verdict {
  const { groups, status, needless, pointless } = found;
  if (context.isRoot) return pass(`root needs no group ${name}`);
  if (pointless) return skip(`there is nothing here that the group ${name} is for`);
  const entry = groupEntry(groups, name);
  if (entry && ownGroupIds(status).includes(entry.gid)) {
    return pass(`${context.user} is in the group ${name}`);
  }
  if (needless) return pass(`not in the group ${name}, which is not needed here`);
  if (!entry) return warn(`this host has no group ${name}`, asRoot(`groupadd -r ${name}`, context));
  return entry.members.includes(context.user)
    ? worse(`${context.user} is in the group ${name}, but was not at this login`, "log out and in again")
    : worse(`${context.user} is not in the group ${name}`, joinGroup(name, context));
}

export function membershipCheck(
  name: string,
  row: { group: CheckGroup; why: string; judged: string },
  ask: (facts: Facts) => Promise<Pick<Membership, "needless" | "pointless">>,
  worse: (context: JudgeContext) => typeof bad = () => bad,
) {
  return check({
    id: `host.group.${name}`,
    ...row,
    blocks: [],
    limitMs: 20_000,
    title: `group ${name}`,
    ask: async (facts: Facts): Promise<Membership> => {
      const [groups, status, more] = await Promise.all([facts.groupFile(), facts.status(), ask(facts)]);
      return { groups, status, ...more };
    },
    judge: (found, context) => judgeMembership(name, found, context, worse(context)),
  });
}

const kvmGroup = membershipCheck(
  "kvm",
  {
    group: "kvm",
    why: "Distributions give /dev/kvm to this group.",
    judged: "FAIL when the user is not in it and can't use /dev/kvm otherwise.",
  },
  async (facts) => {
    const { stat, usable } = await facts.devKvm();
    return { needless: usable, pointless: stat === undefined };
  },
);

export const KVM_CHECKS = [devKvm, modules, proven, smm, kvmGroup];
