import assert from "node:assert/strict";
import { coveredRules, parseCases, type PolicyCase, runCase } from "./cases.ts";
import { POLICY_TEMPLATE } from "./template.ts";
import { RULES } from "./rules.ts";

const folder = new URL("./cases/", import.meta.url);
const base = (name: string): string | undefined => {
  if (name === "template") return POLICY_TEMPLATE;
  try {
    return Deno.readTextFileSync(new URL(`base/${name}.toml`, folder));
  } catch {
    return undefined;
  }
};

const all: PolicyCase[] = [];
for (
  const file of [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) =>
    name.endsWith(".json")
  ).sort()
) {
  const cases = parseCases(Deno.readTextFileSync(new URL(file, folder)), file);
  if (!cases.ok) throw new Error(cases.error.map((p) => p.message).join("\n"));
  all.push(...cases.value);
  for (const c of cases.value) {
    Deno.test(`cases/${file}: ${c.name}`, () => {
      const outcome = runCase(c, base);
      if (!outcome.ok) assert.fail(outcome.difference.join("\n"));
    });
  }
}

Deno.test("every rule but the default of unknown actions has a case", () => {
  const covered = coveredRules(all);
  assert.deepEqual(RULES.map((rule) => rule.id).filter((id) => !covered.has(id)), ["no_rule"]);
});

Deno.test("runCase() tells the difference and the reasons of a case that fails", () => {
  const parsed = parseCases(
    '[{"name":"x","policy":"published","expect":{"effect":"deny","rules":["vcpu_cap"]}}]',
    "f",
  );
  assert.ok(parsed.ok);
  const [c] = parsed.value;
  assert.ok(c);
  const outcome = runCase(c, base);
  assert.ok(!outcome.ok);
  assert.match(
    outcome.difference.join("\n"),
    /effect: expected "deny", got "allow"\nrules: expected \["vcpu_cap"\], got \["allowed"\]/,
  );
  const missing = runCase({ ...c, policy: "nowhere" }, base);
  assert.ok(!missing.ok && /no policy "nowhere"/.test(missing.difference.join()));
});

Deno.test("parseCases() refuses unknown keys, rules and what is not JSON", () => {
  const refused = (text: string) => {
    const parsed = parseCases(text, "f.json");
    assert.ok(!parsed.ok);
    return parsed.error.map((p) => `${p.message} ${p.hint ?? ""}`).join("\n");
  };
  assert.match(refused("{"), /not JSON/);
  assert.match(
    refused('[{"name":"x","policy":"p","expekt":{}}]'),
    /\[0\]\.expect is missing[\s\S]*did you mean "expect"/,
  );
  assert.match(
    refused('[{"name":"x","policy":"p","expect":{"effect":"deny","rules":["vcpu_cp"]}}]'),
    /did you mean "vcpu_cap"/,
  );
});
