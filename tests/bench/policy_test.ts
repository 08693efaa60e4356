import assert from "node:assert/strict";
import type { PolicyRevision } from "../../src/core/ids.ts";
import { loadPolicyBytes, MAX_POLICY_BYTES } from "../../policy/load.ts";
import { decisionsPerSecond, largePolicy } from "./policy.ts";

Deno.test("the large policy of the benchmark is valid, without notes, and just below the largest size", () => {
  const bytes = new TextEncoder().encode(largePolicy());
  assert.ok(bytes.length <= MAX_POLICY_BYTES && bytes.length > MAX_POLICY_BYTES * 0.99, String(bytes.length));
  const loaded = loadPolicyBytes(bytes, "p", "none" as PolicyRevision);
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.value.notes, []);
  assert.ok(decisionsPerSecond(loaded.value) > 0);
});
