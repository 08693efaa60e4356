import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonObject } from "../core/json.ts";
import {
  initialSession,
  MAX_OVERDUE,
  NEGOTIATION_ID,
  type SessionInput,
  type SessionOutput,
  type SessionState,
  step,
} from "./session.ts";

const GREETING: JsonObject = {
  QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 }, package: "p" }, capabilities: ["oob"] },
};
const message = (m: JsonObject, at = 0): SessionInput => ({ kind: "message", message: m, at });
const request = (id: string, at = 0): SessionInput => ({ kind: "request", id, command: "query-status", at });
const close: SessionInput = { kind: "close", reason: { kind: "ended" } };

function run(inputs: readonly SessionInput[], from: SessionState = initialSession()) {
  let state = from;
  const outputs: SessionOutput[] = [];
  const phases: string[] = [state.phase];
  for (const input of inputs) {
    const next = step(state, input);
    state = next.state;
    outputs.push(...next.outputs);
    if (phases.at(-1) !== state.phase) phases.push(state.phase);
  }
  return { state, outputs, phases };
}

const NEGOTIATED = [message(GREETING), message({ return: {}, id: NEGOTIATION_ID })];
const running = run(NEGOTIATED).state;
const sent = (outputs: readonly SessionOutput[]) =>
  outputs.flatMap((o) => o.kind === "send" ? [JSON.parse(new TextDecoder().decode(o.bytes))] : []);

Deno.test("a session goes connecting, negotiating, running, closed, in this order", () => {
  assert.deepEqual(run([...NEGOTIATED, close]).phases, ["connecting", "negotiating", "running", "closed"]);
});

Deno.test("the greeting is answered by qmp_capabilities, and its version is kept", () => {
  const { outputs } = run(NEGOTIATED);
  assert.deepEqual(sent(outputs), [{ execute: "qmp_capabilities", id: NEGOTIATION_ID }]);
  assert.deepEqual(outputs.at(-1), {
    kind: "running",
    greeting: { version: { major: 7, minor: 2, micro: 22 }, package: "p", capabilities: ["oob"] },
  });
});

Deno.test("events are delivered in every phase before the close", () => {
  const event = message({ event: "STOP", timestamp: { seconds: 1, microseconds: 2000 } });
  const { outputs, phases } = run([
    event,
    message(GREETING),
    event,
    ...NEGOTIATED.slice(1),
    event,
    close,
    event,
  ]);
  assert.deepEqual(phases, ["connecting", "negotiating", "running", "closed"]);
  const events = outputs.filter((o) => o.kind === "event");
  assert.equal(events.length, 3);
  assert.deepEqual(events[0], { kind: "event", event: { name: "STOP", data: {}, at: 1002 } });
});

Deno.test("a negotiation that QEMU refuses closes the session with its reason", () => {
  for (const id of [{ id: NEGOTIATION_ID }, {}]) {
    const { outputs } = run([
      message(GREETING),
      message({ error: { class: "GenericError", desc: "no" }, ...id }),
    ]);
    assert.deepEqual(outputs.at(-1), {
      kind: "closed",
      reason: { kind: "refused", class: "GenericError", desc: "no" },
    });
  }
});

Deno.test("a request before the session runs is settled at once and not sent", () => {
  for (const before of [[], [message(GREETING)]]) {
    const { outputs } = run([...before, request("a")]);
    const last = outputs.at(-1);
    assert.ok(last?.kind === "settle" && last.outcome.kind === "not_running");
    assert.ok(sent(outputs).every((m) => m.id !== "a"));
  }
});

Deno.test("answers are matched by id, also out of order", () => {
  const { outputs } = run([
    request("a"),
    request("b"),
    message({ return: 2, id: "b" }),
    message({ return: 1, id: "a" }),
  ], running);
  const settled = outputs.flatMap((o) => o.kind === "settle" ? [[o.id, o.outcome]] : []);
  assert.deepEqual(settled, [["b", { kind: "value", value: 2 }], ["a", { kind: "value", value: 1 }]]);
});

Deno.test("an error of QEMU settles its command with class and text", () => {
  const { outputs } = run(
    [request("a"), message({ error: { class: "DeviceNotFound", desc: "x" }, id: "a" })],
    running,
  );
  assert.deepEqual(outputs.at(-1), {
    kind: "settle",
    id: "a",
    command: "query-status",
    outcome: { kind: "error", class: "DeviceNotFound", desc: "x" },
  });
});

Deno.test("a time-out is outcome_unknown, and the late answer is reported once with its delay", () => {
  const { outputs, state } = run([
    request("a", 100),
    { kind: "timeout", id: "a" },
    message({ return: 7, id: "a" }, 350),
    message({ return: 7, id: "a" }, 400),
  ], running);
  assert.deepEqual(outputs.slice(1), [
    { kind: "settle", id: "a", command: "query-status", outcome: { kind: "outcome_unknown" } },
    { kind: "late", id: "a", command: "query-status", afterMs: 250, reply: { kind: "value", value: 7 } },
    { kind: "anomaly", anomaly: { kind: "unknown_id", id: "a" } },
  ]);
  assert.equal(state.overdue.size, 0);
});

Deno.test("a time-out after the answer does nothing", () => {
  const { outputs } = run(
    [request("a"), message({ return: 1, id: "a" }), { kind: "timeout", id: "a" }],
    running,
  );
  assert.equal(outputs.length, 2);
});

Deno.test("only so many overdue commands are remembered", () => {
  const inputs = Array.from(
    { length: MAX_OVERDUE + 10 },
    (_, i) => [request(`r${i}`), { kind: "timeout", id: `r${i}` } as const],
  );
  const { state } = run(inputs.flat(), running);
  assert.equal(state.overdue.size, MAX_OVERDUE);
  assert.ok(!state.overdue.has("r9") && state.overdue.has("r10"));
});

Deno.test("a close settles every pending command, then says closed, once", () => {
  const { outputs } = run([
    request("a"),
    request("b"),
    close,
    { kind: "close", reason: { kind: "closed" } },
    request("c"),
  ], running);
  assert.deepEqual(outputs.slice(2).map((o) => o.kind === "settle" ? [o.id, o.outcome] : o.kind), [
    ["a", { kind: "disconnected", sent: true, reason: { kind: "ended" } }],
    ["b", { kind: "disconnected", sent: true, reason: { kind: "ended" } }],
    "closed",
    ["c", { kind: "disconnected", sent: false, reason: { kind: "ended" } }],
  ]);
});

Deno.test("what a correct QEMU would not send is reported and changes nothing", () => {
  const cases: [JsonObject, string][] = [
    [{ return: 1, id: "nobody" }, "unknown_id"],
    [{ return: 1, id: 5 }, "unknown_id"],
    [{ return: 1, id: null }, "unknown_id"],
    [{ return: 1 }, "reply_without_id"],
    [{ error: { class: "GenericError", desc: "stray" } }, "error_without_id"],
    [GREETING, "unexpected_greeting"],
    [{}, "unknown_message"],
    [{ event: 5 }, "unknown_message"],
    [{ error: "text" }, "unknown_message"],
    [{ ["__proto__"]: {}, hasOwnProperty: 1 }, "unknown_message"],
  ];
  for (const [received, kind] of cases) {
    const { state, outputs } = step(running, message(received));
    assert.deepEqual(outputs.map((o) => o.kind === "anomaly" ? o.anomaly.kind : o.kind), [kind]);
    assert.equal(state, running);
  }
});

Deno.test("an id that is in use is reported and the first request keeps its answer", () => {
  const { outputs } = run([request("a"), request("a"), message({ return: 1, id: "a" })], running);
  assert.deepEqual(outputs.map((o) => o.kind), ["send", "anomaly", "settle"]);
});

const ids = fc.constantFrom("a", "b", "c", "d", NEGOTIATION_ID);
const anyMessage: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constant(GREETING),
  ids.map((id) => ({ return: {}, id })),
  ids.map((id) => ({ error: { class: "GenericError", desc: "d" }, id })),
  fc.constant({ error: { class: "GenericError", desc: "stray" } }),
  fc.constant({ event: "RESUME" }),
  // Any other object that JSON can carry.
  fc.dictionary(fc.string(), fc.jsonValue()).map((d): JsonObject => JSON.parse(JSON.stringify(d))),
);
const anyInput: fc.Arbitrary<SessionInput> = fc.oneof(
  { weight: 4, arbitrary: anyMessage.map((m) => message(m)) },
  { weight: 4, arbitrary: ids.map((id) => request(id)) },
  { weight: 2, arbitrary: ids.map((id) => ({ kind: "timeout", id }) as const) },
  { weight: 1, arbitrary: fc.constant(close) },
  {
    weight: 1,
    arbitrary: fc.constant(
      { kind: "problem", problem: { kind: "not_json", bytes: 1, sample: "x" } } as const,
    ),
  },
);

Deno.test("every request that was taken settles exactly once, whatever comes in whatever order", () => {
  fc.assert(
    fc.property(fc.array(anyInput, { maxLength: 60 }), fc.boolean(), (inputs, negotiated) => {
      let state = negotiated ? running : initialSession();
      let taken = 0, settled = 0, closed = 0;
      for (const input of [...inputs, close]) {
        const next = step(state, input);
        const refused = next.outputs.some((o) =>
          o.kind === "anomaly" && o.anomaly.kind === "duplicate_request"
        );
        if (input.kind === "request" && !refused) taken++;
        settled += next.outputs.filter((o) => o.kind === "settle").length;
        closed += next.outputs.filter((o) => o.kind === "closed").length;
        assert.equal(taken - settled, next.state.pending.size);
        state = next.state;
      }
      assert.equal(settled, taken);
      assert.equal(closed, 1);
    }),
    { numRuns: 500 },
  );
});

Deno.test("step() never changes the state that it was given", () => {
  fc.assert(fc.property(fc.array(anyInput, { maxLength: 20 }), anyInput, (inputs, last) => {
    const { state } = run(inputs, running);
    const before = structuredClone(state);
    step(state, last);
    assert.deepEqual(state, before);
  }));
});
