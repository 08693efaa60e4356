import assert from "node:assert/strict";
import fc from "fast-check";
import { GUEST_STATES, type GuestState, hasProcess, type PauseReason } from "../lifecycle/states.ts";
import { type QmpEvent, SHUTDOWN_REASONS } from "../qmp/events.ts";
import { missedEvents, MOST_RESETS, react, type Reaction, type ReactionFacts } from "./reactions.ts";

const facts = (more: Partial<ReactionFacts> = {}): ReactionFacts => ({
  state: "running",
  pauseReason: undefined,
  stall: undefined,
  pauseAsked: false,
  onPanic: "pause",
  onWatchdog: "pause",
  recentResets: 0,
  crashKernelSaid: false,
  ...more,
});

/** A reaction in few words, for tables. */
function words(reaction: Reaction): string {
  switch (reaction.kind) {
    case "apply":
      return `apply ${reaction.event}`;
    case "paused_by":
      return `paused by ${reaction.reason ?? "nothing"}`;
    case "say":
      return [`say ${reaction.event}`, ...Object.values(reaction.fields)].join(" ");
    case "failed":
      return `${reaction.failing} (${reaction.reason}): ${reaction.deed}, then ${reaction.then}${
        reaction.note ? ", noted" : ""
      }`;
    case "expect_crash":
      return `expect crash ${reaction.failing}`;
    case "agent_port":
      return `agent port ${reaction.open ? "open" : "closed"}`;
    case "crash_kernel":
      return `crash kernel ${reaction.runs ? "runs" : "gone"}`;
    case "io_error":
      return `io error of ${reaction.error.device}`;
    case "stall_over":
      return "stall over";
    case "look_at_space":
      return "look at space";
    case "expect_end":
      return "expect end";
  }
}
const told = (event: QmpEvent, more: Partial<ReactionFacts> = {}) => react(event, facts(more)).map(words);

const STOP: QmpEvent = { name: "STOP", data: {} };
const RESUME: QmpEvent = { name: "RESUME", data: {} };
const panicked = (action = "pause", type?: string): QmpEvent => ({
  name: "GUEST_PANICKED",
  data: { action, ...(type === undefined ? {} : { info: { type } }) },
});
const watchdog: QmpEvent = { name: "WATCHDOG", data: { action: "pause" } };
const shutdown = (guest: boolean, reason: typeof SHUTDOWN_REASONS[number]): QmpEvent => ({
  name: "SHUTDOWN",
  data: { guest, reason },
});
const reset = (guest: boolean): QmpEvent => ({
  name: "RESET",
  data: { guest, reason: guest ? "guest-reset" : "host-qmp-system-reset" },
});
const WITH_PROCESS = GUEST_STATES.filter(hasProcess);

Deno.test("a guest without a process reacts to nothing, whatever comes late", () => {
  const late = [STOP, RESUME, panicked(), watchdog, shutdown(true, "guest-shutdown"), reset(true)] as const;
  for (const state of GUEST_STATES.filter((one) => !hasProcess(one))) {
    for (const event of late) {
      assert.deepEqual(told(event, { state, onPanic: "reset", onWatchdog: "stop" }), []);
    }
  }
});

Deno.test("STOP pauses, and says why", () => {
  const reasons: readonly (readonly [Partial<ReactionFacts>, PauseReason])[] = [
    [{}, "unknown"],
    [{ pauseAsked: true }, "operator"],
    [{ pauseReason: "panic" }, "panic"],
    [{ pauseReason: "watchdog", pauseAsked: true }, "watchdog"],
    [{ pauseReason: "tpm_lost", stall: "no_space" }, "tpm_lost"],
    [{ stall: "no_space" }, "no_space"],
    [{ stall: "io_error", pauseAsked: true }, "io_error"],
  ];
  for (const [more, reason] of reasons) {
    assert.deepEqual(told(STOP, more), [
      "apply paused",
      `paused by ${reason}`,
      `say pause ${reason}`,
      "look at space",
    ]);
  }
});

Deno.test("STOP on the way to a guest's end or to its saved state is no pause; where it means nothing, nothing follows", () => {
  for (const state of ["stopping", "suspending"] as const) {
    assert.deepEqual(told(STOP, { state }), ["apply paused"]);
  }
  for (const state of ["starting", "resuming"] as const) assert.deepEqual(told(STOP, { state }), []);
});

Deno.test("RESUME ends a pause, its reason and what kept the guest from going on; in any other state it is no resume", () => {
  for (const state of WITH_PROCESS) {
    const over = ["stall over", "paused by nothing"];
    assert.deepEqual(
      told(RESUME, { state, pauseReason: "no_space", stall: "no_space" }),
      state === "paused" ? ["apply resumed", ...over, "say resume"] : over,
    );
  }
});

Deno.test("an error of a disk is handed on in every state", () => {
  const data = {
    device: "disk0",
    operation: "write",
    action: "stop",
    nospace: true,
    reason: "full",
  } as const;
  for (const state of WITH_PROCESS) {
    assert.deepEqual(told({ name: "BLOCK_IO_ERROR", data }, { state }), ["io error of disk0"]);
  }
});

Deno.test("RESET is said where the guest did it; a failed guest that was reset has failed no more", () => {
  assert.deepEqual(told(reset(true)), ["crash kernel gone", "say reset guest-reset"]);
  assert.deepEqual(told(reset(false)), ["crash kernel gone"]);
  for (const pauseReason of ["panic", "watchdog"] as const) {
    assert.deepEqual(told(reset(false), { state: "paused", pauseReason }), [
      "crash kernel gone",
      "paused by operator",
    ]);
  }
  for (const pauseReason of ["operator", "no_space", "io_error", "tpm_lost"] as const) {
    assert.deepEqual(told(reset(false), { state: "paused", pauseReason }), ["crash kernel gone"]);
  }
});

Deno.test("SHUTDOWN: each cause in each state", () => {
  const byGuest = (reason: string) => ["expect end", "apply guest_shutdown", `say stop guest ${reason}`];
  const outside = (
    step: string,
    reason: string,
  ) => ["expect end", "apply stop", `say stop ${step} ${reason}`];
  const table: readonly (readonly [boolean, typeof SHUTDOWN_REASONS[number], readonly string[]])[] = [
    [true, "guest-shutdown", byGuest("guest-shutdown")],
    [true, "guest-reset", byGuest("guest-reset")],
    [true, "guest-panic", ["expect crash panic"]],
    [false, "guest-panic", ["expect crash panic"]],
    [false, "host-error", []],
    [false, "host-signal", outside("signal", "host-signal")],
    [false, "host-qmp-quit", outside("quit", "host-qmp-quit")],
    [false, "host-qmp-system-reset", outside("quit", "host-qmp-system-reset")],
  ];
  for (const [guest, reason, wanted] of table) {
    for (const state of WITH_PROCESS) {
      const isExpected = state === "stopping" || state === "suspending";
      const orderly = wanted[0] === "expect end";
      assert.deepEqual(
        told(shutdown(guest, reason), { state }),
        isExpected && orderly ? ["expect end"] : wanted,
        `${reason} of a guest that is ${state}`,
      );
    }
  }
});

for (
  const [event, failing, reason, key] of [
    [panicked(), "panic", "guest-panic", "onPanic"],
    [watchdog, "watchdog", "watchdog", "onWatchdog"],
  ] as const
) {
  Deno.test(`${failing}: each policy in each state`, () => {
    for (const state of WITH_PROCESS) {
      for (const policy of ["pause", "stop", "reset"] as const) {
        const wanted = state === "stopping" ? "quit, then stop" : {
          pause: "none, then pause",
          stop: "stop, then stop",
          reset: "reset, then reset",
        }[policy];
        assert.deepEqual(
          told(event, { state, [key]: policy }),
          [`paused by ${failing}`, `${failing} (${reason}): ${wanted}`],
          `${policy} of a guest that is ${state}`,
        );
      }
    }
  });

  Deno.test(`${failing}: a guest that fails again and again is left standing, and it is noted`, () => {
    const last = { [key]: "reset", recentResets: MOST_RESETS - 1 };
    assert.deepEqual(told(event, last)[1], `${failing} (${reason}): reset, then reset`);
    const more = { [key]: "reset", recentResets: MOST_RESETS };
    assert.deepEqual(told(event, more)[1], `${failing} (${reason}): none, then pause, noted`);
    assert.deepEqual(told(event, { ...more, [key]: "stop" })[1], `${failing} (${reason}): stop, then stop`);
  });
}

Deno.test("a panic that QEMU does not pause for is paused by the supervisor, or is the end that QEMU makes of it", () => {
  assert.deepEqual(told(panicked("run")), ["paused by panic", "panic (guest-panic): pause, then pause"]);
  assert.deepEqual(told(panicked("run"), { onPanic: "stop" }), [
    "paused by panic",
    "panic (guest-panic): stop, then stop",
  ]);
  assert.deepEqual(told(panicked("poweroff"), { onPanic: "reset" }), [
    "panic (guest-panic): none, then stop",
    "expect crash panic",
  ]);
  assert.match(told(panicked("pause", "hyper-v"))[1] ?? "", /\(hyper-v\)/);
});

Deno.test("a crash kernel is told of once a boot and let run, whatever policy says", () => {
  const event: QmpEvent = { name: "GUEST_CRASHLOADED", data: { action: "run" } };
  for (const onPanic of ["pause", "stop", "reset"] as const) {
    assert.deepEqual(told(event, { onPanic }), [
      "crash kernel runs",
      "panic (crash-kernel): none, then none",
    ]);
    assert.deepEqual(told(event, { onPanic, crashKernelSaid: true }), []);
  }
});

Deno.test("only the guest agent's own port is the agent's", () => {
  const port = (id: string, open: boolean): QmpEvent => ({ name: "VSERPORT_CHANGE", data: { id, open } });
  assert.deepEqual(told(port("agent0", true)), ["agent port open"]);
  assert.deepEqual(told(port("agent0", false)), ["agent port closed"]);
  assert.deepEqual(told(port("other", true)), []);
});

Deno.test("what QEMU said while nobody listened follows from how the guest has failed", () => {
  assert.deepEqual(missedEvents("panic").map(({ name }) => name), ["GUEST_PANICKED", "STOP"]);
  assert.deepEqual(missedEvents("watchdog").map(({ name }) => name), ["WATCHDOG", "STOP"]);
});

Deno.test("whatever comes in whatever state, a guest is never let run on by a reaction, and policy's word is kept", () => {
  const event = fc.constantFrom<QmpEvent>(
    STOP,
    RESUME,
    reset(true),
    reset(false),
    panicked(),
    panicked("run"),
    panicked("poweroff"),
    watchdog,
    { name: "other", wireName: "NEW", data: {} },
    { name: "POWERDOWN", data: {} },
    ...SHUTDOWN_REASONS.flatMap((reason) => [shutdown(true, reason), shutdown(false, reason)]),
  );
  const pauses: readonly (PauseReason | undefined)[] = [
    undefined,
    "operator",
    "panic",
    "watchdog",
    "no_space",
  ];
  const policy = fc.constantFrom("pause" as const, "stop" as const, "reset" as const);
  const anyFacts = fc.record({
    state: fc.constantFrom<GuestState>(...GUEST_STATES),
    pauseReason: fc.constantFrom(...pauses),
    stall: fc.constantFrom(undefined, "no_space" as const, "io_error" as const),
    pauseAsked: fc.boolean(),
    onPanic: policy,
    onWatchdog: policy,
    recentResets: fc.nat(10),
    crashKernelSaid: fc.boolean(),
  });
  fc.assert(fc.property(event, anyFacts, (one, known) => {
    for (const reaction of react(one, known)) {
      if (reaction.kind !== "failed") continue;
      const asked = reaction.failing === "panic" ? known.onPanic : known.onWatchdog;
      if (reaction.deed === "reset") assert.equal(asked, "reset");
      if (reaction.deed === "stop") assert.equal(asked, "stop");
      if (reaction.deed === "quit") assert.equal(known.state, "stopping");
    }
  }));
});
