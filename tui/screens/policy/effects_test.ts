import assert from "node:assert/strict";
import { layoutOf, makeDataRoot } from "../../../registry/layout.ts";
import { BAD, GOOD } from "../../../tests/screens/policy_states.ts";
import { runningWork } from "../../../tests/fakes/screen_work.ts";
import { runPolicyWork } from "./effects.ts";
import type { PolicyMessage, PolicyWork } from "./state.ts";

async function withRoot(use: (root: string, write: (text: string) => Promise<void>) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-policy-" });
  const root = `${folder}/root`;
  try {
    await makeDataRoot(root);
    await use(root, (text) => Deno.writeTextFile(layoutOf(root).policyFile, text, { mode: 0o600 }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a piece of work; `until` gives its first message that fits, of those that were not given yet. */
function running(work: PolicyWork, root: string) {
  return runningWork<PolicyMessage>((send, signal) => runPolicyWork(work, layoutOf(root), send, signal));
}

const problems = (message: PolicyMessage) => message.kind === "file" ? message.file.problems.length : -1;

Deno.test("the file is read at once, and again when it is broken, mended and removed", () =>
  withRoot(async (root, write) => {
    await write(GOOD);
    const work = running({ kind: "watch", run: 1 }, root);
    const good = await work.until((message) => problems(message) === 0);
    assert.deepEqual(good.kind === "file" && good.file.networkProfiles.at(-1), "office");
    await write(BAD);
    const bad = await work.until((message) => problems(message) === 2);
    const first = bad.kind === "file" ? bad.file.problems[0] : undefined;
    assert.deepEqual([first?.line, first?.hint], [7, 'did you mean "max_running"?']);
    await write(GOOD);
    await work.until((message) => problems(message) === 0);
    await Deno.remove(layoutOf(root).policyFile);
    const none = await work.until((message) => message.kind === "no_file");
    assert.match(none.kind === "no_file" ? none.why.message : "", /there is no policy file/);
    await work.stop();
  }));

Deno.test("a file that others can write is refused and shown all the same", () =>
  withRoot(async (root, write) => {
    await write(GOOD);
    await Deno.chmod(layoutOf(root).policyFile, 0o666);
    const work = running({ kind: "watch", run: 1 }, root);
    const message = await work.until((one) => one.kind === "file");
    assert.ok(message.kind === "file" && message.file.lines.length > 20);
    assert.match(message.file.problems[0]?.message ?? "", /others than its owner can write it/);
    await work.stop();
  }));

Deno.test("another file is given as it is, with its signature, or refused with every problem", () =>
  withRoot(async (root) => {
    const path = `${root}/next.toml`;
    await Deno.writeTextFile(path, GOOD);
    const good = await running({ kind: "candidate", run: 3, path }, root).until(() => true);
    assert.deepEqual(good, { kind: "candidate", run: 3, file: { path, text: GOOD, signature: undefined } });
    await Deno.writeTextFile(path, BAD);
    const bad = await running({ kind: "candidate", run: 4, path }, root).until(() => true);
    assert.equal(bad.kind === "refused" && bad.problems.length, 2);
    const none = await running({ kind: "candidate", run: 5, path: `${root}/none` }, root).until(() => true);
    assert.match(
      none.kind === "refused" ? none.problems[0]?.message ?? "" : "",
      /there is no policy file at/,
    );
  }));
