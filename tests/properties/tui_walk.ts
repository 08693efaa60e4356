/**
 * Somebody who presses any key, while anything happens: steps by fast-check over the real reducer, what was asked is answered or
 * refused at any later moment. Each step is judged: nothing grave comes without its question answered.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTION_IDS, type ActionId, actionSpec } from "../../src/actions/table.ts";
import type { GuestView, JobView, ProvisionView } from "../../src/actions/views.ts";
import { GUEST_STATES } from "../../src/lifecycle/states.ts";
import { changes, needsConfirmation } from "../../tui/guard.ts";
import { spokenLines } from "../../tui/frame.ts";
import { named } from "../../tui/key.ts";
import { rowsOf } from "../../tui/keys.ts";
import type { Message } from "../../tui/messages.ts";
import { type Effect, type Model, SCREENS } from "../../tui/model.ts";
import { ALL_SCREENS } from "../../tui/screens/all.ts";
import { testEvent, testGuest, testSample, testStatus } from "../../tui/screens/guests/testing.ts";
import { Driver, frame, TEST_NOW, testModel } from "../../tui/testing.ts";
import { cleanAll } from "../../tui/text.ts";
import { answerOf, workMessage } from "./tui_answers.ts";
import { replyTo } from "./tui_replies.ts";

export type Step =
  | { readonly kind: "message"; readonly message: Message }
  /** One of what is still unanswered, counted from the oldest; `variant` chooses among answers. */
  | { readonly kind: "answer"; readonly which: number; readonly variant: number }
  /** To what is asked, by somebody who reads it. */
  | { readonly kind: "reply"; readonly right: boolean };

/** Sizes at which every state must be drawn. */
const SIZES = [[60, 16], [80, 24], [200, 60]] as const;

const IDS = ["web", "db", "gate-1", "z.9"] as const;
/** What a guest may call itself. */
const NAMES = [
  "web",
  "\x1b[2J\x1b]0;owned\x07",
  "日本語の名前",
  "👩‍👩‍👧‍👦",
  "\u202egnp.exe",
  "a\nb\tc",
  "e\u0301".repeat(20),
  "",
];

const KEY_NAMES = [
  ...new Set(
    SCREENS.flatMap((screen) => rowsOf(testModel({ screen }), ALL_SCREENS).flatMap(({ keys }) => keys)),
  ),
  ...["y", "enter", "esc", "space", "backspace", "up", "down", "left", "right", "home", "end", "page-up"],
  ...["page-down", "delete", "ctrl-u", "ctrl-w", "a", "e", "i", "-", "9", "ä"],
];

const key = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(...KEY_NAMES).map((name): Message => ({ type: "key", key: named(name) })),
  },
  // An answer is more likely a right one than chance would have it.
  {
    weight: 3,
    arbitrary: fc.constantFrom("y", "enter").map((name): Message => ({ type: "key", key: named(name) })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<string>(...IDS, "stop", "delete 2", "/tmp/x.toml", "vm:web", ...NAMES)
      .map((text): Message => ({ type: "key", key: { text } })),
  },
);

const guests: fc.Arbitrary<readonly GuestView[]> = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...IDS),
    name: fc.constantFrom(...NAMES),
    state: fc.constantFrom(...GUEST_STATES),
    presented: fc.boolean(),
    kind: fc.constantFrom("linux" as const, "windows" as const, null),
    problem: fc.constantFrom(null, "it \x1b[31mfell\x1b[0m"),
  }),
  { selector: ({ id }) => id, maxLength: IDS.length },
).map((all) => all.map(({ id, ...more }) => testGuest(id, more)));

const run: fc.Arbitrary<ProvisionView> = fc.record({
  vm: fc.constantFrom(...IDS),
  step: fc.constantFrom("media" as const, "install" as const, "baseline" as const),
  state: fc.constantFrom("running" as const, "interrupted" as const, "failed" as const),
  phase: fc.constantFrom(null, ...NAMES),
  begun_at: fc.constant("2026-01-31T11:58:00Z"),
  restarts: fc.nat(3),
  os: fc.constantFrom(null, ...NAMES),
  baseline: fc.constantFrom(null, "clean"),
  why: fc.constantFrom(null, "no room"),
});

const job: fc.Arbitrary<JobView> = fc.record({
  job: fc.constantFrom("j1", "j2"),
  action: fc.constantFrom("vm.start", "provision.begin"),
  vm: fc.constantFrom(null, ...IDS),
  state: fc.constantFrom("waiting" as const, "running" as const, "called_off" as const),
  actor: fc.constant("cli"),
  asked_at: fc.constant("2026-01-31T11:59:00Z"),
  started_at: fc.constantFrom(null, "2026-01-31T11:59:01Z"),
  progress: fc.constantFrom(null, ...NAMES),
});

const status = fc.record({ all: guests, runs: fc.array(run, { maxLength: 3 }), safe: fc.boolean() })
  .map(({ all, runs, safe }): Message => {
    const policy = {
      ...testStatus(all).policy,
      safe_mode: safe,
      problem: safe ? { code: "invalid_policy" as const, message: "line 3" } : null,
    };
    return { type: "status", status: cleanAll(testStatus(all, { policy, provisioning: runs })) };
  });

const happens: fc.Arbitrary<Message> = fc.oneof(
  { weight: 4, arbitrary: status },
  {
    weight: 2,
    arbitrary: guests.map((all): Message => ({ type: "live", sample: testSample(all) })),
  },
  fc.nat(30).map((s): Message => ({ type: "tick", now: TEST_NOW + s * 1000 })),
  fc.constant<Message>({ type: "connected", now: TEST_NOW }),
  fc.constantFrom(...NAMES).map((why): Message => ({ type: "lost", now: TEST_NOW, why: cleanAll(why) })),
  fc.tuple(
    fc.constantFrom(...IDS),
    fc.constantFrom("RAYOS_VM:stop", "RAYOS_INPUT:denied", "RAYOS_PROVISION:done"),
  )
    .map(([vm, event]): Message => ({ type: "event", event: testEvent(1, event, { vm, step: "acpi" }) })),
  fc.array(job, { maxLength: 3 }).map((jobs): Message => ({ type: "jobs", jobs: cleanAll(jobs) })),
  fc.tuple(fc.integer({ min: 1, max: 240 }), fc.integer({ min: 1, max: 70 }))
    .map(([columns, rows]): Message => ({ type: "resized", columns, rows })),
);

const ANSWER: Step = { kind: "answer", which: 0, variant: 1 };
const REPLY: Step = { kind: "reply", right: true };
const pressed = (...names: readonly string[]): Step[] =>
  names.map((name) => ({ kind: "message", message: { type: "key", key: named(name) } }));

/** Where chance hardly comes to: so far into the wizard, and before a policy that could be put in force. */
const beginnings: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 18, max: 30 }).map((count) => [
      ...pressed("4", "n"),
      ...Array.from({ length: count }, () => [REPLY, ANSWER, ANSWER]).flat(),
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.constant([...pressed("2", "a"), REPLY, ...Array.from({ length: 8 }, () => ANSWER)]),
  },
);

const any: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: key.map((message): Step => ({ kind: "message", message })) },
    { weight: 3, arbitrary: happens.map((message): Step => ({ kind: "message", message })) },
    {
      weight: 5,
      arbitrary: fc.tuple(fc.nat(3), fc.nat(11))
        .map(([which, variant]): Step => ({ kind: "answer", which, variant })),
    },
    {
      weight: 2,
      arbitrary: fc.boolean().map((right): Step => ({ kind: "reply", right })),
    },
  ),
  { minLength: 10, maxLength: 120, size: "max" },
);

export const steps: fc.Arbitrary<Step[]> = fc.tuple(beginnings, any).map((
  [first, then],
) => [...first, ...then]);

/** Takes the steps one after the other; throws at the first that breaks a promise. */
export function walk(all: readonly Step[], readOnly = false): void {
  draw(walked(all, readOnly).model);
}

/** As {@link walk} without drawing; gives where it ends, and what was done that is grave. */
export function walked(
  all: readonly Step[],
  readOnly = false,
): { readonly model: Model; readonly done: ReadonlySet<string> } {
  const ui = new Driver(testModel({
    prefs: { ...testModel().prefs, readOnly },
    connection: { kind: "connected", since: TEST_NOW },
  }));
  const open: Effect[] = [], done = new Set<string>();
  for (const step of all) {
    for (const message of messagesOf(step, open, ui.model)) {
      const before = ui.model;
      ui.effects.length = 0;
      ui.send(message);
      for (const effect of ui.effects) {
        const what = judge(effect, before, message, readOnly);
        if (what !== undefined) done.add(what);
      }
      open.push(...ui.effects.filter((effect) => ["ask", "perform", "screen"].includes(effect.do)));
      open.splice(0, Math.max(0, open.length - 20));
    }
  }
  return { model: ui.model, done };
}

// deno-lint-ignore no-control-regex -- that there is none is what is looked for
const HARMFUL = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** Every state can be drawn at every size; more than the terminal has is never drawn. */
function draw(model: Model): void {
  for (const [columns, rows] of SIZES) {
    const lines = frame(model, { columns, rows }).split("\n");
    assert.ok(lines.length <= rows, `${lines.length} lines on a terminal of ${rows}`);
    assert.doesNotMatch(lines.join(""), HARMFUL);
  }
  const spoken = spokenLines({ ...model, prefs: { ...model.prefs, screenReader: true } }, ALL_SCREENS);
  assert.doesNotMatch(spoken.join(""), HARMFUL);
}

function messagesOf(step: Step, open: Effect[], model: Model): readonly Message[] {
  if (step.kind === "message") return [step.message];
  if (step.kind === "reply") return replyTo(model, step.right);
  const [effect] = open.splice(step.which % Math.max(1, open.length), 1);
  const message = effect && answerTo(effect, step.variant, model);
  return message ? [message] : [];
}

function answerTo(effect: Effect, variant: number, model: Model): Message | undefined {
  if (effect.do === "ask") {
    const result = cleanAll(answerOf(effect.action, effect.params, variant));
    return { type: "answered", tag: effect.tag, result };
  }
  if (effect.do === "perform") {
    const { action, params } = effect;
    const result = cleanAll(answerOf(action, params, variant));
    return { type: "came", now: model.now, action, params, result };
  }
  return effect.do === "screen" ? workMessage(effect, variant) : undefined;
}

/** What has to be asked about before it is done, and is no action of the table. */
export const OWN_WORK = ["make a data root", "write over a file"] as const;

/** What an effect changes that has to be asked about first; undefined: nothing grave. */
function gravity(effect: Effect): ActionId | typeof OWN_WORK[number] | undefined {
  if (effect.do === "perform" || effect.do === "ask") {
    const isGrave = needsConfirmation(effect.action) || ASKED.includes(effect.action);
    return isGrave ? effect.action : undefined;
  }
  if (effect.do !== "screen") return undefined;
  const work = effect.work as { readonly kind: string; readonly over?: boolean }; // each screen's works have a kind
  if (effect.screen === "provision" && work.kind === "begin") return "provision.begin";
  if (effect.screen === "provision" && work.kind === "save" && work.over) return "write over a file";
  return effect.screen === "preflight" && work.kind === "make_root" ? "make a data root" : undefined;
}

/** Of low risk by the table, and asked about all the same. */
const ASKED: readonly ActionId[] = ["policy.apply", "provision.begin", "provision.cancel", "supervisor.stop"];

/** Gives what it is when it is grave; throws when nobody has said yes to this very thing. */
function judge(effect: Effect, before: Model, message: Message, readOnly: boolean): string | undefined {
  const what = gravity(effect);
  if (readOnly) {
    const isChange = what !== undefined || effect.do === "perform" && changes(effect.action);
    assert.ok(!isChange, `${JSON.stringify(effect)} in a read-only UI`);
  }
  if (what === undefined) return undefined;
  const top = before.overlays.at(-1);
  assert.ok(top?.kind === "confirm" && message.type === "key", `${what} without a question answered`);
  assert.ok(top.typed === undefined || top.typed.given === top.typed.word, `${what} without its word`);
  assert.ok(top.typed !== undefined || !wantsWord(effect), `${what} for a mere yes`);
  const isAsked = top.then.includes(effect) || ownQuestion(what, top.title);
  assert.ok(isAsked, `${what} by the answer to another question: ${top.title}`);
  return what;
}

/** What destroys wants a word; a run that is called off can be gone on with. */
function wantsWord(effect: Effect): boolean {
  if (effect.do !== "perform") return gravity(effect) === "write over a file";
  const { action, params } = effect;
  return actionSpec(action).risk === "destructive" && (action !== "provision.cancel" || params.undo === true);
}

/** What a screen begins itself when its question was answered: the effect is made then, by a message. */
function ownQuestion(what: string, title: string): boolean {
  return OWN_WORK.some((one) => one === what && title.toLowerCase() === `${one}?`);
}

/** So that an action that is new is looked at here. */
export const GRAVE: readonly ActionId[] = ACTION_IDS.filter((id) =>
  needsConfirmation(id) || ASKED.includes(id)
);
