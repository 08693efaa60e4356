import assert from "node:assert/strict";
import type { Decision } from "../../policy/types.ts";
import { granted } from "./limits.ts";

const ASKED = {
  share: { vcpu: 1, memoryMib: 64, cpuPercent: 40 },
  limits: { memoryMib: 459, cpuPercent: 40, pids: 257 },
};
const ALLOW: Decision = { effect: "allow", reasons: [{ rule: "allowed", why: "" }], obligations: [] };

Deno.test("granted() lowers share and limit to what the decision leaves of the processors, and raises neither", () => {
  assert.deepEqual(granted(ASKED, ALLOW), ASKED);
  const clamped = (toPercent: number) =>
    granted(ASKED, { ...ALLOW, obligations: [{ kind: "confine" }, { kind: "clamp_cpu", toPercent }] });
  assert.deepEqual([clamped(15).share.cpuPercent, clamped(15).limits.cpuPercent], [15, 15]);
  assert.deepEqual([clamped(60).share.cpuPercent, clamped(60).limits.cpuPercent], [40, 40]);
  const builtin = { ...ASKED, share: { ...ASKED.share, cpuPercent: 1 } };
  assert.deepEqual(
    granted(builtin, ALLOW).limits.cpuPercent,
    40,
    "promised 1 percent, it may use what is allowed",
  );
});
