import assert from "node:assert/strict";
import { err, ok } from "../src/core/result.ts";
import {
  coveredRules,
  differenceText,
  parseCases,
  type PolicyCase,
  type PolicyText,
  runCase,
} from "./cases.ts";
import { RULES } from "./rules.ts";
import { POLICY_TEMPLATE } from "./template.ts";

const folder = new URL("./cases/", import.meta.url);
const base = (name: string | undefined): PolicyText => {
  try {
    return name === undefined ? ok(POLICY_TEMPLATE) : ok(Deno.readTextFileSync(new URL(name, folder)));
  } catch {
    return err(`there is no policy ${name}`);
  }
};

/** Cases of the project say all obligations: one that a case leaves out is one that is not there. */
const strict = (c: PolicyCase): PolicyCase => ({ ...c, expect: { obligations: [], ...c.expect } });

const all: PolicyCase[] = [];
for (
  const file of [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) =>
    name.endsWith(".json")
  ).sort()
) {
  const parsed = parseCases(Deno.readTextFileSync(new URL(file, folder)), file);
  if (!parsed.ok) throw new Error(parsed.error.map((p) => p.message).join("\n"));
  all.push(...parsed.value.cases);
  for (const c of parsed.value.cases) {
    Deno.test(`cases/${file}: ${c.name}`, () => {
      const outcome = runCase(strict(c), base);
      if (outcome.ok) return;
      assert.fail(
        "unusable" in outcome
          ? outcome.unusable
          : differenceText(outcome.difference, outcome.actual).join("\n"),
      );
    });
  }
}

Deno.test("every rule has a case, and no two cases of the project have one name", () => {
  const covered = coveredRules(all);
  assert.deepEqual(RULES.map((rule) => rule.id).filter((id) => !covered.has(id)), []);
  assert.equal(new Set(all.map((c) => c.name)).size, all.length);
});

const one = (text: string): PolicyCase => {
  const parsed = parseCases(text, "f");
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.error[0]?.message);
  const [c] = parsed.value.cases;
  assert.ok(c);
  return c;
};
const published = (expect: unknown, more: object = {}) =>
  one(JSON.stringify([{ name: "x", policy: "base/published.toml", ...more, expect }]));

Deno.test("runCase() tells the difference and the reasons of a case that fails", () => {
  const outcome = runCase(published({ effect: "deny", rules: ["vcpu_cap"], obligations: [] }), base);
  assert.ok(!outcome.ok && "difference" in outcome);
  assert.deepEqual(outcome.difference, {
    effect: { expected: "deny", actual: "allow" },
    missingRules: ["vcpu_cap"],
    unexpectedRules: ["allowed"],
    unexpectedObligations: [{ kind: "confine" }],
  });
  assert.deepEqual(differenceText(outcome.difference, outcome.actual), [
    "effect: expected deny, got allow",
    "rules expected, but not given: vcpu_cap",
    "rules given, but not expected: allowed",
    'obligations given, but not expected: {"kind":"confine"}',
    "because allowed: every layer that applies lets it pass",
  ]);
});

Deno.test("runCase() says why a case can't be tried", () => {
  const unusable = (c: PolicyCase) => {
    const outcome = runCase(c, base);
    assert.ok(!outcome.ok && "unusable" in outcome);
    return outcome.unusable;
  };
  const plain = published({ effect: "allow", rules: ["allowed"] });
  assert.equal(unusable({ ...plain, policy: "nowhere" }), "there is no policy nowhere");
  assert.match(unusable({ ...plain, policy: "a\nb", overrides: { x: 1 } }), /can't be changed/);
});

Deno.test("obligations that a case leaves out are not compared; rules are, in any order", () => {
  assert.ok(runCase(published({ effect: "allow", rules: ["allowed"] }), base).ok);
  assert.ok(!runCase(published({ effect: "allow", rules: ["allowed"], obligations: [] }), base).ok);
  const safe = (rules: string[]) => runCase(published({ effect: "deny", rules }, { mode: "safe" }), base).ok;
  assert.deepEqual([safe(["policy_invalid", "safe_mode"]), safe(["safe_mode"])], [true, false]);
});

Deno.test("a case's policy that does not load tells every problem with its line", () => {
  const outcome = runCase(
    one(JSON.stringify([{
      name: "x",
      policy: "version = 0\nlinx = 1\n[limits]\nclamp = 1\n",
      expect: { effect: "allow", rules: ["allowed"] },
    }])),
    base,
  );
  assert.ok(!outcome.ok && "actual" in outcome);
  assert.deepEqual([outcome.actual.effect, outcome.actual.rules], ["invalid", ["policy_invalid"]]);
  assert.match(
    outcome.actual.because.join("\n"),
    /^line 2: linx is an unknown key.*"linux"\?\)\nline 4: limits\.clamp is 1/s,
  );
});

Deno.test("patches with names of a prototype stay data", () => {
  const c = one(
    '[{"name":"x","request":{"guest":{"storage":{"disks":{"__proto__":"../x"}}}},"expect":{"effect":"deny","rules":["path_escape"]}}]',
  );
  assert.ok(runCase(c, base).ok);
  const proto = one(
    '[{"name":"x","overrides":{"__proto__.enabled":true},"expect":{"effect":"invalid","rules":["policy_invalid"]}}]',
  );
  assert.ok(runCase(proto, base).ok);
  assert.equal(Object.hasOwn(Object.prototype, "enabled"), false);
});

Deno.test("overrides keep whole numbers whole and fractions fractions", () => {
  const policy = "version = 0\n[limits]\ncpu_percent = 50\n";
  const effect = (overrides: object) => {
    const made = one(
      JSON.stringify([{ name: "x", policy, overrides, expect: { effect: "allow", rules: [] } }]),
    );
    const outcome = runCase(made, base);
    return "actual" in outcome ? outcome.actual.effect : outcome.unusable;
  };
  assert.equal(effect({ "limits.max_running": 3 }), "deny");
  assert.equal(effect({ "limits.max_running": 3.5 }), "invalid");
  const fraction = one(
    JSON.stringify([{
      name: "x",
      policy: policy.replace("50", "50.0"),
      overrides: { "limits.max_running": 3 },
      expect: { effect: "invalid", rules: ["policy_invalid"] },
    }]),
  );
  assert.ok(runCase(fraction, base).ok);
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
    /cases\[0\]\.expect is missing[\s\S]*did you mean "expect"/,
  );
  assert.match(
    refused('[{"name":"x","policy":"p","expect":{"effect":"deny","rules":["vcpu_cp"]}}]'),
    /did you mean "vcpu_cap"/,
  );
  const request = (request: unknown) =>
    refused(JSON.stringify([{ name: "x", request, expect: { effect: "deny", rules: [] } }]));
  assert.match(request({ action: "vm.strt" }), /"vm.strt", which is no action.*did you mean "vm.start"/);
  assert.match(
    request({ facts: { kwm: false } }),
    /cases\[0\]\.request\.facts\.kwm is an unknown key.*did you mean "kvm"/,
  );
  assert.match(
    request({ guest: { devices: { vcpus: 9 } } }),
    /devices\.vcpus is an unknown key.*did you mean "vcpu"/,
  );
  assert.match(request({ guest: { toString: 9 } }), /toString is an unknown key/);
  assert.match(refused('[{"name":"x","name":"y"}]'), /keys that stand twice: .*name/);
  assert.match(refused("null"), /the document is null; allowed is a table/);
});
