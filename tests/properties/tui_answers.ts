/** What the supervisor and the work of screens might say to what the UI asks: right answers, refusals, late ones. */
import type { ActionId } from "../../src/actions/table.ts";
import { parseVmId } from "../../src/core/ids.ts";
import { CHECK_GROUPS } from "../../src/preflight/types.ts";
import type { Came, Effect } from "../../tui/model.ts";
import type { Message } from "../../tui/messages.ts";
import type { AuditMessage, AuditWork } from "../../tui/screens/audit/state.ts";
import { testDetail, testGuest } from "../../tui/screens/guests/testing.ts";
import { type PolicyMessage, type PolicyWork, toPolicy } from "../../tui/screens/policy/state.ts";
import { own as preflight, type PreflightWork } from "../../tui/screens/preflight/state.ts";
import { own as provision, type ProvisionWork } from "../../tui/screens/provision/state.ts";
import { cleanAll } from "../../tui/text.ts";
import { BAD, checked, explained, GOOD, policyText, STRICTER } from "../screens/policy_states.ts";
import { record } from "../screens/rules_models.ts";

type Result = Came["result"];

const REFUSED: Result = {
  ok: false,
  problem: {
    code: "denied",
    message: "policy refuses it: \x1b[31mno\x1b[0m",
    reasons: [{ rule: "network_default_off", where: "linux.networking", why: "networking is off" }],
  },
};

/** Every third is a refusal. */
export function answerOf(
  action: ActionId,
  params: Readonly<Record<string, unknown>>,
  variant: number,
): Result {
  if (variant % 3 === 2) return REFUSED;
  return { ok: true, value: valueOf(action, typeof params.id === "string" ? params.id : "web", variant) };
}

function valueOf(action: ActionId, vm: string, variant: number): unknown {
  switch (action) {
    case "vm.show":
      return testDetail(testGuest(vm, { state: variant % 2 === 0 ? "running" : "stopped" }));
    case "vm.argv":
      return [{ program: "qemu-system-x86_64", args: ["-name", "\x1b[2J日本"] }];
    case "net.show":
      return {
        ...{ vm, network: "off", asked: null, granted: "office", profiles: ["office"] },
        ...{ defined: ["office", "home"], on: null },
      };
    case "policy.explain":
      return explained(GOOD, variant % 2 === 0 ? "vm.start" : "net.set", "office");
    case "policy.check":
    case "policy.apply":
      return checked(GOOD, STRICTER);
    case "vm.firmware":
      return {
        ...{ vm, firmware_ran: true, secure_boot_enforced: variant % 2 === 0 },
        ...{ certificates: ["CN=x"], tpm_answered: true, tpm_recorded: true },
      };
    default:
      return { done: action, vm, notes: ["\u202ewas here"] };
  }
}

/** What the work of a screen sends. */
export function workMessage(effect: Extract<Effect, { do: "screen" }>, variant: number): Message | undefined {
  switch (effect.screen) {
    case "policy":
      return policyWork(effect.work as PolicyWork, variant); // each screen makes its own works
    case "audit":
      return auditWork(effect.work as AuditWork, variant);
    case "preflight":
      return preflightWork(effect.work as PreflightWork, variant);
    case "provision":
      return provisionWork(effect.work as ProvisionWork, variant);
    default:
      return undefined;
  }
}

const FAILED = { code: "io", message: "it can't be read" } as const;

function policyWork(work: PolicyWork, variant: number): Message {
  const { run } = work;
  const remark = { line: undefined, before: "", length: 1, path: "", message: "gone", hint: undefined };
  const said: PolicyMessage = work.kind === "watch"
    ? variant % 3 === 0
      ? { kind: "no_file", run, why: remark }
      : { kind: "file", run, file: policyText(variant % 2 === 0 ? GOOD : BAD) }
    : variant % 3 === 0
    ? { kind: "refused", run, path: work.path, ...refusal() }
    : { kind: "candidate", run, file: { path: "/tmp/x.toml", text: STRICTER, signature: undefined } };
  return toPolicy(said);
}

function refusal() {
  const { problems, lines } = policyText(BAD);
  return { problems, lines };
}

const WEB = parseVmId("web");

function auditWork({ kind, run }: AuditWork, variant: number): Message {
  const records = Array.from({ length: variant * 5 }, (_, i) => record(variant + i, WEB && { vm: WEB }));
  const said: AuditMessage = kind === "verify"
    ? variant % 2 === 0
      ? { kind: "verifying", run, percent: variant * 9 }
      : { kind: "unverified", run, why: "no", at: 0 }
    : variant % 4 === 3
    ? { kind: "unreadable", run, why: "no" }
    : { kind: variant % 2 === 0 ? "more" : "records", run, records, searching: variant > 6 };
  return { type: "screen", screen: "audit", message: said };
}

const ID = "kvm.device";
const HEAD = { group: CHECK_GROUPS[0], title: "KVM", why: "Without it guests are slow." };

function preflightWork(work: PreflightWork, variant: number): Message {
  if (work.kind === "look_root") {
    return preflight({ kind: "root", found: variant % 2 === 0 ? "missing" : "there" });
  }
  if (work.kind === "make_root") {
    return preflight(variant % 2 === 0 ? { kind: "root_made" } : { kind: "root_made", problem: FAILED });
  }
  const { number } = work;
  switch (variant % 5) {
    case 0:
      return preflight({ kind: "listed", number, rows: [{ ...HEAD, id: ID }] });
    case 1:
      return preflight({ kind: "said", number, id: ID, detail: "looks" });
    case 2:
      return preflight({
        kind: "ended",
        number,
        result: {
          ...HEAD,
          check_id: ID,
          status: "FAIL",
          details: "none",
          remediation: "load kvm",
          blocking: true,
          took_ms: 3,
        },
      });
    case 3:
      return preflight({ kind: "over", number, tookMs: 100 });
    default:
      return preflight({ kind: "failed", number, problem: FAILED });
  }
}

function provisionWork(work: ProvisionWork, variant: number): Message {
  switch (work.kind) {
    case "look": {
      const refusals = variant % 3 === 0 ? ["disk.image: \x1b[31mnot there"] : [];
      const said = { kind: "looked", number: work.number, facts: {}, refusals, remarks: [] } as const;
      return provision(cleanAll(said));
    }
    case "host":
      return provision({
        kind: "host",
        number: work.number,
        host: variant % 3 === 0 ? { kind: "failed", problem: FAILED } : { kind: "looked", faults: [] },
      });
    case "plan":
      return provision({ kind: "planned", number: work.number, plan: { kind: "failed", problem: FAILED } });
    case "save":
      return provision({
        kind: "saved",
        number: work.number,
        came: variant % 2 === 0 ? { kind: "there", path: "/a" } : { kind: "saved", path: "/a" },
      });
    case "begin":
      return provision({ kind: "begun", id: work.id, ...(variant % 2 === 0 ? {} : { problem: FAILED }) });
  }
}
