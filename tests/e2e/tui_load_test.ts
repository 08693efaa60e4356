/**
 * The terminal UI under load: the compiled program in a pseudo terminal, its supervisor a stand-in with 200 guests. What is
 * asserted hangs on no machine's speed; the figures are `deno task bench:tui`'s.
 */
import assert from "node:assert/strict";
import { parseMemory } from "../bench/memory.ts";
import { BusySupervisor } from "../fakes/busy_supervisor.ts";
import { Pty } from "../fakes/pty.ts";
import { BINARY } from "./rig.ts";

const GUESTS = 200;
const FRAME_BEGIN = "\x1b[?2026h";
/** Of what comes by itself, as `painter.ts` has it, and the goal. */
const MOST_FRAMES_PER_SECOND = 4, GOAL_FRAMES_PER_SECOND = 30;
/** Changes and seconds' figures that are sent in one go, and how often: an hour of 10 changes a second would be 36,000. */
const BURST = { changes: 500, seconds: 30 }, WARM_UP = 4, BURSTS = 20;
const MAX_GROWTH_MIB = 24;

class LoadedUi implements AsyncDisposable {
  frames = 0;
  #marks = 0;

  private constructor(readonly supervisor: BusySupervisor, readonly pty: Pty, readonly root: string) {
    pty.listen((text) => this.frames += text.split(FRAME_BEGIN).length - 1);
  }

  static async open(): Promise<LoadedUi> {
    const root = await Deno.makeTempDir();
    await Deno.mkdir(`${root}/run`);
    const supervisor = new BusySupervisor(root, GUESTS);
    const pty = new Pty([BINARY, "--root", root, "tui"], 120, 40, { LANG: "C.UTF-8", NO_COLOR: "1" });
    const ui = new LoadedUi(supervisor, pty, root);
    await pty.next("guest-000");
    await pty.type("e");
    await pty.next("Events of all guests");
    return ui;
  }

  /** Resolves when all of it, and what was sent before, has come through. */
  async burst(): Promise<void> {
    for (let i = 0; i < BURST.changes; i++) this.supervisor.change();
    for (let i = 0; i < BURST.seconds; i++) this.supervisor.sample();
    const mark = `RAYOS_MARK_${++this.#marks}_`;
    const shown = this.pty.next(mark.replace("RAYOS_", ""));
    this.supervisor.tell(mark);
    await shown;
  }

  async memory(): Promise<number> {
    return parseMemory(await Deno.readTextFile(`/proc/${await this.pty.pid}/status`)).rss;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pty.type("q");
    await this.pty.end();
    await this.supervisor[Symbol.asyncDispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}

Deno.test("thousands of changes are few frames, a key is drawn among them, and memory does not grow with them", async () => {
  await using ui = await LoadedUi.open();
  for (let i = 0; i < WARM_UP; i++) await ui.burst();
  const before = await ui.memory(), frames = ui.frames, began = performance.now();
  for (let i = 0; i < BURSTS; i++) await ui.burst();
  const seconds = (performance.now() - began) / 1000, drawn = ui.frames - frames;
  const grown = await ui.memory() - before;
  assert.ok(drawn <= seconds * MOST_FRAMES_PER_SECOND + 2, `${drawn} frames in ${seconds} s`);
  assert.ok(drawn < seconds * GOAL_FRAMES_PER_SECOND);
  assert.ok(grown < MAX_GROWTH_MIB, `${grown} MiB more after ${BURSTS * BURST.changes} changes`);
  const moved = ui.pty.next(/▸ +guest-001/);
  for (let i = 0; i < BURST.changes; i++) ui.supervisor.change();
  await ui.pty.type("j");
  await moved;
});
