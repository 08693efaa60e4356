import assert from "node:assert/strict";
import { ACTION_IDS, actionSpec } from "../actions/table.ts";
import { Failure } from "../core/problem.ts";
import { isRecorded, parseParams, recordedParams, unparsedParams } from "./asking.ts";

Deno.test("every action that policy is asked about, or that has a risk, is recorded; looking is not", () => {
  for (const id of ACTION_IDS) {
    const { method, policy } = actionSpec(id);
    if (policy !== null) assert.ok(isRecorded(id), id);
    if (method === "GET") assert.ok(!isRecorded(id), id);
  }
  assert.ok(isRecorded("supervisor.stop"));
});

Deno.test("recordedParams() gives every value but the secret ones, of which it gives the names", () => {
  const params = { id: "g1", text: "hunter2", keys: undefined, count: 3 };
  assert.deepEqual(recordedParams("vm.start", params, { "vm.start": ["text", "keys"] }), {
    vm: "g1",
    params: { count: 3 },
    masked: ["text"],
  });
  assert.deepEqual(recordedParams("vm.start", { id: "g1", wait: "ready" }), {
    vm: "g1",
    params: { wait: "ready" },
    masked: [],
  });
});

Deno.test("unparsedParams() gives names alone: any value of a request that is not understood may be a secret", () => {
  const given = unparsedParams({ id: "g1", pasword: "hunter2", "x\n\u001b[2J": 1 });
  assert.deepEqual(given, {
    vm: "g1",
    params: { names: ["id", "pasword", "x "] },
    masked: ["id", "pasword", "x "],
  });
  assert.doesNotMatch(JSON.stringify(given), /hunter2/);
  assert.deepEqual(unparsedParams("text"), { params: { names: [] }, masked: [] });
  assert.equal(unparsedParams({ id: "../../etc" }).vm, undefined);
});

Deno.test("parseParams() says what is wrong, briefly", () => {
  const wrong = { id: "g1", ["x".repeat(100_000)]: 1 };
  assert.throws(() => parseParams("vm.start", wrong), (error) => {
    assert.ok(error instanceof Failure && error.code === "usage");
    assert.ok(error.message.length < 2000);
    return true;
  });
});
