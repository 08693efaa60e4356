import assert from "node:assert/strict";
import { parseEnviron, processesMarked, processesThatHave } from "./own_processes.ts";
import { identityOf } from "./processes.ts";

Deno.test("parseEnviron() reads variables as they stand, whatever is in them", () => {
  const env = parseEnviron("A=1\0B=x=y\nz\0=odd\0noequals\0C=\0");
  assert.deepEqual([...env], [["A", "1"], ["B", "x=y\nz"], ["C", ""]]);
});

Deno.test("processesMarked() finds the processes that have just this variable, and no others", async () => {
  const value = crypto.randomUUID();
  const sleep = (env: Record<string, string>) =>
    new Deno.Command("sleep", { args: ["600"], env, clearEnv: true, stdin: "null" }).spawn();
  const own = sleep({ MARK_TEST: value, ROLE: "a" });
  const others = [
    sleep({ MARK_TEST: `${value}x` }),
    sleep({ MARK_TES: value }),
    sleep({ OTHER: `MARK_TEST=${value}` }),
  ];
  try {
    const found = await processesMarked("MARK_TEST", value);
    assert.deepEqual(found.map(({ identity, env }) => [identity.pid, env.get("ROLE")]), [[own.pid, "a"]]);
    assert.deepEqual(found[0]?.identity, await identityOf(own.pid));
  } finally {
    for (const child of [own, ...others]) {
      child.kill("SIGKILL");
      await child.status;
    }
  }
  assert.deepEqual(await processesMarked("MARK_TEST", value), []);
});

Deno.test("processesThatHave() finds the processes that have a variable, whatever its value", async () => {
  const name = `MARK_${crypto.randomUUID().replaceAll("-", "_").toUpperCase()}`;
  const sleep = (env: Record<string, string>) =>
    new Deno.Command("sleep", { args: ["600"], env, clearEnv: true, stdin: "null" }).spawn();
  const children = [sleep({ [name]: "a" }), sleep({ [name]: "" }), sleep({ [`X${name}`]: "a" })];
  try {
    const found = await processesThatHave(name);
    assert.deepEqual(
      found.map(({ identity }) => identity.pid).sort(),
      children.slice(0, 2).map(({ pid }) => pid).sort(),
    );
  } finally {
    for (const child of children) {
      child.kill("SIGKILL");
      await child.status;
    }
  }
});
