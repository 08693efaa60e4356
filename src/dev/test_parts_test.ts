import assert from "node:assert/strict";
import fc from "fast-check";
import { planParts } from "./test_parts.ts";

Deno.test("planParts() puts every file into exactly one part, whatever the files are", () => {
  const folder = fc.constantFrom(
    "src/core",
    "src/qmp",
    "policy",
    "tests/e2e",
    "tests/properties",
    "tests",
    "tui/a",
  );
  const file = fc.tuple(folder, fc.stringMatching(/^[a-z]{1,8}$/)).map(([of, name]) =>
    `${of}/${name}_test.ts`
  );
  fc.assert(fc.property(fc.uniqueArray(file, { maxLength: 40 }), (files) => {
    assert.deepEqual(planParts(files).flat().sort(), files.toSorted());
  }));
});

Deno.test("planParts() begins with what takes longest, alone; the quick ones go by their folder", () => {
  const files = [
    "src/core/a_test.ts",
    "src/core/b_test.ts",
    "tests/e2e/audit_test.ts",
    "tests/e2e/provision_test.ts",
  ];
  assert.deepEqual(planParts(files), [
    ["tests/e2e/provision_test.ts"],
    ["tests/e2e/audit_test.ts"],
    ["src/core/a_test.ts", "src/core/b_test.ts"],
  ]);
});
