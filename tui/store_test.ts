import assert from "node:assert/strict";
import type { Message } from "./messages.ts";
import { Store } from "./store.ts";
import { testModel } from "./testing.ts";

const quiet = { changed: () => {}, effect: () => {}, settled: () => {} };

Deno.test("a message that the reducer fails at is said, and the next one is taken", () => {
  const seen: Message["type"][] = [];
  const store = new Store(testModel(), (model, message) => {
    seen.push(message.type);
    if (message.type === "jobs") throw new TypeError("jobs is \u001b[2J not iterable");
    return { model, effects: [] };
  }, quiet);
  store.dispatch({ type: "jobs", jobs: [] });
  store.dispatch({ type: "tick", now: 1 });
  assert.deepEqual(seen, ["jobs", "tick"]);
  assert.deepEqual(store.model.toasts.map(({ text }) => text), [
    "Defect of this UI, nothing was done: jobs: jobs is  not iterable",
  ]);
});

Deno.test("a key and the first answer are drawn at once, what comes by itself is not", () => {
  const urgent: boolean[] = [];
  const store = new Store(testModel(), (model, message) => ({
    model: message.type === "status" ? { ...model, status: message.status } : { ...model },
    effects: [],
  }), { ...quiet, changed: (_, isUrgent) => urgent.push(isUrgent) });
  const status = { type: "status", status: {} } as unknown as Message; // nobody looks into it
  for (
    const message of [
      { type: "tick", now: 1 } as const,
      status,
      status,
      { type: "key", key: { name: "j" } } as const,
    ]
  ) {
    store.dispatch(message);
  }
  assert.deepEqual(urgent, [false, true, false, true]);
});
