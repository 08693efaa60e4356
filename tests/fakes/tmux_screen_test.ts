import assert from "node:assert/strict";
import { ended, isRunning } from "../e2e/rig.ts";
import { TmuxScreen } from "./tmux_screen.ts";

/** A program that hears neither a hang-up nor a polite end, with a child in a process group of its own. */
const STUBBORN = [
  ...["bash", "-c"],
  `trap '' HUP TERM; set -m; sh -c "trap '' HUP TERM; echo child \\$\\$; sleep 300" & echo leader $$; wait`,
];

const RUNS = /leader (\d+)[^]*child (\d+)|child (\d+)[^]*leader (\d+)/;

async function pidsOf(screen: TmuxScreen): Promise<number[]> {
  const found = RUNS.exec(await screen.shows(RUNS)) ?? [];
  return [...found].slice(1).filter((pid) => pid !== undefined).map(Number);
}

Deno.test("a screen that is waited for in vain leaves nothing behind, not even what hears no hang-up", async () => {
  const screen = new TmuxScreen(STUBBORN, 60, 10, {}, 1_000);
  const pids = await pidsOf(screen);
  assert.equal(pids.length, 2);
  await assert.rejects(
    screen.shows("a word that never comes"),
    /never showed a word.*last showed:[^]*leader/,
  );
  await assert.rejects(screen.end(), /the program has not ended[^]*leader/);
  for (const pid of pids) assert.ok(await isRunning(pid), String(pid));
  await screen.close();
  for (const pid of pids) assert.ok(!await isRunning(pid), String(pid));
});

Deno.test("a test that is killed takes its terminal with it", async () => {
  const program = `
    import { TmuxScreen } from "${new URL("./tmux_screen.ts", import.meta.url)}";
    const screen = new TmuxScreen(["sh", "-c", "echo leader $$ server $PPID; sleep 300"]);
    console.log(await screen.shows(/server \\d+/));
    await screen.shows("a word that never comes");`;
  const folder = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    env: { TMPDIR: folder },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const [, leader, server] = /leader (\d+) server (\d+)/.exec((await reader.read()).value ?? "") ?? [];
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  for (const pid of [leader, server]) await ended(Number(pid));
  await Deno.remove(folder, { recursive: true });
});
