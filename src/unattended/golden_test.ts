/**
 * What comes of whole answers files, as files that are read in review. After a wanted change:
 * `UPDATE_GOLDEN=1 deno test --allow-all src/unattended/golden_test.ts`, and look at the difference.
 */
import assert from "node:assert/strict";
import { seedPlan } from "./seed_plan.ts";
import { TEST_HASH, TEST_PASSWORD, testAnswers, testId, testSeed } from "./testing.ts";
import { obscured } from "./autounattend.ts";

const FOLDER = new URL("../../tests/fixtures/unattended/", import.meta.url);

const NAMES = [
  "windows-plain",
  "windows-every-key",
  "windows-home-without-agent",
  "linux-plain",
  "linux-every-key",
];

for (const name of NAMES) {
  const answers = testAnswers(Deno.readTextFileSync(new URL(`${name}.toml`, FOLDER)));

  Deno.test(`the seed of ${name} is as it was reviewed`, () => {
    for (const file of testSeed(answers).files) compare(`${name}.${file.name}`, file.text);
  });

  Deno.test(`the plan of ${name} is as it was reviewed, and has no secret`, () => {
    const steps = seedPlan(answers, { id: testId("gate-1"), out: "/root/seed.iso", tool: "xorriso" });
    const text = steps.map((step) => {
      if (step.kind !== "write") return JSON.stringify(step);
      const { text, ...rest } = step;
      return `${JSON.stringify(rest)}\n${text.replace(/^/gm, "  | ")}`;
    }).join("\n");
    compare(`${name}.plan.txt`, `${text}\n`);
    for (
      const secret of [TEST_PASSWORD, TEST_HASH, obscured(TEST_PASSWORD), "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"]
    ) {
      assert.ok(!text.includes(secret));
    }
  });
}

function compare(name: string, text: string) {
  const file = new URL(name, FOLDER);
  if (Deno.env.get("UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, text);
  assert.equal(text, Deno.readTextFileSync(file), `${name} differs: see the head of golden_test.ts`);
}
