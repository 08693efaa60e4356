/** Opens the UI on a terminal, and leaves the terminal as it was, whatever happens. */
import { type Instance, render, useApp, useInput, usePaste } from "ink";
import { type ReactNode, useEffect } from "react";
import { ApiClient } from "../src/api/client.ts";
import type { TuiFlags } from "../src/cli/commands/tui.ts";
import { isServing, startInBackground } from "../src/cli/connect.ts";
import { type Context, requireRoot } from "../src/cli/context.ts";
import { fail } from "../src/core/problem.ts";
import { systemClock } from "../src/ports/clock.ts";
import {
  type EndSignal,
  onEndSignals,
  onScreenResize,
  screenSize,
  stopUntilContinued,
  writeScreen,
} from "../src/ports/screen.ts";
import { envVar } from "../src/ports/terminal.ts";
import { onUncaught } from "../src/ports/uncaught.ts";
import { watchFolder } from "../src/ports/watch.ts";
import { App } from "./app.tsx";
import { showConsole } from "./console.ts";
import { prefsFrom } from "./detect.ts";
import { Runner } from "./effects.ts";
import { initialModel } from "./initial.ts";
import { keysOf } from "./input.ts";
import type { Key } from "./key.ts";
import type { Api, LinkPorts } from "./link.ts";
import { Painter } from "./painter.ts";
import { reduce } from "./reduce.ts";
import { ALL_SCREENS } from "./screens/all.ts";
import { Store } from "./store.ts";
import type { Model } from "./model.ts";

/** Longest time that hiding the presented guest may take while the UI ends. */
const HIDE_MS = 3_000;

/** Of keys that are held down; what comes by itself is drawn less often (`painter.ts`). */
const MAX_FPS = 30;

/** 128 and the signal's number, as shells have it. */
const EXIT_OF_SIGNAL: Readonly<Record<EndSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

type HandOver = (use: () => Promise<void>) => Promise<void>;

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
  #instance: Instance | undefined;
  #handOver: HandOver = () => Promise.reject(new Error("the terminal is not ready yet"));
  #leaveConsole: AbortController | undefined;
  readonly #over = Promise.withResolvers<number>();

  constructor(readonly context: Context, readonly flags: TuiFlags) {
    const model = initialModel({
      root: context.root,
      prefs: prefsFrom(envVar, flags),
      size: screenSize(),
      now: systemClock.now(),
    }, ALL_SCREENS);
    this.#painter = new Painter(systemClock, () => this.#paint());
    this.#store = new Store(model, reduce, {
      changed: (_, urgent) => this.#painter.request(urgent),
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
    const { screenReader } = this.flags;
    const ends = [
      onEndSignals((signal) => this.#onSignal(signal)),
      onScreenResize(({ columns, rows }) => this.#store.dispatch({ type: "resized", columns, rows })),
      onUncaught((error) => this.#over.reject(error)),
    ];
    const instance = render(this.#tree(this.#store.model), {
      alternateScreen: !screenReader,
      incrementalRendering: true,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
      isScreenReaderEnabled: screenReader,
      maxFps: MAX_FPS,
    });
    this.#instance = instance;
    // An error in a view ends Ink by itself.
    instance.waitUntilExit().then(() => this.#over.resolve(0), (error: unknown) => this.#over.reject(error));
    const running = this.#runner.start();
    try {
      return await this.#over.promise;
    } finally {
      await this.#close(instance, running);
      for (const end of ends) end();
    }
  }

  async #close(instance: Instance, running: Promise<void>): Promise<void> {
    this.#painter.stop();
    const hidden = this.#hide();
    try {
      instance.unmount();
      await instance.waitUntilExit().catch(() => {});
    } catch { /* the terminal is gone */ }
    await hidden;
    this.#runner.stop();
    await running;
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

  async #console(vm: string, api: Api): Promise<void> {
    const leave = new AbortController();
    this.#leaveConsole = leave;
    try {
      await showConsole(vm, api, { write: writeScreen, left: leave.signal });
    } finally {
      this.#leaveConsole = undefined;
    }
  }

  #tree(model: Model): ReactNode {
    return (
      <>
        <Keys onKey={this.#onKey} onReady={this.#onReady} />
        <App model={model} screens={ALL_SCREENS} />
      </>
    );
  }

  readonly #onKey = (key: Key): void => this.#store.dispatch({ type: "key", key });
  readonly #onReady = (handOver: HandOver): void => {
    this.#handOver = handOver;
  };

  #paint(): void {
    this.#instance?.rerender(this.#tree(this.#store.model));
  }

  /** Everything anew, for a screen that others have written to. */
  #redraw(): void {
    this.#instance?.clear();
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

/** The one place where keys come in. */
function Keys({ onKey, onReady }: {
  readonly onKey: (key: Key) => void;
  readonly onReady: (handOver: HandOver) => void;
}) {
  const { suspendTerminal } = useApp();
  useEffect(() => onReady((use) => suspendTerminal(use)), [onReady, suspendTerminal]);
  useInput((input, key) => {
    for (const one of keysOf(input, key)) onKey(one);
  });
  usePaste((text) => onKey({ text }));
  return null;
}
