/** The policy screen and the audit screen of the compiled program in a real terminal, with a real supervisor. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { TmuxScreen } from "../fakes/tmux_screen.ts";
import { BINARY, defineSmall, POLICY, type Rig, withRoot } from "./rig.ts";

const DESK = `${POLICY}
[profiles.desk]
kind = "linux"
present = false
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 50
tpm = "allowed"
secure_boot = "allowed"
guest_agent = ["ping"]
`;

async function onScreen(
  rig: Rig,
  args: readonly string[],
  use: (screen: TmuxScreen) => Promise<void>,
): Promise<void> {
  const screen = new TmuxScreen([BINARY, "--root", rig.root, "tui", ...args], 120, 36, { TZ: "UTC" });
  try {
    await use(screen);
    await screen.press("q");
    await screen.end();
  } finally {
    await screen.close();
  }
}

/** Chooses `vm.present` in the what-if: eight below `vm.start`. */
async function askForPresent(screen: TmuxScreen): Promise<void> {
  await screen.type("w");
  await screen.shows(/ALLOWED: vm\.start on g1/);
  await screen.press("Enter");
  await screen.shows("provision.begin");
  await screen.press(...Array.from({ length: 8 }, () => "Down"), "Enter");
}

const CALM = /^(?![\s\S]*SAFE MODE)[\s\S]*revision [0-9a-f]{12}: in force/;

Deno.test("the policy screen says why an action would be denied, and a broken policy can't be missed until it is mended", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1", { policy_profile: "desk" });
    await onScreen(rig, [], async (screen) => {
      await screen.shows("g1");
      await screen.type("2");
      await screen.shows(CALM);
      await screen.shows(/may be presented +no +profile, line \d+/);
      await askForPresent(screen);
      await screen.shows(/DENIED: vm\.present on g1[\s\S]*presentation_not_allowed/);
      await screen.shows(/profiles\.desk\.present \(line 33\)/);
      await rig.write("policy/rayos-policy.toml", DESK.replace("max_running", "max_runing"));
      await screen.shows(/SAFE MODE[\s\S]*refused for a problem/);
      await screen.shows(/\^{10} limits\.max_runing is an unknown key[\s\S]*did you mean "max_running"\?/);
      await rig.write("policy/rayos-policy.toml", DESK);
      await screen.shows(CALM);
      await screen.shows("nothing is wrong with the file");
    });
  }, DESK));

Deno.test("another policy is compared and put in force after a yes; a read-only UI only compares", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1", { policy_profile: "desk" });
    const next = DESK.replace("present = false", "present = true");
    await rig.write("next.toml", next);
    const compare = async (screen: TmuxScreen) => {
      await screen.shows("g1");
      await screen.type("2");
      await screen.shows(CALM);
      await screen.type("a");
      await screen.shows("policy file:");
      await screen.type(`${rig.root}/next.toml`);
      await screen.press("Enter");
      await screen.shows(/may be presented: no → yes/);
    };
    await onScreen(rig, ["--read-only"], async (screen) => {
      await compare(screen);
      await screen.type("A");
      assert.doesNotMatch(await screen.text(), /Put this policy in force/);
    });
    assert.equal(await Deno.readTextFile(layoutOf(rig.root).policyFile), DESK);
    await onScreen(rig, [], async (screen) => {
      await compare(screen);
      await screen.type("A");
      await screen.shows("Put this policy in force?");
      await screen.type("y");
      await screen.shows("next.toml is in force since");
      await askForPresent(screen);
      await screen.shows(/vm\.present on g1/);
    });
    assert.equal(await Deno.readTextFile(layoutOf(rig.root).policyFile), next);
  }, DESK));

Deno.test("what was refused stands on the audit screen with its rule, and leads to its request and its guest", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1", { policy_profile: "desk" });
    await rig.ok("vm", "start", "g1");
    await onScreen(rig, [], async (screen) => {
      await screen.shows("g1");
      await screen.type("5");
      await screen.shows(/the chain holds: \d+ records, 1 to \d+; checked \d\d:\d\d:\d\d UTC/);
      const denied = await rig.fails(3, "vm", "present", "g1");
      assert.equal(denied.reasons[0].rule, "presentation_not_allowed");
      await screen.shows(/vm\.present +✗ refused +g1 +(local +)?presentation_not_allowed/);
      await screen.type("/phase=refused vm=g1");
      await screen.press("Enter");
      await screen.shows(/filter: phase=refused vm=g1 +1 record, following/);
      await screen.press("Enter");
      await screen.shows(/it says +rayvisor vm present/);
      await screen.type("c");
      await screen.shows(/filter: corr=[0-9a-f-]{36} +2 records/);
      await screen.type("g");
      await screen.shows("[1 Guests]");
      await screen.type("5");
      await Deno.truncate(layoutOf(rig.root).auditFile, 100);
      await screen.type("v");
      await screen.shows(/THE CHAIN IS BROKEN at audit\.jsonl:1/);
    });
  }, DESK));
