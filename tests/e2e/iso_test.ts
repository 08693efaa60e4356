/** `iso inspect` of the compiled program: what it says to people and to programs, and its exit codes. */
import assert from "node:assert/strict";
import { HOME_23H2, makeWim, makeWindowsIso, PRO_24H2, withFolder } from "../media/make.ts";
import { exec } from "./rig.ts";

const inspect = (...args: string[]) => exec(["--json", "iso", "inspect", ...args]);

Deno.test("iso inspect tells a medium of Windows to people and to programs, and ends with 0", () =>
  withFolder(async (folder) => {
    const iso = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2, PRO_24H2]);
    const ran = await inspect(iso);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    const report = ran.json();
    assert.equal(report.kind, "windows");
    assert.equal(report.windows_11_23h2_or_later, "yes");
    assert.deepEqual(report.editions.map((one: { build: number }) => one.build), [22631, 26100]);
    assert.equal(report.error, undefined);
    const text = await exec(["iso", "inspect", iso]);
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^installation medium of Windows 11 23H2 and Windows 11 24H2\n/);
    assert.match(text.stdout, /boots by +BIOS, EFI/);
    assert.match(text.stdout, /1 +Windows 11 Home +22631\.2428 +amd64 +en-US +2025-11-11/);
  }));

Deno.test("iso inspect of a damaged medium ends with 1, its report beside the error, and no stack trace", () =>
  withFolder(async (folder) => {
    const iso = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2]);
    const { size } = await Deno.stat(iso);
    await Deno.truncate(iso, Math.floor(size / 2));
    const ran = await inspect(iso);
    assert.equal(ran.code, 1);
    const report = ran.json();
    assert.equal(report.problems[0].code, "truncated");
    assert.equal(report.error.code, "failed");
    assert.ok(report.error.problems.length === report.problems.length);
    const text = await exec(["iso", "inspect", iso]);
    assert.equal(text.code, 1);
    assert.match(text.stdout, /problem: it should be \d+ bytes long/);
    assert.doesNotMatch(text.stdout + text.stderr, /^\s+at .*:\d+:\d+/m);
  }));

Deno.test("iso inspect of a file that is none, of a folder, and of a page has the exit codes of the contract", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/page.iso`, "<html><title>\x1b[2Jgone</title></html>");
    const page = await exec(["iso", "inspect", `${folder}/page.iso`]);
    assert.equal(page.code, 1);
    assert.match(page.stdout, /^a web page \(HTML\), titled 'gone'\n/);
    assert.ok(!page.stdout.includes("\x1b"));
    const missing = await inspect(`${folder}/none.iso`);
    assert.equal(missing.code, 4);
    assert.equal(missing.json().error.code, "not_found");
    assert.equal((await inspect(folder)).code, 1);
    assert.equal((await inspect()).code, 2);
    assert.equal((await inspect("/dev/null")).code, 1);
  }));

Deno.test("iso inspect --sha256 gives what sha256sum gives, and --expect-sha256 fails on another", () =>
  withFolder(async (folder) => {
    const wim = await makeWim(`${folder}/a`, [HOME_23H2]);
    const iso = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2]);
    const sum = new TextDecoder().decode(
      (await new Deno.Command("sha256sum", { args: [iso] }).output()).stdout,
    ).slice(0, 64);
    assert.equal((await inspect("--sha256", iso)).json().sha256, sum);
    assert.equal((await inspect("--expect-sha256", sum.toUpperCase(), iso)).code, 0);
    const other = await inspect("--expect-sha256", "0".repeat(64), iso);
    assert.equal(other.code, 1);
    assert.equal(other.json().problems[0].code, "hash_mismatch");
    assert.match(other.json().error.message, new RegExp(sum));
    assert.equal((await inspect("--expect-sha256", "abc", iso)).code, 2);
    assert.equal(
      (await inspect("--sha256", wim)).json().sha256,
      undefined,
      "what is no medium is not read whole",
    );
  }));

Deno.test("iso inspect --timeout ends the reading of a large file with 6", () =>
  withFolder(async (folder) => {
    const iso = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2]);
    await Deno.truncate(iso, 512 * 1024 ** 3);
    const ran = await exec(["--json", "--timeout", "0.3", "iso", "inspect", "--sha256", iso]);
    assert.equal(ran.code, 6, ran.stdout);
    assert.equal(ran.json().error.code, "outcome_unknown");
  }));
