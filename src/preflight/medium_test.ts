import assert from "node:assert/strict";
import { HOME_23H2, makeWindowsIso, withFolder } from "../../tests/media/make.ts";
import { Failure } from "../core/problem.ts";
import { lookAtMedium } from "./medium.ts";

Deno.test("lookAtMedium() tells a medium of Windows from a page that was saved in its place", () =>
  withFolder(async (folder) => {
    const look = await lookAtMedium(await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2]));
    assert.deepEqual([look.kind, look.problems], ["windows", []]);
    assert.match(look.warnings[0]?.message ?? "", /updates for Windows 11 23H2 ended/);
    await Deno.writeTextFile(`${folder}/page.iso`, "<html><title>Sign in</title>");
    const page = await lookAtMedium(`${folder}/page.iso`);
    assert.equal(page.kind, "not-a-medium");
    assert.match(page.problems[0]?.message ?? "", /web page/);
    assert.equal((await lookAtMedium(folder)).problems.length, 1);
    await assert.rejects(
      lookAtMedium(`${folder}/none`),
      (error) => error instanceof Failure && error.code === "not_found",
    );
  }));
