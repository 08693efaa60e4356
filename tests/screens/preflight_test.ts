/** The screen of preflight as it is seen. */
import type { CheckReport } from "../../src/preflight/types.ts";
import { preflightRows } from "../../tui/screens/preflight/lines.ts";
import { type CheckRow, INIT, type PreflightState } from "../../tui/screens/preflight/state.ts";
import { golden } from "./golden.ts";
import { model, NOW, PREFS } from "./rules_models.ts";

type Said = Pick<CheckReport, "check_id" | "group" | "title" | "why"> & Partial<CheckReport>;

const SAID: readonly Said[] = [
  {
    ...{ check_id: "host.os", group: "host", title: "operating system", why: "Guests need Linux." },
    details: "Debian GNU/Linux 12 (bookworm), kernel 6.1.0-56-amd64",
  },
  {
    ...{ check_id: "host.memory", group: "host", title: "memory", why: "A guest's memory is taken from it." },
    ...{ status: "WARN", details: "12 GiB; 16 GiB are recommended" },
    remediation: "add memory, or give guests less",
  },
  {
    check_id: "kvm.device",
    group: "kvm",
    title: "KVM's device",
    why: "Without KVM guests are about ten times slower.",
    status: "FAIL",
    details: "/dev/kvm may not be opened by alice",
    remediation: "sudo usermod -aG kvm alice, then log out and in again",
  },
  {
    check_id: "host.command.swtpm",
    group: "tpm",
    title: "swtpm",
    why: "It is the TPM that Windows 11 asks for.",
    status: "FAIL",
    blocking: true,
    details: "swtpm is not installed",
    remediation: "sudo apt-get update && sudo apt-get install -y --no-install-recommends swtpm swtpm-tools",
    took_ms: 3,
  },
  {
    ...{ check_id: "tpm.self_test", group: "tpm", title: "a TPM is made and tests itself" },
    ...{ why: "A TPM emulator may be installed and yet fail.", status: "SKIP" },
    details: "not tried: see host.command.swtpm",
  },
  {
    ...{ check_id: "storage.space", group: "storage", title: "room for disks", why: "Disks grow." },
    details: "470 GiB free of 900 GiB below /var/rayos",
  },
];

const HEADS: readonly CheckRow[] = SAID.map(({ check_id: id, group, title, why }) => ({
  ...{ id, group, title, why, at: { kind: "waiting", detail: "" } },
}));
const ENDED: readonly CheckRow[] = SAID.map((said, i): CheckRow => {
  const result: CheckReport = {
    ...{ status: "PASS", details: "", remediation: "", blocking: false, took_ms: 12 },
    ...said,
  };
  const { id, group, title, why } = HEADS[i] ?? { id: "", ...result };
  return { id, group, title, why, at: { kind: "ended", result } };
});
const RUNNING: PreflightState = {
  ...INIT,
  number: 1,
  run: { kind: "running", since: NOW - 1_800 },
  rows: [
    ...ENDED.slice(0, 3),
    ...HEADS.slice(3).map((row): CheckRow =>
      row.id === "tpm.self_test" ? { ...row, at: { kind: "waiting", detail: "makes certificates" } } : row
    ),
  ],
};
const DONE: PreflightState = {
  ...{ ...INIT, number: 1, run: { kind: "ended", tookMs: 2_310 }, rows: ENDED, at: "host.command.swtpm" },
};

function shown(state: Partial<PreflightState>, more: Parameters<typeof model>[0] = {}) {
  return (columns: number, rows: number) =>
    preflightRows(model({ ...more, screens: { preflight: { ...DONE, ...state } } }), columns, rows);
}

golden("preflight", "not_yet", shown(INIT));
golden("preflight", "running", shown(RUNNING));
golden("preflight", "failed_check", shown({}));
golden("preflight", "only_faults", shown({ faultsOnly: true, at: "kvm.device" }));
golden("preflight", "all_well", shown({ rows: ENDED.slice(0, 1), at: undefined, profile: "linux" }));
golden("preflight", "not_blocked", shown({ rows: ENDED.slice(0, 3), at: "kvm.device" }));
golden("preflight", "first_run", shown({ ...RUNNING, first: "yes" }));
golden("preflight", "cancelled", shown({ ...RUNNING, run: { kind: "cancelled" } }));
golden(
  "preflight",
  "could_not",
  shown({ rows: [], run: { kind: "failed", problem: { code: "io", message: "/proc can't be read" } } }),
);
golden("preflight", "ascii", shown({}, { prefs: { ...PREFS, unicode: false } }));
golden("preflight", "spoken", shown({}, { prefs: { ...PREFS, screenReader: true } }));
