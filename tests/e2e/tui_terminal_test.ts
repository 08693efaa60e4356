/** The terminal UI and its terminal: however it ends, the terminal is as it was, and nothing is held that should not be. */
import assert from "node:assert/strict";
import { TmuxScreen } from "../fakes/tmux_screen.ts";
import { BINARY, defineSmall, exec, POLICY, type Rig, showUntil, withRoot } from "./rig.ts";

/** What bash asks with. */
const PROMPT = /bash-[\d.]+[#$]\s*$/;

/** A shell with job control in a terminal; `type` a command with its Enter. */
async function inShell(
  use: (screen: TmuxScreen, run: (line: string) => Promise<void>) => Promise<void>,
  size: readonly [number, number] = [100, 30],
): Promise<void> {
  const screen = new TmuxScreen(["bash", "--norc", "--noprofile", "-i"], ...size, { LANG: "C.UTF-8" });
  try {
    await screen.shows(PROMPT);
    await use(screen, async (line) => {
      await screen.type(line);
      await screen.press("Enter");
    });
  } finally {
    await screen.close();
  }
}

/** The command, then what has become of the terminal: raw input would show as `-icanon`. */
const opened = (rig: Rig, ...flags: readonly string[]) =>
  `${BINARY} --root ${rig.root} tui ${flags.join(" ")}; echo "ended with $? $(stty -a | grep -o '.icanon')"`;

Deno.test("q leaves the terminal as it was, with what was on it, and no program in it", () =>
  withRoot((rig) =>
    inShell(async (screen, run) => {
      await run("echo before");
      await run(opened(rig));
      const text = await screen.shows(/ connected .* 0 of 3 running[^]*\d+ of \d+ checks/);
      assert.ok(!text.includes("before"), "it has a screen of its own");
      await screen.type("q");
      assert.match(await screen.shows("ended with 0  icanon"), /before/);
      assert.equal((await screen.programs()).length, 1, "the shell; checks of the host were under way");
    })
  ));

Deno.test("the program alone opens it, on a terminal that is too small it says so, and it goes on when that grows", () =>
  withRoot((rig) =>
    inShell(async (screen, run) => {
      await run(`${BINARY} --root ${rig.root}; echo "ended with $?"`);
      await screen.shows("Too small: 50x12");
      await screen.resize(80, 20);
      await screen.shows(/Quit/);
      await screen.press("C-c");
      await screen.shows("ended with 0");
    }, [50, 12])
  ));

Deno.test("Ctrl-Z gives the terminal to the shell, and fg brings the UI back", () =>
  withRoot((rig) =>
    inShell(async (screen, run) => {
      await run(`${BINARY} --root ${rig.root} tui`);
      await screen.shows(/ connected .* 0 of 3 running/);
      await screen.press("C-z");
      await screen.shows("Stopped");
      await run("echo state $(stty -a | grep -o '.icanon')");
      await screen.shows("state icanon");
      await run("fg");
      await screen.shows(/Preflight\][^]*Quit/);
      await screen.type("?");
      await screen.shows("Everywhere");
      await screen.press("C-c");
      await screen.shows(PROMPT);
    })
  ));

Deno.test("SIGTERM ends it in order", () =>
  withRoot((rig) =>
    inShell(async (screen, run) => {
      await run(
        `sh -c 'echo $$ > ${rig.root}/pid; exec ${BINARY} --root ${rig.root} tui'; echo "ended with $? $(stty -a | grep -o '.icanon')"`,
      );
      await screen.shows(/ connected .* 0 of 3 running/);
      Deno.kill(Number(await Deno.readTextFile(`${rig.root}/pid`)), "SIGTERM");
      await screen.shows("ended with 143  icanon");
    })
  ));

Deno.test("a connection that is cut hides the presented guest at once where that was asked for", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "a");
    await rig.ok("vm", "start", "a");
    await rig.ok("vm", "present", "a");
    await inShell(async (screen, run) => {
      await run(opened(rig, "--hide-on-exit"));
      await screen.shows("presented a");
    });
    await showUntil(rig, "a", (guest) => guest.presented === false);
  }));

Deno.test("a UI that is killed hides nothing itself: policy does, after the time without input that it names", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "a");
    await rig.ok("vm", "start", "a");
    await inShell(async (screen, run) => {
      await run(
        `sh -c 'echo $$ > ${rig.root}/pid; exec ${BINARY} --root ${rig.root} tui'; echo "ended with $?"`,
      );
      await screen.shows(/a +running/);
      await screen.type("v");
      await screen.shows("presented a");
      Deno.kill(Number(await Deno.readTextFile(`${rig.root}/pid`)), "SIGKILL");
      await screen.shows("ended with 137");
    });
    await showUntil(rig, "a", (guest) => guest.presented === false);
    const { stdout } = await rig.run("--json", "events", "-n", "100");
    const times = (event: string) =>
      stdout.split("\n").filter((line) => line.includes(event)).map((line) =>
        Date.parse(JSON.parse(line).time)
      );
    const [on, ...more] = times("RAYOS_PRESENTATION:on"), [off, ...others] = times("RAYOS_PRESENTATION:off");
    assert.ok(on !== undefined && off !== undefined && more.length === 0 && others.length === 0, stdout);
    assert.ok(off - on >= 2_000, `it was shown for ${off - on} ms`);
    assert.match(stdout, /RAYOS_PRESENTATION:off.*no_input/);
  }, `${POLICY}[presentation]\nrelease_after_s = 2\n`));

Deno.test("without a terminal there is no UI: exit code 2, and a hint", async () => {
  const { code, stderr } = await exec(["tui"]);
  assert.equal(code, 2);
  assert.match(stderr, /needs a terminal[^]*--help/);
});
