import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonObject } from "../core/json.ts";
import {
  type AgentInput,
  type AgentMode,
  type AgentOutput,
  type AgentState,
  agentStep,
  initialAgentState,
  MAX_STRAYS,
  MAX_UNANSWERED_SYNCS,
} from "./session.ts";

let nonces = 1000;
const request = (key: number, mode: AgentMode = "answer"): AgentInput => ({
  kind: "request",
  request: { key, mode, command: `command-${key}` },
  nonce: nonces++,
});
const message = (m: JsonObject): AgentInput => ({ kind: "message", message: m, nonce: nonces++ });
const timeout = (key: number): AgentInput => ({ kind: "timeout", key, nonce: nonces++ });
const noise: AgentInput = { kind: "problem", problem: { kind: "not_json", bytes: 3, sample: "x" }, nonce: 1 };
const restarted = (): AgentInput => ({ kind: "restarted", nonce: nonces++ });
const close: AgentInput = { kind: "close", reason: { kind: "ended" } };

class Driver {
  state: AgentState = initialAgentState();
  outputs: AgentOutput[] = [];

  put(...inputs: AgentInput[]): this {
    for (const input of inputs) {
      const { state, outputs } = agentStep(this.state, input);
      this.state = state;
      this.outputs.push(...outputs);
    }
    return this;
  }

  /** The guest answers the newest synchronisation. */
  sync(): this {
    assert.ok(this.state.syncId !== undefined);
    return this.put(message({ return: this.state.syncId }));
  }

  /** What went out; a synchronisation with 0xFF as `sync`, one without as `sync in step`. */
  get sent(): string[] {
    return this.outputs.flatMap((o) => {
      if (o.kind !== "send") return [];
      const anew = o.bytes[0] === 0xff;
      const { execute } = JSON.parse(new TextDecoder().decode(anew ? o.bytes.subarray(1) : o.bytes));
      if (execute === "guest-sync-delimited") return [anew ? "sync" : "sync in step"];
      return [execute];
    });
  }

  get settled(): string[] {
    return this.outputs.flatMap((o) => o.kind === "settle" ? [`${o.request.key}:${o.outcome.kind}`] : []);
  }

  get strays(): number {
    return this.outputs.filter((o) => o.kind === "stray").length;
  }
}

Deno.test("the first command waits for a synchronisation, the next does not", () => {
  const d = new Driver().put(request(1));
  assert.deepEqual(d.sent, ["sync"]);
  d.sync().put(message({ return: {} }), request(2));
  assert.deepEqual(d.sent, ["sync", "command-1", "command-2"]);
  assert.deepEqual(d.settled, ["1:value"]);
});

Deno.test("one command is under way at a time, the rest queue in order", () => {
  const d = new Driver().put(request(1), request(2), request(3)).sync();
  assert.deepEqual(d.sent, ["sync", "command-1"]);
  d.put(message({ return: 1 }), message({ return: 2 }), message({ return: 3 }));
  assert.deepEqual(d.sent, ["sync", "command-1", "command-2", "command-3"]);
  assert.deepEqual(d.settled, ["1:value", "2:value", "3:value"]);
});

Deno.test("what comes before the answer to the synchronisation is thrown away", () => {
  const d = new Driver().put(
    request(1),
    message({ return: "old" }),
    message({ error: { desc: "stray" } }),
    noise,
  );
  assert.deepEqual([d.settled, d.strays], [[], 3]);
  d.sync().put(message({ return: "new" }));
  assert.deepEqual(d.settled, ["1:value"]);
});

Deno.test("after a time-out the late answer is not taken for that of the next command", () => {
  const d = new Driver().put(request(1)).sync().put(timeout(1), request(2));
  assert.deepEqual(d.settled, ["1:outcome_unknown"]);
  assert.deepEqual(d.sent, ["sync", "command-1", "sync"]);
  d.put(message({ return: "late" })).sync().put(message({ return: "right" }));
  assert.deepEqual(d.settled, ["1:outcome_unknown", "2:value"]);
  assert.deepEqual(d.outputs.at(-1), {
    kind: "settle",
    request: { key: 2, mode: "answer", command: "command-2" },
    outcome: { kind: "value", value: "right" },
  });
});

Deno.test("only the newest synchronisation counts", () => {
  const d = new Driver().put(request(1));
  const old = d.state.syncId;
  d.put(timeout(1), request(2));
  assert.notEqual(d.state.syncId, old);
  d.put(message({ return: old ?? null }));
  assert.deepEqual(d.sent, ["sync", "sync"]);
  d.sync();
  assert.deepEqual(d.sent, ["sync", "sync", "command-2"]);
});

Deno.test("a command whose synchronisation is not answered was certainly not sent", () => {
  const d = new Driver().put(request(1), request(2), timeout(2), timeout(1));
  assert.deepEqual(d.settled, ["2:unresponsive", "1:unresponsive"]);
  assert.deepEqual(d.sent, ["sync"]);
});

Deno.test("an agent that never answers is sent a bounded number of synchronisations", () => {
  const d = new Driver();
  for (let key = 1; key <= 100; key++) d.put(request(key), timeout(key));
  assert.equal(d.sent.length, MAX_UNANSWERED_SYNCS);
  d.put(request(101)).sync();
  assert.equal(d.sent.at(-1), "command-101");
});

Deno.test("an agent that was started anew is asked again, and what was sent before is unknown", () => {
  const d = new Driver();
  for (let key = 1; key <= MAX_UNANSWERED_SYNCS; key++) d.put(request(key), timeout(key));
  d.put(request(50), restarted()).sync();
  assert.deepEqual(d.sent.slice(-2), ["sync", "command-50"]);
  d.put(restarted());
  assert.equal(d.settled.at(-1), "50:outcome_unknown");
});

Deno.test("a command that answers only errors is accepted when the synchronisation after it is answered", () => {
  const d = new Driver().put(request(1, "answer_on_error")).sync();
  assert.deepEqual(d.sent, ["sync", "command-1", "sync in step"]);
  assert.deepEqual(d.settled, []);
  d.sync().put(request(2));
  assert.deepEqual(d.settled, ["1:value"]);
  assert.deepEqual(d.sent.at(-1), "command-2");
});

Deno.test("a command that answers only errors fails by its error, and the session stays in step", () => {
  const d = new Driver().put(request(1, "answer_on_error"), request(2)).sync();
  d.put(message({ error: { class: "GenericError", desc: "no" } }));
  assert.deepEqual(d.settled, ["1:error"]);
  assert.deepEqual(d.sent, ["sync", "command-1", "sync in step"]);
  d.sync();
  assert.deepEqual(d.sent, ["sync", "command-1", "sync in step", "command-2"]);
});

Deno.test("a request for a synchronisation alone settles with its answer", () => {
  const d = new Driver().put(request(1, "sync")).sync().put(request(2, "sync"));
  assert.deepEqual([d.sent, d.settled], [["sync", "sync"], ["1:value"]]);
  d.sync();
  assert.deepEqual(d.settled, ["1:value", "2:value"]);
});

Deno.test("noise instead of an answer is a bad answer, and the next command synchronises first", () => {
  for (const bad of [noise, message({}), message({ event: "X" })]) {
    const d = new Driver().put(request(1)).sync().put(bad, request(2));
    assert.deepEqual(d.settled, ["1:bad_answer"]);
    assert.deepEqual(d.sent, ["sync", "command-1", "sync"]);
  }
});

Deno.test("a flood of unasked messages ends the session and settles what waits", () => {
  const d = new Driver().put(request(1));
  for (let i = 0; i <= MAX_STRAYS; i++) d.put(i % 2 ? noise : message({ return: i }));
  assert.deepEqual(d.settled, ["1:disconnected"]);
  assert.deepEqual(d.outputs.at(-1), { kind: "closed", reason: { kind: "flooded", strays: MAX_STRAYS + 1 } });
});

Deno.test("a close tells of each request whether it was sent", () => {
  const d = new Driver().put(request(1)).sync().put(request(2), close, close, request(3));
  const sent = d.outputs.flatMap((o) =>
    o.kind === "settle" && o.outcome.kind === "disconnected" ? [o.outcome.sent] : []
  );
  assert.deepEqual(sent, [true, false, false]);
  assert.equal(d.outputs.filter((o) => o.kind === "closed").length, 1);
});

const keys = fc.integer({ min: 1, max: 5 });
type Act = (d: Driver, fresh: () => number) => AgentInput;
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<AgentMode>("answer", "answer_on_error", "sync").map(
      (mode): Act => (_, fresh) => request(fresh(), mode),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Act>((d) => message({ return: d.state.syncId ?? 0 })) },
  {
    weight: 3,
    arbitrary: fc.dictionary(fc.constantFrom("return", "error", "event", "id"), fc.jsonValue()).map(
      (m): Act => () => message(JSON.parse(JSON.stringify(m))),
    ),
  },
  { weight: 2, arbitrary: keys.map((k): Act => () => timeout(k)) },
  { weight: 1, arbitrary: fc.constant<Act>(() => noise) },
  { weight: 1, arbitrary: fc.constant<Act>(() => restarted()) },
  { weight: 1, arbitrary: fc.constant<Act>(() => close) },
);

Deno.test("every request settles exactly once, and at most one command is under way, whatever the guest sends", () => {
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 60 }), (acts) => {
      const d = new Driver();
      let next = 1;
      for (const act of acts) {
        const before = d.sent.filter((s) => !s.startsWith("sync")).length;
        d.put(act(d, () => next++));
        assert.ok(d.sent.filter((s) => !s.startsWith("sync")).length - before <= 1);
        assert.ok(d.state.unansweredSyncs <= MAX_UNANSWERED_SYNCS + 1);
      }
      d.put(close);
      const settled = d.settled.map((s) => Number(s.split(":")[0])).sort((a, b) => a - b);
      assert.deepEqual(settled, Array.from({ length: next - 1 }, (_, i) => i + 1));
    }),
    { numRuns: 500 },
  );
});
