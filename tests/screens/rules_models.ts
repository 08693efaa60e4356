/** Models for tests of the screens about rules: what is allowed, and what was asked. */
import { guestView, statusView } from "../fakes/tui_views.ts";
import type { GuestView, StatusView } from "../../src/actions/views.ts";
import type { AuditRecord } from "../../src/audit/record.ts";
import { INIT as AUDIT } from "../../tui/screens/audit/state.ts";
import { INIT as GUESTS } from "../../tui/screens/guests/state.ts";
import { INIT as POLICY } from "../../tui/screens/policy/state.ts";
import { INIT as PREFLIGHT } from "../../tui/screens/preflight/state.ts";
import { INIT as PROVISION } from "../../tui/screens/provision/state.ts";
import type { Model } from "../../tui/model.ts";
import type { Prefs } from "../../tui/prefs.ts";

/** Times are shown as of this zone, wherever the tests run. */
export function useZone(zone: string): void {
  Deno.env.set("TZ", zone);
}

export const NOW = Date.parse("2026-01-31T12:00:00Z");
export const PREFS: Prefs = {
  color: "full",
  background: "dark",
  unicode: true,
  readOnly: false,
  screenReader: false,
};

export function guest(id: string, more: Partial<GuestView> = {}): GuestView {
  return guestView(id, { memory_mib: 64, ...more });
}

/** What these screens and the lines above them look at of a status. */
export function status(more: {
  readonly policy?: Partial<StatusView["policy"]>;
  readonly audit?: Partial<StatusView["audit"]>;
} = {}): StatusView {
  return {
    ...statusView([]),
    policy: { revision: "none", safe_mode: false, problem: null, signed_by: null, ...more.policy },
    audit: { seq: 0, unavailable_since: null, ...more.audit },
    sums: {
      running: 1,
      max_running: 3,
      vcpus: 1,
      memory_mib: 64,
      memory_limit_mib: 1024,
      cpu_percent: 50,
      cpu_limit_percent: 100,
    },
  };
}

export function model(
  more: Partial<Omit<Model, "screens">> & { screens?: Partial<Model["screens"]> } = {},
): Model {
  return {
    size: { columns: 80, rows: 24 },
    prefs: PREFS,
    root: "/var/rayos",
    version: "0.1.0",
    now: NOW,
    connection: { kind: "connected", since: NOW },
    status: status(),
    guests: [guest("web", { state: "running" }), guest("desk")],
    provisioning: [],
    figures: new Map(),
    series: new Map(),
    events: [],
    jobs: [],
    screen: "audit",
    overlays: [],
    toasts: [],
    nextToast: 1,
    ...more,
    screens: {
      guests: GUESTS,
      policy: POLICY,
      preflight: PREFLIGHT,
      provision: PROVISION,
      audit: AUDIT,
      ...more.screens,
    },
  };
}

export function record(seq: number, more: Partial<AuditRecord> = {}): AuditRecord {
  return {
    version: 0,
    seq,
    time: new Date(NOW - 60_000 + seq * 1000).toISOString(),
    id: `00000000-0000-4000-8000-${String(seq).padStart(12, "0")}`,
    corr: `10000000-0000-4000-8000-${String(Math.ceil(seq / 3)).padStart(12, "0")}`,
    actor: { kind: "local", claimed: { pid: 4242, uid: 1000, command: "vm start" } },
    phase: "requested",
    action: "vm.start",
    policy: "3f6c1a" as AuditRecord["policy"],
    prev: String(seq - 1).padStart(64, "0"),
    hash: String(seq).padStart(64, "0"),
    ...more,
  };
}
