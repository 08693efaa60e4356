/** Actions that only look. Policy is not asked and nothing is recorded. */
import type { ActionParams } from "../actions/params.ts";
import type { ActionId } from "../actions/table.ts";
import type {
  CommandView,
  ExplainView,
  GuestDetail,
  GuestView,
  NetView,
  StatusView,
} from "../actions/views.ts";
import type { GuestState } from "../lifecycle/states.ts";
import { formatUtc } from "../core/time.ts";
import { fail } from "../core/problem.ts";
import { macOf } from "../network/card.ts";
import { explain } from "../../policy/decide.ts";
import { isPolicyAction } from "../../policy/actions.ts";
import { reportsOf } from "./crash_report.ts";
import { exportGuest } from "./export_guest.ts";
import { firmwareView } from "./firmware_view.ts";
import { liveView } from "./live.ts";
import { checkPolicy } from "./policy_apply.ts";
import { planFor } from "./prepare.ts";
import { planProvision } from "./provision_begin.ts";
import { inForce, revisionOf, rightsInForce } from "./policy_source.ts";
import type { Guest } from "./guest.ts";
import { storageViews } from "./space.ts";
import type { Supervisor } from "./supervisor.ts";
import { sumsInForce } from "./sums.ts";
import { guestView } from "./views.ts";

type ReadId = Extract<
  ActionId,
  | "status"
  | "vm.list"
  | "vm.show"
  | "vm.argv"
  | "vm.firmware"
  | "vm.export"
  | "net.show"
  | "policy.explain"
  | "policy.check"
  | "job.list"
  | "provision.plan"
>;
type Reads = { readonly [A in ReadId]: (s: Supervisor, params: ActionParams<A>) => Promise<unknown> };

const SERIAL_LINES = 12;

export const READS: Reads = {
  "status": status,
  "vm.list": (s) => Promise.resolve(list(s)),
  "vm.show": (s, { id }) => show(s, s.guest(id)),
  "vm.argv": async (s, { id }): Promise<CommandView[]> => {
    const { plan } = await planFor(s, usable(s.guest(id)));
    return [plan.swtpm, plan.qemu].filter((line) => line !== undefined)
      .map(({ program, args }) => ({ program, args }));
  },
  "vm.firmware": (s, { id }) => firmwareView(s, usable(s.guest(id))),
  "vm.export": (s, { id, libvirt }) => exportGuest(s, usable(s.guest(id)), libvirt),
  "net.show": (s, { id }) => network(s, usable(s.guest(id))),
  "policy.check": checkPolicy,
  "provision.plan": planProvision,
  "job.list": (s) => Promise.resolve(s.jobs.list()),
  "policy.explain": async (s, { id, action, profile }): Promise<ExplainView> => {
    if (!isPolicyAction(action)) fail("usage", `'${action}' is no action that policy decides about`);
    const guest = usable(s.guest(id));
    const explanation = explain(s.policy, {
      action,
      trigger: "operator",
      ...(guest.record ? { guest: guest.record } : {}),
      facts: await s.policyFactsNow(guest),
      ...(profile === undefined ? {} : { network: { profile } }),
    });
    return { vm: id, action, ...explanation };
  },
};

function list(s: Supervisor): GuestView[] {
  return [...s.guests.values()].sort((a, b) => a.id < b.id ? -1 : 1).map((guest) => guestView(s, guest));
}

/** From memory, and the room on the file systems: neither a QEMU nor the probe of the host is waited for. */
async function status(s: Supervisor): Promise<StatusView> {
  const host = await s.host();
  await s.space.look();
  const { parts, policy, kvm } = s;
  if (!kvm) void s.policyFactsNow(undefined).catch(() => {}); // learns it for the next time
  const guests = list(s);
  return {
    supervisor: {
      version: parts.version,
      pid: parts.pid,
      root: parts.root,
      started_at: formatUtc(s.startedAt),
      uptime_s: Math.floor((parts.clock.now() - s.startedAt) / 1000),
    },
    policy: {
      revision: revisionOf(policy),
      safe_mode: policy.mode === "safe",
      problem: policy.mode === "safe" ? policy.reason : null,
      signed_by: policy.mode === "normal" ? policy.signedBy ?? null : null,
    },
    host: {
      cpus: host.cpus,
      memory_mib: host.memoryMib,
      accelerator: kvm ? kvm.usable ? "kvm" : "tcg" : null,
      accelerator_why: kvm?.why ?? "not looked at yet",
    },
    audit: { seq: parts.log.head.seq, unavailable_since: parts.log.unavailableSince ?? null },
    sums: sumsInForce(s),
    states: statesOf(guests),
    enforcement: parts.groups.enforcement,
    presented: s.presented,
    storage: storageViews(s.space.spaces),
    guests,
    provisioning: s.provisions.views(),
  };
}

function statesOf(guests: readonly GuestView[]): StatusView["states"] {
  const states: Partial<Record<GuestState, number>> = {};
  for (const { state } of guests) states[state] = (states[state] ?? 0) + 1;
  return states;
}

async function show(s: Supervisor, guest: Guest): Promise<GuestDetail> {
  const run = guest.run;
  return {
    ...guestView(s, guest),
    record: guest.record ?? null,
    rights: guest.record ? rightsInForce(s.policy, guest.record) ?? null : null,
    problems: guest.problems,
    live: run
      ? await liveView({ run, network: guest.network }, guest.state !== "running", s.parts.clock.now())
      : null,
    crash_report: (await reportsOf(s.parts.layout, guest.id)).at(-1) ?? null,
    serial_tail: run?.serial.lines(SERIAL_LINES) ?? [],
  };
}

async function network(s: Supervisor, guest: Guest): Promise<NetView> {
  const on = guest.network;
  const figures = await on?.gateway.figures() ?? null;
  const rights = guest.record && rightsInForce(s.policy, guest.record)?.rights;
  const asked = guest.record?.devices.network;
  return {
    vm: guest.id,
    network: on?.profile ?? "off",
    asked: asked?.enabled ? asked.profile ?? "on" : null,
    granted: rights?.networking ?? "off",
    profiles: rights?.networkProfiles ?? [],
    defined: Object.keys(inForce(s.policy)?.policy.network_profiles ?? {}),
    on: on ? { reason: on.reason, since: formatUtc(on.since), mac: macOf(guest.id), figures } : null,
  };
}

/** The guest, if its record can be used; Failure `wrong_state` with what is wrong. */
export function usable(guest: Guest): Guest {
  if (guest.record) return guest;
  return fail(
    "wrong_state",
    `${guest.id} is broken: ${guest.problems[0]?.message ?? "its record can't be used"}`,
    {
      problems: guest.problems,
    },
  );
}
