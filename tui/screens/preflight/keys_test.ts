import assert from "node:assert/strict";
import type { CheckReport } from "../../../src/preflight/types.ts";
import { Driver, testModel } from "../../testing.ts";
import { own } from "./state.ts";

const HEADS = ["host.os", "kvm.proven"].map((id) => ({
  ...{ id, title: id, why: "It matters." },
  group: id.startsWith("host") ? "host" as const : "kvm" as const,
}));

function result(check_id: string, status: CheckReport["status"], remediation = ""): CheckReport {
  const group = check_id.startsWith("host") ? "host" : "kvm";
  return {
    ...{ check_id, status, details: "found this", remediation, group, title: check_id, why: "It matters." },
    ...{ blocking: false, took_ms: 10 },
  };
}

const works = (d: Driver) => d.effects.flatMap((effect) => effect.do === "screen" ? [effect.work] : []);

Deno.test("checks are looked at, run again one by one or all, cancelled, and turned to the other kind by keys", () => {
  const d = new Driver(testModel({ screen: "guests" })).press("3");
  assert.deepEqual(works(d), [{ kind: "run", number: 1, profile: "windows" }]);
  d.send(own({ kind: "listed", number: 1, rows: HEADS }));
  assert.match(d.frame(), /0 of 2 checks/);
  d.press("r", "enter", "w");
  assert.equal(works(d).length, 1, "not while they run");
  d.send(
    own({ kind: "ended", number: 1, result: result("host.os", "PASS") }),
    own({ kind: "ended", number: 1, result: result("kvm.proven", "FAIL", "modprobe kvm_intel") }),
    own({ kind: "over", number: 1, tookMs: 900 }),
  );
  assert.match(d.frame(), /^modprobe kvm_intel$/m, "the remedy stands on a line of its own");
  d.press("enter");
  assert.deepEqual(works(d).at(-1), { kind: "run", number: 2, profile: "windows", only: "kvm.proven" });
  d.press("x");
  assert.deepEqual(d.effects.at(-1), { do: "stop_work", screen: "preflight" });
  d.press("w");
  assert.deepEqual(works(d).at(-1), { kind: "run", number: 4, profile: "linux" });
  d.press("n");
  assert.deepEqual([d.model.screen, d.model.screens.provision.mode.kind], ["provision", "id"]);
});
