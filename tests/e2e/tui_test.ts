/** The terminal UI in a real terminal, over a real supervisor and guests that are no more than a boot sector. */
import assert from "node:assert/strict";
import { BOOT_SECTORS } from "../guest/boot_sectors.ts";
import { TmuxScreen } from "../fakes/tmux_screen.ts";
import { bootSectorGuest, policyWith } from "./boot_sector_guest.ts";
import { BINARY, type Rig, serialUntil, stopSupervisor, withRoot } from "./rig.ts";

const POLICY = policyWith({ shown: "present = true" }) + `[network_profiles.office]
egress = "allowlist"
allow = ["203.0.113.0/24:443/tcp"]
`;

/** Gives `use` the UI of a data root whose guest `web` powers itself off when its button is pressed. */
async function withUi(use: (screen: TmuxScreen, rig: Rig) => Promise<void>, columns = 120): Promise<void> {
  await withRoot(async (rig) => {
    await bootSectorGuest(rig, "web", BOOT_SECTORS.powerOffOnButton, { policy_profile: "shown" });
    const screen = new TmuxScreen([BINARY, "--root", rig.root, "tui"], columns, 30, { NO_COLOR: "1" });
    try {
      await screen.shows(/web +stopped/);
      await use(screen, rig);
      await screen.type("q");
      await screen.end();
    } finally {
      await screen.close();
    }
  }, POLICY);
}

Deno.test("a guest is started, paused, resumed and stopped from the UI, each step of the stop said", async () => {
  await withUi(async (screen, rig) => {
    await screen.type("r");
    await screen.shows(/web +running/);
    await screen.shows("u takes it back: Stop web");
    await screen.type("p");
    await screen.shows(/web +paused/);
    await screen.type("c");
    await screen.shows(/web +running/);
    await serialUntil(rig, "web", (text) => text.includes("AWAITS ITS BUTTON")); // the firmware does not hear it
    await screen.type("x");
    await screen.shows("Stop web?");
    assert.equal((await rig.ok("vm", "show", "web")).state, "running", "nothing is stopped without a yes");
    await screen.type("y");
    await screen.shows(/web +stopped/);
    assert.match(await screen.shows("step=acpi"), /VM:stop/);
  });
});

Deno.test("a network that policy refuses is greyed out with the rule and its reason", async () => {
  await withUi(async (screen, rig) => {
    await screen.type("n");
    const text = await screen.shows("network_default_off");
    assert.match(text, /Network of web: now off/);
    assert.match(text, /networking is off for web/);
    await screen.press("End", "Enter");
    await screen.shows("office: network_default_off");
    await screen.press("Escape");
    assert.equal((await rig.ok("net", "show", "web")).network, "off");
  });
});

Deno.test("a guest is presented and hidden again, and the undo of either is offered", async () => {
  await withUi(async (screen, rig) => {
    await screen.type("r");
    await screen.shows(/web +running/);
    await screen.type("v");
    await screen.shows(/presented web/);
    assert.equal((await rig.ok("status")).presented, "web");
    await screen.shows("u takes it back: Hide web");
    await screen.type("u");
    await screen.shows("none presented");
    assert.equal((await rig.ok("status")).presented, null);
  });
});

Deno.test("a guest's serial console is read and left again; a guest is deleted only by its name", async () => {
  await withUi(async (screen, rig) => {
    await screen.type("r");
    await screen.shows(/web +running/);
    await screen.type("o");
    await screen.shows("AWAITS ITS BUTTON");
    await screen.press("C-c");
    await screen.shows(/web +running/);
    await screen.type("X");
    await screen.shows("Type web");
    await screen.type("web");
    await screen.press("Enter");
    await screen.shows(/web +stopped/);
    await screen.type("d");
    await screen.shows("what of it?");
    await screen.press("Enter");
    await screen.shows("Type web");
    await screen.type("wob");
    await screen.press("Enter");
    assert.equal((await rig.ok("vm", "list")).length, 1);
    await screen.press("C-u");
    await screen.type("web");
    await screen.press("Enter");
    await screen.shows("There are no guests in this data root yet");
    assert.deepEqual(await rig.ok("vm", "list"), []);
  });
});

Deno.test("a supervisor that is killed under the UI is missed, started again on demand, and the state is right again", async () => {
  await withUi(async (screen, rig) => {
    await screen.type("r");
    await screen.shows(/web +running/);
    const { supervisor, guests: [before] } = await rig.ok("status");
    Deno.kill(supervisor.pid, "SIGKILL");
    assert.match(await screen.shows(/NOT CONNECTED.*R starts/), /web +running/);
    await screen.type("p");
    await screen.shows("Pause: no supervisor answers");
    await screen.type("?");
    await screen.shows("Serial console (no supervisor answers)");
    await screen.press("Escape");
    await screen.type("5");
    await screen.shows("[5 Audit]");
    await screen.type("1");
    await screen.shows("[1 Guests]");
    assert.equal((await rig.ok("status")).supervisor, null, "none is started unasked");
    await screen.type("R");
    await screen.shows(/^(?![^]*NOT CONNECTED)[^]* connected [^]*web +running/);
    const { guests: [after] } = await rig.ok("status");
    assert.deepEqual([after.state, after.pid], ["running", before.pid]);
    await screen.type("X");
    await screen.shows("Type web");
    await screen.type("web");
    await screen.press("Enter");
    await screen.shows(/web +(stopped|crashed)/);
  });
});

Deno.test("a UI whose supervisor was stopped finds the next one by itself, and what has changed meanwhile", async () => {
  await withUi(async (screen, rig) => {
    await screen.type("r");
    await screen.shows(/web +running/);
    const { pid } = await rig.ok("vm", "show", "web");
    await stopSupervisor(rig);
    assert.match(await screen.shows("NOT CONNECTED"), /web +running/);
    assert.equal((await rig.ok("status")).supervisor, null, "one that is stopped on purpose stays so");
    await rig.ok("vm", "pause", "web"); // which starts one
    await screen.shows(/^(?![^]*NOT CONNECTED)[^]* connected [^]*web +paused/);
    assert.equal((await rig.ok("vm", "show", "web")).pid, pid);
    await screen.type("c");
    await screen.shows(/web +running/);
  });
});
