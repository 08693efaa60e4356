import assert from "node:assert/strict";
import { Failure, type Problem } from "../core/problem.ts";
import { run } from "../ports/processes.ts";
import { hashPassword, passwordFault, readPasswordFile } from "./password.ts";

async function withFile(text: string | Uint8Array, mode: number, test: (path: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/password`;
    await Deno.writeFile(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
    await Deno.chmod(path, mode);
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function refusal(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof Failure, String(error));
  return error.problem;
}

Deno.test("readPasswordFile() takes the first line of a file that is the owner's alone", async () => {
  for (const [text, password] of [["a b\n", "a b"], [" x", " x"], ["ä\r\nsecond\n", "ä"]] as const) {
    for (const mode of [0o600, 0o400]) {
      await withFile(text, mode, async (path) => assert.equal(await readPasswordFile(path), password));
    }
  }
});

Deno.test("readPasswordFile() refuses what others can read, and what holds no password, without its content", async () => {
  const table: [string | Uint8Array, number, RegExp][] = [
    ["hunter2\n", 0o644, /it has mode 0644 and belongs to uid \d+$/],
    ["hunter2\n", 0o620, /it has mode 0620/],
    ["\nhunter2\n", 0o600, /its first line is empty$/],
    ["hunter2\x1b\n", 0o600, /its first line has a control character$/],
    [`hunter2${"x".repeat(130)}`, 0o600, /its first line has more than 127 characters$/],
    [`hunter2${"😀".repeat(100)}`, 0o600, /its first line is longer than 255 bytes$/],
    [`hunter2${"x".repeat(5000)}`, 0o600, /it is larger than 4096 bytes$/],
    [new Uint8Array([0x68, 0xff]), 0o600, /it is not UTF-8 text$/],
  ];
  for (const [text, mode, message] of table) {
    await withFile(text, mode, async (path) => {
      const problem = await refusal(readPasswordFile(path));
      assert.equal(problem.code, "invalid_answers");
      assert.match(problem.message, message);
      assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
    });
  }
  assert.match((await refusal(readPasswordFile("/nonexistent"))).message, /there is none$/);
  assert.match((await refusal(readPasswordFile("/dev/null"))).message, /it is no regular file$/);
});

Deno.test("hashPassword() makes a hash that the same password and salt give again", async () => {
  for (const password of ["hunter2", "ä ö", "-x", "$6$a", `'"\\`, "x".repeat(127), "€".repeat(85)]) {
    const hash = await hashPassword(password);
    const salt = hash.split("$")[2] ?? "";
    const again = await run("openssl", {
      args: ["passwd", "-6", "-stdin", "-salt", salt],
      stdin: new TextEncoder().encode(`${password}\n`),
    });
    assert.equal(again.stdout.trim(), hash);
    assert.notEqual(await hashPassword(password), hash);
  }
});

Deno.test("hashPassword() hashes all of the longest password", async () => {
  const longest = "€".repeat(85);
  assert.equal(passwordFault(longest), undefined);
  const hash = await hashPassword(longest);
  const shorter = await run("openssl", {
    args: ["passwd", "-6", "-stdin", "-salt", hash.split("$")[2] ?? ""],
    stdin: new TextEncoder().encode(`${longest.slice(0, -1)}\n`),
  });
  assert.notEqual(shorter.stdout.trim(), hash);
});
