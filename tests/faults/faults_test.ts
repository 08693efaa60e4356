// deno-lint-ignore-file no-console -- the figures of a run are for whoever reads the tests' output
/** The suite of faults, in short. `deno task test:faults` runs it for long. */
import assert from "node:assert/strict";

const MAIN = new URL("main.ts", import.meta.url).pathname;
const TREE = new URL("../..", import.meta.url).pathname;

async function faults(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--lock=deno.lock", "--frozen", MAIN, ...args],
    cwd: TREE,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const told = text.decode(stdout) + text.decode(stderr);
  console.log(told);
  assert.equal(code, 0, told);
}

Deno.test("whatever is killed, full or slow while guests are acted upon, everything is right afterwards", () =>
  faults("--rounds", "6", "--seed", "1", "--guests", "4"));

Deno.test("so it is with faults that nobody has chosen", () => faults("--rounds", "4", "--guests", "5"));
