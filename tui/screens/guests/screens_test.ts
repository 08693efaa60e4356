/**
 * Whole screens as files that are read in review. After a wanted change:
 * `UPDATE_GOLDEN=1 deno test --allow-all tui/screens/guests/screens_test.ts`, and look at the difference.
 */
import assert from "node:assert/strict";
import { MIB } from "../../../src/core/units.ts";
import type { Model } from "../../model.ts";
import { frame, TEST_NOW } from "../../testing.ts";
import {
  guestsModel,
  SIX,
  SIX_FIGURES,
  SIX_SERIES,
  TEST_CARD,
  TEST_SERIES,
  testDetail,
  testEvent,
  testFigures,
  testGuest,
} from "./testing.ts";
import type { GuestsState, Shown } from "./state.ts";

const FOLDER = new URL("../../../tests/fixtures/screens/guests/", import.meta.url);
const SIZES = [[60, 16], [80, 24], [120, 30], [200, 50]] as const;

// Times are shown in the zone of the place, and so would be recorded.
Deno.env.set("TZ", "UTC");

const LIVE = { figures: SIX_FIGURES, series: SIX_SERIES };

function six(state: Partial<GuestsState>, change: Partial<Model> = {}): Model {
  return guestsModel(SIX, { selected: "build", ...state }, { ...LIVE, ...change });
}

function shown(id: string, change: Partial<Shown> = {}): Shown {
  const guest = SIX.find((guest) => guest.id === id) ?? testGuest(id);
  return {
    vm: id,
    detail: testDetail(guest),
    problem: undefined,
    firmware: undefined,
    at: TEST_NOW,
    ...change,
  };
}

const MANY = Array.from({ length: 200 }, (_, i) =>
  testGuest(`guest-${String(i).padStart(3, "0")}`, {
    state: i % 3 === 0 ? "running" : "stopped",
    ready: i % 6 === 0,
    kind: i % 5 === 0 ? "windows" : "linux",
  }));

const EVENTS = [
  testEvent(90, "RAYOS_VM:start", { vm: "build", kind: "linux", accel: "kvm" }),
  testEvent(88, "RAYOS_VM:running", { vm: "build", kind: "linux", pid: 4711 }),
  testEvent(80, "RAYOS_LINUX_VM_READY", { vm: "build", after_ms: 8123 }),
  testEvent(40, "RAYOS_POLICY_VIOLATION:network_default_off:off", { vm: "build", action: "net.set" }, "warn"),
  testEvent(6, "RAYOS_VM:stop", { vm: "web", kind: "linux", step: "agent", after_ms: 0 }),
  testEvent(1, "RAYOS_VM:stop", { vm: "web", kind: "linux", step: "acpi", after_ms: 5004 }),
];

const CASES: Readonly<Record<string, Model>> = {
  "none": guestsModel([]),
  "waiting": guestsModel([], {}, { status: undefined, connection: { kind: "connecting", since: TEST_NOW } }),
  "list": six({}, { events: EVENTS }),
  "many": guestsModel(MANY, { selected: "guest-100", at: 100 }, {
    figures: new Map(MANY.filter(({ pid }) => pid !== null).map(({ id }) => [id, testFigures(id)])),
  }),
  "filter": six({ filter: "lin run", typing: true }),
  "filter-none": six({ filter: "nothing" }),
  "marks": six({
    marks: ["build", "gate-1"],
    selected: "gate-1",
    grouped: true,
    sort: "cpu",
    descending: true,
  }),
  "details": six({
    details: true,
    shown: shown("build", {
      firmware: {
        ...{
          vm: "build",
          firmware_ran: true,
          secure_boot_enforced: true,
          tpm_answered: true,
          tpm_recorded: true,
        },
        certificates: ["Microsoft Corporation UEFI CA 2011"],
      },
    }),
  }, { events: EVENTS }),
  "network": guestsModel(
    SIX.map((guest) => guest.id === "build" ? { ...guest, network: "unrestricted" } : guest),
    { selected: "build", details: true, shown: shown("build") },
    {
      figures: new Map([...SIX_FIGURES, ["build", testFigures("build", { network: [TEST_CARD] })]]),
      series: new Map([...SIX_SERIES, ["build", { ...TEST_SERIES, net: [0, MIB, 2 * MIB, 3.5 * MIB] }]]),
    },
  ),
  "broken": six({
    selected: "old",
    details: true,
    shown: shown("old", {
      detail: testDetail(SIX[4] ?? testGuest("old"), {
        record: null,
        live: null,
        serial_tail: [],
        problems: [{
          code: "invalid_registry",
          message: "vm/linux/old/disk.qcow2 is not there",
          path: "storage.disks.root",
          hint: "put the file back, or delete the guest",
        }],
      }),
    }),
  }),
  "crashed": six({
    selected: "mail",
    details: true,
    shown: shown("mail", {
      detail: testDetail(SIX[3] ?? testGuest("mail"), {
        live: null,
        crash_report: "crash/mail-20260131T115900Z.json",
      }),
    }),
  }),
  "stale": six({ selected: "gate-1" }),
  "stopping": guestsModel(
    SIX.map((guest) => guest.id === "web" ? testGuest("web", { state: "stopping" }) : guest),
    { selected: "web" },
    { ...LIVE, events: EVENTS },
  ),
  "provisioning": guestsModel(
    [testGuest("web", {
      state: "running",
      network: "provisioning",
      provision: {
        ...{
          vm: "web",
          step: "install",
          state: "running",
          phase: "copying files",
          begun_at: "2026-01-31T11:00:00Z",
        },
        ...{ restarts: 2, os: null, baseline: "clean", why: null },
      },
    })],
    {},
    LIVE,
  ),
  "events": six({ events: true }, { events: EVENTS }),
  "plain": six({ marks: ["db"] }, { prefs: { ...six({}).prefs, unicode: false, color: "none" } }),
  "spoken": six({ marks: ["db"], grouped: true }, { prefs: { ...six({}).prefs, screenReader: true } }),
};

for (const [name, model] of Object.entries(CASES)) {
  for (const [columns, rows] of SIZES) {
    Deno.test(`the guests' screen ${name} at ${columns} columns is as it is on record`, async () => {
      const drawn = frame(model, { columns, rows });
      if (!model.prefs.screenReader) {
        for (const line of drawn.split("\n")) assert.ok([...line].length <= columns, line);
      }
      assert.ok(drawn.split("\n").length <= rows);
      const file = new URL(`${name}-${columns}.txt`, FOLDER);
      if (Deno.env.get("UPDATE_GOLDEN")) {
        await Deno.mkdir(FOLDER, { recursive: true });
        await Deno.writeTextFile(file, drawn + "\n");
      }
      assert.equal(drawn + "\n", await Deno.readTextFile(file));
    });
  }
}

Deno.test("nothing that a guest says reaches a frame as an escape sequence or turns the text round", () => {
  const model = CASES.details;
  assert.ok(model);
  const text = frame(model, { columns: 200, rows: 60 });
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]|owned/);
  assert.match(text, /Debian GNU\/Linux 12/);
});
