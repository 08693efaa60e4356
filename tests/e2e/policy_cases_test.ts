/** `policy test` as an operator runs it in CI. */
import assert from "node:assert/strict";
import { EXAMPLE_CASES, EXAMPLE_POLICY } from "../../policy/cases_doc.ts";
import { exec, withRoot } from "./rig.ts";

const project = ["gate", "load", "network", "safe_mode", "start"]
  .map((name) => new URL(`../../policy/cases/${name}.json`, import.meta.url).pathname);

Deno.test("policy test tries the project's own cases without a data root and without a supervisor", async () => {
  const ran = await exec(["--root", "/nonexistent", "policy", "test", ...project]);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /\d+ cases, \d+ ok, all passed\n$/);
});

Deno.test("policy test passes the documented example, and tells what differs under another policy", () =>
  withRoot(async (rig) => {
    await Deno.mkdir(`${rig.root}/ci`);
    await rig.write("ci/rayos-policy.toml", EXAMPLE_POLICY);
    await rig.write("ci/cases.json", EXAMPLE_CASES);
    const cases = `${rig.root}/ci/cases.json`;
    const passed = await rig.ok("policy", "test", cases);
    assert.deepEqual([passed.passed, passed.failed, "error" in passed], [4, 0, false]);

    await rig.write("ci/new.toml", EXAMPLE_POLICY.replace("max_running = 2", "max_running = 3"));
    const failed = await rig.run("policy", "test", cases, "--policy", `${rig.root}/ci/new.toml`);
    assert.equal(failed.code, 3);
    assert.match(
      failed.stdout,
      /ok {6}a build guest.*\n[^]*FAILED {2}a third guest does not start\n +effect: expected deny, got allow\n +rules expected, but not given: max_running\n[^]*4 cases, 3 ok, 1 FAILED\n$/,
    );
    const error = await rig.fails(3, "policy", "test", cases, "--policy", `${rig.root}/ci/new.toml`);
    assert.deepEqual([error.code, error.message], ["case_mismatch", "1 of 4 cases failed"]);
  }));

Deno.test("cases that name no policy are tried against the data root's", () =>
  withRoot(async (rig) => {
    await rig.write(
      "cases.json",
      '[{"name":"a small guest starts","request":{"guest":{"devices":{"memory_mb":512}}},"expect":{"effect":"allow","rules":["allowed"]}}]',
    );
    assert.equal((await rig.ok("policy", "test", `${rig.root}/cases.json`)).passed, 1);
  }));

Deno.test("files of cases that can't be used end with 8, 4 and 2, before any case is tried", () =>
  withRoot(async (rig) => {
    const [good = ""] = project;
    await rig.write("typo.json", '[{"name":"x","expekt":{}},{"nam":"y"}]');
    const typo = await rig.fails(8, "policy", "test", good, `${rig.root}/typo.json`);
    assert.match(JSON.stringify(typo.problems), /cases\[0\]\.expekt is an unknown key.*did you mean/);
    await rig.write("broken.json", "{");
    assert.match((await rig.fails(8, "policy", "test", `${rig.root}/broken.json`)).message, /not JSON/);
    assert.match((await rig.fails(4, "policy", "test", `${rig.root}/none.json`)).message, /there is no file/);
    await rig.write("lost.json", '[{"name":"x","policy":"none.toml","expect":{"effect":"deny","rules":[]}}]');
    assert.match((await rig.fails(4, "policy", "test", `${rig.root}/lost.json`)).message, /none\.toml/);
    await rig.fails(8, "policy", "test", rig.root);
    await rig.fails(2, "policy", "test");
  }));
