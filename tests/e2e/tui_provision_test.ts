/** From nothing at all to an installed guest, by keys alone: the compiled program in a real terminal, with real parts. */
import { cloudTestImage } from "../guest/cloud.ts";
import { checkProvisioned } from "./provision_rig.ts";
import { withRoot } from "./rig.ts";
import { begin, fillIn, inUi } from "./tui_rig.ts";

/** Longest time that a boot and what comes of it may take without KVM. */
const INSTALL_MS = 180_000;

Deno.test("an empty folder becomes a data root with a guest that is installed, proven and kept as a baseline", () =>
  withRoot(async (rig) => {
    const image = await cloudTestImage();
    await inUi(rig.root, async (screen) => {
      await screen.shows("Make a data root?");
      await screen.type("y");
      await screen.shows(/No guest yet[^]*(linux guests can run|nothing is in the way of linux guests)/);
      await fillIn(screen, image);
      await screen.type("d");
      await screen.shows(/Dry run of web[^]*1\. media/);
      await screen.press("Escape");
      await screen.shows("b begins");
      await begin(screen);
      await screen.shows(/▸ install +under way/);
      await screen.shows(/✓ detach +done[^]*▸ verify +under way/);
      await screen.shows("web is provisioned");
      await screen.type("1");
      await screen.shows(/web +stopped/);
    }, INSTALL_MS);
    await checkProvisioned(rig, "web", "clean");
  }, null));
