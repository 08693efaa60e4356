/** States of the policy screen made by the engine itself from policies as an operator writes them. */
import { decide, explain } from "../../policy/decide.ts";
import { policyDifference } from "../../policy/difference.ts";
import { loadPolicyBytes, summaryOf } from "../../policy/load.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { effectiveRights } from "../../policy/rights.ts";
import type { GuestAsk, PolicyAction, PolicyFacts } from "../../policy/types.ts";
import type { ExplainView, PolicyCheckView } from "../../src/actions/views.ts";
import { sha256Hex } from "../../src/audit/log.ts";
import type { PolicyRevision, VmId } from "../../src/core/ids.ts";
import { linesOf, type PolicyText, remarkOf, remarksOf } from "../../tui/screens/policy/file.ts";
import { INIT, type PolicyState } from "../../tui/screens/policy/state.ts";

export const PATH = "/var/rayos/policy/rayos-policy.toml";

export const GOOD = `# What guests of this host may do.
version = 0

[limits]
cpu_percent = 100
mem_mib = 1024
max_running = 3

[linux]
enabled = true
networking = "on"

[linux.limits]
cpus = 2
mem_mib = 512

[network_profiles.office]
egress = "allowlist"
allow = ["example.org:443/tcp"]

[profiles.desk]
kind = "linux"
present = true
input = true
networking = "on"
network_profiles = ["office"]
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 50
secure_boot = "allowed"
guest_agent = ["ping", "shutdown"]
`;
export const BAD = GOOD.replace("max_running = 3", "max_runing = 3").replace('"on"', '"onn"');
export const STRICTER = GOOD.replace("present = true", "present = false").replace("cpus = 2", "cpus = 1");

const revisionOf = (text: string) => sha256Hex(new TextEncoder().encode(text)) as PolicyRevision;

export function loaded(text: string): LoadedPolicy {
  const read = loadPolicyBytes(new TextEncoder().encode(text), PATH, revisionOf(text), "/var/rayos");
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

export function policyText(text: string): PolicyText {
  const read = loadPolicyBytes(new TextEncoder().encode(text), PATH, revisionOf(text), "/var/rayos");
  return {
    path: PATH,
    revision: revisionOf(text),
    lines: linesOf(text),
    problems: read.ok ? [] : remarksOf(summaryOf(PATH, read.error), text),
    notes: read.ok ? read.value.notes.map((note) => remarkOf(note, text.split("\n"))) : [],
    networkProfiles: read.ok ? Object.keys(read.value.policy.network_profiles) : [],
  };
}

const WEB: GuestAsk = {
  id: "web" as VmId,
  type: "linux",
  storage: { disks: { root: "vm/linux/web/disk.qcow2" } },
  devices: { vcpu: 1, memory_mb: 256, network: { enabled: false } },
  policy_profile: "desk",
};
/** Asks for more than a policy grants. */
export const TOO_LARGE: GuestAsk = { ...WEB, devices: { ...WEB.devices, vcpu: 4, memory_mb: 2048 } };
const FACTS: PolicyFacts = {
  hostVcpus: 4,
  hostMemoryMib: 4096,
  running: { count: 0, vcpus: 0, memoryMib: 0, cpuPercent: 0 },
  presented: null,
  guestRunning: true,
  kvm: true,
  networkEnforcer: true,
};

export function explained(text: string, action: PolicyAction, profile?: string, guest = WEB): ExplainView {
  const request = {
    action,
    trigger: "operator" as const,
    guest,
    facts: FACTS,
    ...(profile === undefined ? {} : { network: { profile } }),
  };
  const state = { mode: "normal" as const, loaded: loaded(text) };
  return { vm: guest.id, action, ...explain(state, request), decision: decide(state, request) };
}

export function checked(from: string, to: string, more: Partial<PolicyCheckView> = {}): PolicyCheckView {
  const [before, after] = [loaded(from), loaded(to)];
  return {
    from: before.revision,
    to: after.revision,
    demanded_by: null,
    signed_by: null,
    difference: policyDifference(before, after, [{ id: "web", kind: "linux", profile: "desk" }]),
    consequences: [{
      vm: WEB.id,
      steps: [{
        kind: "hide",
        reason: { rule: "presentation_not_allowed", why: "present of its profile is false" },
      }],
    }],
    remarks: after.notes,
    ...more,
  };
}

/** The screen with a good file in force, the guest `web` chosen. */
export function goodState(text = GOOD): PolicyState {
  const rights = effectiveRights(loaded(text), "linux", "desk");
  if (!rights.ok) throw new Error(rights.error.why);
  return {
    ...INIT,
    runs: 3,
    watching: 1,
    vm: "web",
    seen: { kind: "read", file: policyText(text) },
    rights: { kind: "known", value: rights.value },
  };
}

export function revision(text = GOOD): string {
  return revisionOf(text);
}
