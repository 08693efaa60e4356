import assert from "node:assert/strict";
import { POLICY_TEMPLATE } from "../../policy/template.ts";
import { faultOfLoaded } from "./fuzz_oracle.ts";
import { type Input, Inputs, minimise, probe } from "./fuzz_policy.ts";
import { REGISTRY_SEED } from "./fuzz_seed.ts";

const base = new URL("../../policy/cases/base/", import.meta.url);
const texts = ["full", "published"].map((name) => Deno.readTextFileSync(new URL(`${name}.toml`, base)));
const policy = (text: string): Input => ({ target: "policy", bytes: new TextEncoder().encode(text) });

Deno.test("thousands of mutated policies and registries: nothing throws, nothing faulty loads, all that loads decides", () => {
  const inputs = new Inputs([...texts, POLICY_TEMPLATE], REGISTRY_SEED, 20_260_101);
  const seen = { loaded: 0, refused: 0, decisions: 0 };
  for (let i = 0; i < 8000; i++) {
    const input = inputs.next();
    const outcome = probe(input, true);
    assert.equal(outcome.broken, undefined, new TextDecoder().decode(input.bytes));
    seen[outcome.loaded ? "loaded" : "refused"]++;
    seen.decisions += outcome.decisions;
  }
  // A generator that makes only one sort of input proves nothing.
  assert.ok(seen.loaded > 200 && seen.refused > 2000 && seen.decisions > 2000, JSON.stringify(seen));
});

Deno.test("the same seed gives the same inputs", () => {
  const made = (seed: number) => {
    const inputs = new Inputs(texts, REGISTRY_SEED, seed);
    return Array.from({ length: 50 }, () => inputs.next());
  };
  assert.deepEqual(made(7), made(7));
  assert.notDeepEqual(made(7), made(8));
});

Deno.test("the second opinion sees what should not have been loaded", () => {
  const fault = (text: string) => faultOfLoaded(text, "/var/rayos");
  assert.equal(fault(texts[0] ?? ""), undefined);
  assert.match(fault("version = 0\n[linux]\nenabld = true\n") ?? "", /unknown key linux\.enabld/);
  assert.match(fault("version = 0\n[limits]\nclamp = 1\n") ?? "", /limits\.clamp that is no boolean/);
  assert.match(fault("version = 0\n[limits]\ncpu_percent = 101\n") ?? "", /= 101/);
  assert.match(fault('version = 0\n[defaults]\nnetworking = "maybe"\n') ?? "", /= maybe/);
  assert.match(fault('version = 0\n[[profiles.a.shares]]\npath = "a/../b"\n') ?? "", /= a\/\.\.\/b/);
  assert.match(fault("version = 0\n[limits]\n[limits]\n") ?? "", /another parser refuses it/);
  assert.match(fault("version = 1\n") ?? "", /version/);
});

Deno.test("minimise() keeps what makes an input broken and little else", () => {
  const small = minimise(policy(`${"x".repeat(300)}NEEDLE${"y".repeat(500)}`), ({ bytes }) => {
    return new TextDecoder().decode(bytes).includes("NEEDLE");
  });
  assert.equal(new TextDecoder().decode(small.bytes), "NEEDLE");
});

Deno.test("text of the file in a message or hint carries no control characters", () => {
  // Found by this fuzzing: a hint repeated an entry of an allow-list as it stood.
  const outcome = probe(
    policy('version = 0\n[network_profiles.e]\nallow = ["\\u0000\\u001b]0;x\\u0007"]\n'),
    true,
  );
  assert.deepEqual(outcome, { loaded: false, decisions: 0 });
});
