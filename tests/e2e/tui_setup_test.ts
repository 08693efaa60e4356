/** The way from nothing to a guest in the terminal UI: the compiled program in a real terminal, with real parts. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { cloudTestImage } from "../guest/cloud.ts";
import { PASSWORD, PROVISION_POLICY } from "./provision_rig.ts";
import { exec, type Rig, withRoot } from "./rig.ts";
import { begin, fillIn, inUi } from "./tui_rig.ts";

/** Files below the root that have these bytes in them, but for those that are meant to. */
async function filesWith(root: string, text: string): Promise<string[]> {
  const found = await new Deno.Command("grep", { args: ["-rlaF", "--", text, root] }).output();
  return new TextDecoder().decode(found.stdout).split("\n").filter((line) => line !== "");
}

Deno.test("where there is no data root one is made after a yes, and preflight leads to the first guest", () =>
  withRoot(async (rig) => {
    const root = `${rig.root}/new`;
    try {
      await inUi(root, async (screen) => {
        await screen.shows("Make a data root?");
        await screen.type("y");
        await screen.shows("No guest yet");
        await screen.shows(/\d+ checks in/);
        assert.match(
          await screen.text(),
          /(no linux guest before|linux guests can run|nothing is in the way of linux guests)/,
        );
        await screen.type("w");
        await screen.shows(/windows guests.*checks in/);
        await screen.type("f");
        await screen.press("Enter");
        await screen.shows(/windows guests.*checks in/);
        await screen.type("n");
        await screen.shows("A new guest");
        await screen.press("Escape");
        await screen.shows("No run is under way");
      });
      assert.ok((await Deno.stat(layoutOf(root).policyFile)).isFile);
    } finally {
      await exec(["--root", root, "serve", "--stop"]);
    }
  }, null));

Deno.test("a linux guest is asked for, begun, called off and undone, and its password is nowhere", () =>
  withRoot(async (rig) => {
    const image = await cloudTestImage();
    await inUi(rig.root, async (screen) => {
      await screen.shows("No guest yet");
      await fillIn(screen, image);
      await screen.type("d");
      await screen.shows(/Dry run of web/);
      await screen.shows(/1\. media/);
      await screen.press("Escape");
      await screen.shows("b begins");
      await begin(screen);
      await screen.shows(/▸ install +under way/);
      assert.ok((await rig.ok("status")).provisioning.length === 1);
      await screen.type("x");
      await screen.shows("Call the provisioning of web off?");
      await screen.type("y");
      await screen.shows(/✗ install +failed/);
      await screen.shows("was called off");
      await screen.type("u");
      await screen.shows("Undo the provisioning of web?");
      await screen.type("web");
      await screen.press("Enter");
      await screen.shows("web is undone");
      assert.doesNotMatch(await screen.text(), /horse/);
    });
    await checkUndone(rig);
  }, PROVISION_POLICY));

async function checkUndone(rig: Rig): Promise<void> {
  const { guests, provisioning } = await rig.ok("status");
  assert.deepEqual([guests, provisioning], [[], []]);
  assert.deepEqual(await filesWith(rig.root, PASSWORD), []);
  const log = await Deno.readTextFile(layoutOf(rig.root).rayosLog);
  for (const part of ["RAYOS_PROVISION:begin", "step=install"]) assert.ok(log.includes(part), part);
}
