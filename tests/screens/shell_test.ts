/** The shell's screens on record: what lies around and over every screen. */
import type { Message } from "../../tui/messages.ts";
import type { Model } from "../../tui/model.ts";
import { Driver, TEST_NOW, testModel } from "../../tui/testing.ts";
import { assertGolden } from "../fakes/golden_screens.ts";
import { stubScreens } from "../fakes/stub_screens.ts";
import { guestView, jobView, statusView } from "../fakes/tui_views.ts";

const web = guestView("web-1", { state: "running", presented: true, started_at: "2026-01-31T11:00:00.000Z" });
const db = guestView("db-1");
const row = (keys: string, title: string, more = {}) => ({ keys: [keys], title, run: () => [], ...more });
const screens = stubScreens({
  keys: [
    row("enter", "Details", { footer: true }),
    row("s", "Start", { footer: true, changes: true, disabled: () => "web-1 is running" }),
    row("x", "Stop", { footer: true, changes: true }),
    row("/", "Filter", { footer: true }),
  ],
});

function driven(model: Partial<Model>, ...messages: readonly Message[]): Driver {
  const driver = new Driver(testModel(model, screens), screens);
  return driver.send(
    { type: "connected", now: TEST_NOW },
    { type: "status", status: statusView([web, db]) },
    ...messages,
  );
}

async function golden(name: string, driver: Driver): Promise<void> {
  await assertGolden(`shell-${name}`, driver.model, { screens });
}

const prefs = testModel().prefs;

Deno.test("screens of the shell: connecting and connected", async () => {
  await golden("connecting", new Driver(testModel({}, screens), screens));
  await golden("connected", driven({}));
});

Deno.test("screens of the shell: help is made of the key table, without rows that change anything where nothing may be", async () => {
  await golden("help", driven({}).press("?"));
  await golden("help_read_only", driven({ prefs: { ...prefs, readOnly: true } }).press("?", "end"));
});

Deno.test("screens of the shell: the palette, empty and with words", async () => {
  await golden("palette", driven({}).press(":"));
  await golden("palette_typed", driven({}).press(":").type("s web").press("down"));
});

Deno.test("screens of the shell: a question, one with a word to be typed, and a choice", async () => {
  await golden("confirm", driven({}).press(":").type("stop web-1").press("enter"));
  await golden("confirm_typed", driven({}).press(":").type("delete db-1").press("enter").type("db"));
  await golden(
    "choose",
    driven({}, {
      type: "open",
      overlay: {
        kind: "choose",
        title: "Network of web-1",
        at: 1,
        choices: [
          { label: "off", then: [] },
          { label: "updates", then: [] },
          { label: "internet", disabled: "policy grants provisioning_only", then: [] },
        ],
      },
    }),
  );
});

Deno.test("screens of the shell: jobs with their progress, and a text", async () => {
  const jobs = [
    jobView(),
    jobView({ job: "2", action: "vm.start", vm: "db-1", state: "waiting", progress: null }),
  ];
  await golden("jobs", driven({}, { type: "jobs", jobs }).press("J"));
  const lines = Array.from({ length: 80 }, (_, i) => `line ${i + 1} ${"word ".repeat(i)}`);
  await golden(
    "text",
    driven({}, { type: "open", overlay: { kind: "text", title: "Command lines", lines, scroll: 7 } }),
  );
});

Deno.test("screens of the shell: safe mode, no room, an audit trail that can't be written", async () => {
  const status = statusView([web, db]);
  const problem = { code: "invalid_policy" as const, message: "policy/rayos-policy.toml has 2 faults" };
  await golden(
    "safe_mode",
    driven({}, {
      type: "status",
      status: { ...status, policy: { ...status.policy, safe_mode: true, problem } },
    }),
  );
  await golden(
    "troubles",
    driven({}, {
      type: "status",
      status: {
        ...status,
        audit: { seq: 12, unavailable_since: "2026-01-31T11:59:00.000Z" },
        storage: [{
          ...{ path: "/var/rayos", free_mib: 120, total_mib: 20480, free_inodes: null },
          ...{ level: "full" as const, short_of: "space" as const },
        }],
      },
    }),
  );
});

Deno.test("screens of the shell: a lost connection, with toasts", async () => {
  await golden(
    "lost",
    driven(
      {},
      { type: "toast", tone: "good", text: "Pause web-1: done" },
      {
        type: "toast",
        tone: "bad",
        text: "Start db-1: denied by policy: 8 guests run already (limits.max_running)",
      },
      { type: "lost", now: TEST_NOW, why: "the supervisor has ended" },
      { type: "tick", now: TEST_NOW + 5000 },
    ),
  );
});

Deno.test("screens of the shell: mono, plain ASCII, for a screen reader, and too small", async () => {
  const ask = (change: Partial<typeof prefs>) =>
    driven({ prefs: { ...prefs, ...change } }).press(":").type("stop web-1").press("enter");
  await golden("ascii", ask({ unicode: false, color: "none" }));
  await golden("screen_reader", ask({ screenReader: true }));
  const small = driven({});
  await assertGolden("shell-too_small", small.model, { screens, rows: 15 });
});
