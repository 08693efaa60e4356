import assert from "node:assert/strict";
import { ok } from "../src/core/result.ts";
import { parseCases, runCase } from "./cases.ts";
import { casesMarkdown, EXAMPLE_CASES, EXAMPLE_POLICY } from "./cases_doc.ts";

Deno.test("docs/policy-cases.md is what the table generates, and its example is true", () => {
  assert.equal(Deno.readTextFileSync(new URL("../docs/policy-cases.md", import.meta.url)), casesMarkdown());
  const parsed = parseCases(EXAMPLE_CASES, "cases.json");
  assert.ok(parsed.ok);
  assert.equal(parsed.value.policy, "rayos-policy.toml");
  const outcomes = parsed.value.cases.map((c) => runCase(c, () => ok(EXAMPLE_POLICY)));
  assert.deepEqual(outcomes.filter((outcome) => !outcome.ok), []);
  assert.equal(outcomes.length, 4);
});
