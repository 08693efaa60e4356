/** What keeps guests and helpers in their place. */
import type { Choice } from "../../cgroup/choose.ts";
import { type Answer, answerOf, attempt, type Facts, SHORT_LIMIT_MS } from "../facts.ts";
import { asRoot } from "../remedies.ts";
import { bad, check, type JudgeContext, pass, warn } from "../types.ts";

const cgroup = check({
  id: "confinement.cgroup",
  group: "confinement",
  title: "control groups",
  why: "The kernel keeps guests within memory, processor time and numbers of processes by them.",
  judged: "WARN when none can be had, a controller is missing, or this user may not make groups.",
  ask: async (facts: Facts) => {
    const choice = await attempt(() => facts.port.probes.groups(), facts.signal);
    const folders = choice.ok ? foldersOf(choice.value) : [];
    const usable = await Promise.all(folders.map((folder) => facts.port.mayUse(folder, facts.signal)));
    return { choice, closed: folders.filter((_, i) => !usable[i]) };
  },
  judge({ choice, closed }: { choice: Answer<Choice>; closed: readonly string[] }) {
    const remedy = "start the supervisor as a service with Delegate=yes, or by " +
      "`systemd-run --user --scope -p Delegate=yes`; see docs/limits.md";
    if (!choice.ok) return warn(choice.error, remedy);
    const value = choice.value;
    if (value.mode === "none") return warn(`limits would not be enforced: ${value.why}`, remedy);
    if (closed.length > 0) return warn(`this user may not make groups in ${closed.join(", ")}`, remedy);
    const lacking = value.missing.map(({ controller, why }) => `${controller} (${why})`);
    return lacking.length > 0
      ? warn(`cgroup ${value.mode}, without ${lacking.join(", ")}`, remedy)
      : pass(`cgroup ${value.mode}: memory, cpu and pids`);
  },
});

function foldersOf(choice: Choice): string[] {
  if (choice.mode === "v2") return [choice.folder];
  return choice.mode === "v1" ? [...new Set(Object.values(choice.folders))] : [];
}

interface UserNamespaces {
  readonly tried: Answer<string>;
  /** Values of what can forbid it; undefined where the kernel has no such switch. */
  readonly most: string | undefined;
  readonly debian: string | undefined;
  readonly apparmor: string | undefined;
}

const userns = check({
  id: "confinement.userns",
  group: "confinement",
  blocks: [],
  limitMs: 10_000,
  title: "user namespaces",
  why: "Helpers are confined without root by a namespace of their own: file systems, network, processes.",
  judged:
    "WARN when `unshare` can't make a user and a network namespace; the switch that forbids it is named.",
  ask: async (facts: Facts): Promise<UserNamespaces> => {
    const { port, signal } = facts;
    const args = ["--user", "--map-root-user", "--net", "true"];
    const [result, most, debian, apparmor] = await Promise.all([
      port.run("unshare", args, SHORT_LIMIT_MS, signal),
      port.read("/proc/sys/user/max_user_namespaces"),
      port.read("/proc/sys/kernel/unprivileged_userns_clone"),
      port.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
    ]);
    return { tried: answerOf("unshare", result, SHORT_LIMIT_MS), most, debian, apparmor };
  },
  judge({ tried, most, debian, apparmor }, context) {
    if (tried.ok) return pass("a user and a network namespace can be made");
    const remedy = usernsRemedy(most, debian, apparmor, context);
    return warn(`no namespace can be made: ${tried.error}`, remedy);
  },
});

function usernsRemedy(
  most: string | undefined,
  debian: string | undefined,
  apparmor: string | undefined,
  context: JudgeContext,
): string {
  const set = (name: string, value: number) => asRoot(`sysctl -w ${name}=${value}`, context);
  if (most?.trim() === "0") return set("user.max_user_namespaces", 15_000);
  if (debian?.trim() === "0") return set("kernel.unprivileged_userns_clone", 1);
  if (apparmor?.trim() === "1") return set("kernel.apparmor_restrict_unprivileged_userns", 0);
  return "where this host is a container: allow it user namespaces; otherwise install util-linux";
}

const seccomp = check({
  id: "confinement.seccomp",
  group: "confinement",
  limitMs: 35_000,
  title: "system call filters",
  why:
    "A guest that breaks out of QEMU finds most of the kernel closed; without a filter no guest is started.",
  judged: "FAIL when QEMU has no -sandbox or the kernel no filters; WARN when swtpm has none.",
  ask: async (facts: Facts) => {
    const [qemu, swtpm, actions] = await Promise.all([
      facts.qemu(),
      facts.swtpm(),
      facts.port.read("/proc/sys/kernel/seccomp/actions_avail"),
    ]);
    return { qemu, swtpm, actions };
  },
  judge({ qemu, swtpm, actions }) {
    const kernel = (actions ?? "").split(/\s+/);
    if (!kernel.includes("kill_process")) {
      return bad("this kernel has no system call filters", "use a kernel with CONFIG_SECCOMP_FILTER");
    }
    if (qemu.ok && !qemu.value.options.includes("sandbox")) {
      return bad("this QEMU was built without -sandbox", "install the distribution's own QEMU");
    }
    if (swtpm.ok && !swtpm.value.features.includes("cmdarg-seccomp")) {
      return warn("this swtpm was built without filters", "install the distribution's own swtpm");
    }
    const users = [...(qemu.ok ? ["QEMU"] : []), ...(swtpm.ok ? ["swtpm"] : [])];
    return pass(`the kernel has filters${users.length > 0 ? `, and so have ${users.join(" and ")}` : ""}`);
  },
});

export const CONFINEMENT_CHECKS = [cgroup, userns, seccomp];
