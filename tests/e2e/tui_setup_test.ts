/** The way from nothing to a guest in the terminal UI: the compiled program in a real terminal, with real parts. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { TmuxScreen } from "../fakes/tmux_screen.ts";
import { cloudTestImage } from "../guest/cloud.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { PASSWORD, PROVISION_POLICY } from "./provision_rig.ts";
import { BINARY, exec, type Rig, withRoot } from "./rig.ts";

/** Opens the UI on a data root, and looks that it leaves with 0 when it is quit. */
async function inUi(
  root: string,
  use: (screen: TmuxScreen) => Promise<void>,
  ...flags: readonly string[]
): Promise<void> {
  const screen = new TmuxScreen([BINARY, "--root", root, "tui", ...flags], 110, 40, {
    NO_COLOR: "1",
    LANG: "C.UTF-8",
    TZ: "UTC",
  });
  try {
    await use(screen);
    await screen.press("q");
    await screen.end();
  } finally {
    await screen.close();
  }
}

/** Waits for a question by its title and answers it; nothing typed takes the default. */
async function answers(
  screen: TmuxScreen,
  ...given: readonly (readonly [title: string, text?: string])[]
): Promise<void> {
  for (const [title, text = ""] of given) {
    await screen.shows(new RegExp(`^${title.replace("?", "\\?")}(  |$)`, "m"));
    if (text !== "") await screen.type(text);
    await screen.press("Enter");
  }
}

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
        assert.match(await screen.text(), /(no windows guest before|nothing is in the way)/);
        await screen.type("w");
        await screen.shows(/linux guests.*checks in/);
        await screen.type("f");
        await screen.press("Enter");
        await screen.shows(/linux guests.*checks in/);
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
      await screen.type("n");
      await answers(screen, ["Id", "web"]);
      await screen.shows("Windows 11");
      await screen.press("Down", "Enter");
      await answers(screen, ["Name"], ["Profile of the policy"], ["Cloud image", image]);
      await screen.shows(/^Its format/m);
      await screen.press("Down", "Enter");
      await answers(
        screen,
        ["Size of the disk", "256MiB"],
        ["vCPUs"],
        ["Memory, MiB", String(GUEST_MEMORY_MIB)],
        ...["Secure Boot?", "TPM 2.0?", "Host name", "Locale", "Time zone", "Keyboard"].map((title) =>
          [title] as const
        ),
        ["Login name", "op"],
        ...["Name in full", "Administrator?", "How do they log in?", "Public key of SSH"].map((title) =>
          [title] as const
        ),
        ...["A network while it is installed?", "Keep a copy when it is ready?", "Name of the copy"].map((
          title,
        ) => [title] as const),
      );
      await screen.shows("b begins");
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

/** The password twice, and the yes. */
async function begin(screen: TmuxScreen): Promise<void> {
  await screen.type("b");
  await screen.shows(/^Password$/m);
  await screen.type(PASSWORD);
  await screen.press("Enter");
  await screen.shows("Password, once more");
  await screen.type(PASSWORD);
  assert.doesNotMatch(await screen.text(), /horse/);
  await screen.press("Enter");
  await screen.shows("Provision web?");
  await screen.type("y");
}

async function checkUndone(rig: Rig): Promise<void> {
  const { guests, provisioning } = await rig.ok("status");
  assert.deepEqual([guests, provisioning], [[], []]);
  assert.deepEqual(await filesWith(rig.root, PASSWORD), []);
  const log = await Deno.readTextFile(layoutOf(rig.root).rayosLog);
  for (const part of ["RAYOS_PROVISION:begin", "step=install"]) assert.ok(log.includes(part), part);
}
