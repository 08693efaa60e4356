import assert from "node:assert/strict";
import fc from "fast-check";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { parseFilter, passes } from "./filter.ts";

const RECORD = {
  corr: "c1",
  actor: { kind: "local", claimed: { uid: 1000, command: "vm start" } },
  phase: "refused",
  action: "vm.start",
  vm: "web",
  reasons: [{ rule: "memory_cap", why: "it asks for 8192 MiB; at most 4096 MiB are allowed" }],
} as unknown as AuditRecord; // what a filter looks at

const CASES: readonly (readonly [text: string, passes: boolean])[] = [
  ["", true],
  ["vm=web", true],
  ["vm=we", false],
  ["vm=we*", true],
  ["VM=Web", true],
  ["vm!=web", false],
  ["rule=memory_cap actor=local", true],
  ["rule=memory_cap actor=supervisor", false],
  ['actor="vm start"', true],
  ["actor=uid:1000", true],
  ["action=vm.*", true],
  ["phase=refused", true],
  ["phase!=decided", true],
  ["corr=c1", true],
  ["8192", true],
  ["8193", false],
  ["memory_cap web", true],
  ["vm=", true],
];

for (const [text, expected] of CASES) {
  Deno.test(`the filter '${text}' ${expected ? "lets pass" : "holds back"} a refused start`, () => {
    const parsed = parseFilter(text);
    assert.ok(parsed.ok);
    assert.equal(passes(parsed.filter, RECORD), expected);
  });
}

Deno.test("a field that does not exist is named, with the one that is near", () => {
  assert.deepEqual(parseFilter("rul=memory_cap"), {
    ok: false,
    why: "there is no field 'rul': did you mean rule?",
  });
  assert.match(JSON.stringify(parseFilter("colour=red")), /there are vm, rule, actor, action, phase, corr/);
});

Deno.test("any text is a filter or says why it is none", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const parsed = parseFilter(text);
    if (parsed.ok) assert.equal(typeof passes(parsed.filter, RECORD), "boolean");
    else assert.notEqual(parsed.why, "");
  }));
});
