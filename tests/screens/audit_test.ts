/** The audit screen as it is seen. */
import assert from "node:assert/strict";
import type { VmId } from "../../src/core/ids.ts";
import { parseFilter } from "../../tui/screens/audit/filter.ts";
import { auditRows } from "../../tui/screens/audit/lines.ts";
import { type AuditState, INIT } from "../../tui/screens/audit/state.ts";
import { golden, textOf } from "./golden.ts";
import { model, NOW, record, status, useZone } from "./rules_models.ts";

useZone("UTC");

const WEB = "web" as VmId;
const REFUSED = record(5, {
  phase: "refused",
  vm: WEB,
  actor: { kind: "local", claimed: { pid: 4243, uid: 1000, command: "net set" } },
  action: "net.set",
  corr: "10000000-0000-4000-8000-000000000009",
  reasons: [{
    rule: "network_profile_not_allowed",
    why: "network profile office is not among those of profile default-linux",
    where: "profiles.default-linux.network_profiles (line 31)",
  }],
  event: "RAYOS_POLICY_VIOLATION:network_profile_not_allowed:office",
  detail: { params: { id: "web", profile: "office" }, hostile: "\u001b[2Jred\u202e", list: ["a", "b"] },
});
const RECORDS = [
  record(1, { action: "supervisor.start", phase: "observed", actor: { kind: "supervisor" } }),
  record(2, { vm: WEB }),
  record(3, { vm: WEB, phase: "decided", reasons: [{ rule: "allowed", why: "every layer lets it pass" }] }),
  record(4, { vm: WEB, phase: "finished" }),
  REFUSED,
  record(6, { vm: "desk" as VmId, phase: "failed", reasons: [{ rule: "failed", why: "QEMU ended" }] }),
  record(7, { vm: "desk" as VmId, phase: "outcome_unknown", action: "vm.suspend" }),
];
const HOLDS: AuditState["chain"] = {
  kind: "holds",
  check: {
    ok: true,
    records: 7,
    head: { seq: 7, hash: "7".padStart(64, "0") },
    begins: { seq: 1, time: "2026-01-31T11:59:01Z" },
  },
  at: NOW,
};
const LIST: AuditState = { ...INIT, runs: 2, reading: 1, records: RECORDS, chain: HOLDS };

function shown(state: Partial<AuditState>, more: Parameters<typeof model>[0] = {}) {
  return (columns: number, rows: number) =>
    auditRows(model({ ...more, screens: { audit: { ...LIST, ...state } } }), columns, rows);
}

function filterOf(text: string): AuditState["filter"] {
  const parsed = parseFilter(text);
  assert.ok(parsed.ok);
  return { text, conditions: parsed.filter };
}

golden("audit", "list", shown({}));
golden("audit", "reading", shown({ records: [], searching: true, chain: { kind: "checking", percent: 42 } }));
golden("audit", "filter", shown({ filter: filterOf("vm=web rule=net*"), records: [REFUSED], at: 5 }));
golden("audit", "filter_typed", shown({ typing: { text: "", why: undefined } }));
golden(
  "audit",
  "filter_wrong",
  shown({ typing: { text: "rul=x", why: "there is no field 'rul': did you mean rule?" } }),
);
golden("audit", "nothing_passes", shown({ filter: filterOf("vm=none"), records: [] }));
golden("audit", "details", shown({ at: 5, details: 0 }));
golden(
  "audit",
  "broken",
  shown({
    chain: {
      kind: "broken",
      fault: {
        file: "/var/rayos/logs/audit.jsonl",
        line: 5,
        seq: 5,
        why: "its content does not match its hash",
      },
      at: NOW - 90_000,
    },
  }),
);
golden(
  "audit",
  "unavailable",
  shown({}, { status: status({ audit: { seq: 7, unavailable_since: "2026-01-30T23:10:00.000Z" } }) }),
);
golden(
  "audit",
  "unreadable",
  shown({
    records: [],
    unreadable: "PermissionDenied: /var/rayos/logs/audit.jsonl",
    chain: { kind: "unreadable", why: "PermissionDenied: /var/rayos/logs/audit.jsonl", at: NOW },
  }),
);

Deno.test("nothing of a record reaches the terminal as a command to it", () => {
  const text = textOf(shown({ at: 5, details: 0 })(120, 40), 120);
  // deno-lint-ignore no-control-regex -- what must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

Deno.test("times are of this place, and the heading names the zone", () => {
  useZone("America/New_York");
  try {
    const text = textOf(shown({})(120, 24), 120);
    assert.match(text, /TIME (GMT-5|EST)/);
    assert.match(text, /06:59:01/);
  } finally {
    useZone("UTC");
  }
});
