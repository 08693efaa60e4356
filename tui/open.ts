/** Opens the UI on a terminal, and leaves the terminal as it was, whatever happens. */
import { ApiClient } from "../src/api/client.ts";
import type { TuiFlags } from "../src/cli/commands/tui.ts";
import { isServing, startInBackground } from "../src/cli/connect.ts";
import { type Context, requireRoot } from "../src/cli/context.ts";
import { fail } from "../src/core/problem.ts";
import { buildInfo } from "../src/ports/build_info.ts";
import { systemClock, within } from "../src/ports/clock.ts";
import {
  type EndSignal,
  onEndSignals,
  onScreenResize,
  screenSize,
  setRawKeys,
  stopUntilContinued,
  writeScreen,
} from "../src/ports/screen.ts";
import { envVar } from "../src/ports/terminal.ts";
import { onUncaught } from "../src/ports/uncaught.ts";
import { watchFolder } from "../src/ports/watch.ts";
import { Canvas } from "./canvas.ts";
import { showConsole } from "./console.ts";
import { prefsFrom } from "./detect.ts";
import { Runner } from "./effects.ts";
import { initialModel } from "./initial.ts";
import { spokenLines } from "./frame.ts";
import type { Key } from "./key.ts";
import type { Api, LinkPorts } from "./link.ts";
import { Painter } from "./painter.ts";
import { reduce } from "./reduce.ts";
import { ALL_SCREENS } from "./screens/all.ts";
import { Store } from "./store.ts";
import type { Terminal } from "./terminal.tsx";

/** Longest time that hiding the presented guest may take while the UI ends. */
const HIDE_MS = 3_000;

/**
 * The terminal library takes a fifth of a second to be loaded, and nothing else happens meanwhile: a supervisor that answers as
 * soon as this is heard and drawn before that.
 */
const HEAD_START_MS = 100;

/** Longest time that a terminal which is held up is waited for while the UI ends. */
const LEAVE_MS = 1_000;

/** 128 and the signal's number, as shells have it. */
const EXIT_OF_SIGNAL: Readonly<Record<EndSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Runs the UI until it is left; gives the exit code. What goes wrong is shown; what ends the UI is thrown after the terminal is as
 * it was.
 */
export async function openTui(context: Context, flags: TuiFlags): Promise<number> {
  if (envVar("TERM") === "dumb") {
    fail("usage", "the terminal UI needs a terminal that can be drawn on, and TERM is dumb", {
      hint: "commands work on any terminal: see `rayvisor --help`",
    });
  }
  return await new Session(context, flags).run();
}

/** One UI on one terminal. */
class Session {
  readonly #runner: Runner;
  readonly #store: Store;
  readonly #painter: Painter;
  readonly #canvas = new Canvas(ALL_SCREENS, writeScreen);
  #terminal: Terminal | undefined;
  #leaveConsole: AbortController | undefined;
  readonly #answered = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<number>();

  constructor(readonly context: Context, readonly flags: TuiFlags) {
    const model = initialModel({
      root: context.root,
      version: buildInfo().version,
      prefs: prefsFrom(envVar, flags),
      size: screenSize(),
      now: systemClock.now(),
    }, ALL_SCREENS);
    this.#painter = new Painter(systemClock, () => this.#paint());
    this.#store = new Store(model, reduce, {
      changed: ({ status }, urgent) => {
        this.#painter.request(urgent);
        if (status !== undefined) this.#answered.resolve();
      },
      effect: (effect) => this.#runner.run(effect),
      settled: (now) => this.#runner.settle(now),
    });
    const terminal = {
      handOver: (use: () => Promise<void>) => this.#handOver(use),
      redraw: () => this.#redraw(),
      stop: stopUntilContinued,
      console: (vm: string, api: Api) => this.#console(vm, api),
      quit: () => this.#over.resolve(0),
    };
    this.#runner = new Runner(
      { ...linkPorts(context), terminal },
      ALL_SCREENS,
      context.root,
      this.#store.dispatch,
    );
  }

  async run(): Promise<number> {
    const ends = [
      onEndSignals((signal) => this.#onSignal(signal)),
      onScreenResize(({ columns, rows }) => this.#store.dispatch({ type: "resized", columns, rows })),
      onUncaught((error) => this.#over.reject(error)),
    ];
    if (!this.flags.screenReader) {
      setRawKeys(true);
      this.#canvas.open();
      this.#canvas.draw(this.#store.model);
    }
    await this.#canvas.settled();
    const running = this.#runner.start();
    const opening = this.#openTerminal().catch((error: unknown) => this.#over.reject(error));
    try {
      return await this.#over.promise;
    } finally {
      await opening;
      await this.#close(running);
      for (const end of ends) end();
    }
  }

  async #openTerminal(): Promise<void> {
    if (!this.flags.screenReader) await within(systemClock, HEAD_START_MS, this.#answered.promise);
    const { openTerminal } = await import("./terminal.tsx");
    const terminal = await openTerminal({ onKey: this.#onKey, screenReader: this.flags.screenReader });
    this.#terminal = terminal;
    terminal.ended.then(() => this.#over.resolve(0), (error: unknown) => this.#over.reject(error));
    if (this.flags.screenReader) this.#painter.request(true);
  }

  async #close(running: Promise<void>): Promise<void> {
    this.#painter.stop();
    const hidden = this.#hide();
    await this.#terminal?.close();
    await within(systemClock, LEAVE_MS, this.#canvas.close());
    if (!this.flags.screenReader) setRawKeys(false);
    await hidden;
    await Promise.all([this.#runner.stop(), running]);
  }

  /** Hides what is presented, where that was asked for; a supervisor that does not answer is not waited for. */
  async #hide(): Promise<void> {
    const id = this.#store.model.guests.find((guest) => guest.presented)?.id;
    const { hideOnExit, readOnly } = this.flags;
    if (!hideOnExit || readOnly || id === undefined) return;
    await this.#runner.api?.perform("vm.hide", { id }, AbortSignal.timeout(HIDE_MS)).catch(() => {});
  }

  #onSignal(signal: EndSignal): void {
    if (signal === "SIGINT" && this.#leaveConsole !== undefined) this.#leaveConsole.abort();
    else this.#over.resolve(EXIT_OF_SIGNAL[signal]);
  }

  /** Only keys lead here, and keys come through the terminal library. */
  async #handOver(use: () => Promise<void>): Promise<void> {
    await this.#terminal?.handOver(async () => {
      await this.#canvas.close();
      try {
        await use();
      } finally {
        if (!this.flags.screenReader) this.#canvas.open();
        this.#redraw();
      }
    });
  }

  async #console(vm: string, api: Api): Promise<void> {
    const leave = new AbortController();
    this.#leaveConsole = leave;
    try {
      await showConsole(vm, api, { write: writeScreen, left: leave.signal });
    } finally {
      this.#leaveConsole = undefined;
    }
  }

  readonly #onKey = (key: Key): void => this.#store.dispatch({ type: "key", key });

  #paint(): void {
    const { model } = this.#store;
    if (this.flags.screenReader) this.#terminal?.speak(spokenLines(model, ALL_SCREENS));
    else this.#canvas.draw(model);
  }

  /** Everything anew, for a screen that others have written to. */
  #redraw(): void {
    this.#canvas.forget();
    this.#store.dispatch({ type: "resized", ...screenSize() });
  }
}

function linkPorts(context: Context): LinkPorts {
  const { layout } = context;
  return {
    clock: systemClock,
    async connect(start) {
      if (!await isServing(layout.socket)) {
        if (!start) fail("no_supervisor", "no supervisor answers");
        await requireRoot(context);
        await startInBackground(context);
      }
      return new ApiClient(layout.socket, undefined, "tui");
    },
    watch(changed) {
      try {
        return watchFolder(layout.runFolder, () => changed());
      } catch {
        return () => {}; // there is no such folder yet; the pause will do
      }
    },
  };
}
