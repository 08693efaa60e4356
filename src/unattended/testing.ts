/** Answers for tests. */
import { parseVmId, type VmId } from "../core/ids.ts";
import { type Answers, parseAnswers } from "../provision/answers.ts";
import type { Seed } from "./files.ts";
import { linuxSeed, windowsSeed } from "./seed.ts";

/** What tests give as a password: not a word that stands anywhere else. */
export const TEST_PASSWORD = "hunter2-ÄÖ-<&>";
/** A hash by SHA-512 crypt in form; of nothing. */
export const TEST_HASH = `$6$saltsaltsalt$${"a".repeat(86)}`;

/** Answers that must be good ones. */
export function testAnswers(text: string): Answers {
  const read = parseAnswers(text, "test.toml");
  if (read.ok) return read.value;
  throw new Error(read.error.map((problem) => problem.message).join("\n"));
}

export function testId(id: string): VmId {
  const parsed = parseVmId(id);
  if (parsed === undefined) throw new Error(`${id} is no id`);
  return parsed;
}

/** The seed of any answers. */
export function testSeed(answers: Answers, id = "gate-1"): Seed {
  return answers.type === "windows"
    ? windowsSeed(answers, { id: testId(id), password: TEST_PASSWORD })
    : linuxSeed(answers, {
      id: testId(id),
      instanceId: `${id}-0001`,
      ...(answers.user.password.from === "nowhere" ? {} : { passwordHash: TEST_HASH }),
    });
}
