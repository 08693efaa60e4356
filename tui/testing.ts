/** For tests of the UI: a frame as visible text, keys pressed over `reduce()`. */
import { frameRows, spokenLines } from "./frame.ts";
import { type Key, named } from "./key.ts";
import type { Message } from "./messages.ts";
import type { Effect, Model } from "./model.ts";
import { initialModel } from "./initial.ts";
import { fitSpans, plainText } from "./line.ts";
import { PLAIN_PREFS, type Prefs } from "./prefs.ts";
import { makeReduce } from "./reduce.ts";
import { ALL_SCREENS, type AllScreens } from "./screens/all.ts";
import { marksOf } from "./theme.ts";

export interface FrameOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly prefs?: Partial<Prefs>;
  readonly screens?: AllScreens;
  /** A screen whose view fails is expected; else it is an error of the test. */
  readonly mayFail?: true;
}

/** What a terminal of this size shows, line by line, without colours and spaces at the ends of lines. */
export function frame(model: Model, options: FrameOptions = {}): string {
  const { columns = model.size.columns, rows = model.size.rows, screens = ALL_SCREENS } = options;
  const shown = { ...model, size: { columns, rows }, prefs: { ...model.prefs, ...options.prefs } };
  if (shown.prefs.screenReader) return spokenLines(shown, screens).join("\n");
  if (!options.mayFail) screens[shown.screen].view(shown, columns, rows); // a frame would say that it failed, and stand
  const { more } = marksOf(shown.prefs);
  return frameRows(shown, screens).map((row) => plainText(fitSpans(row, columns, more)).trimEnd()).join("\n");
}

/** 2026-01-31T12:00:00Z, a fixed moment for models of tests. */
export const TEST_NOW = Date.parse("2026-01-31T12:00:00Z");

export function testModel(change: Partial<Model> = {}, screens: AllScreens = ALL_SCREENS): Model {
  const beginning = {
    root: "/var/rayos",
    version: "0.1.0",
    prefs: PLAIN_PREFS,
    size: { columns: 80, rows: 24 },
    now: TEST_NOW,
  };
  return { ...initialModel(beginning, screens), ...change };
}

/** The UI without a terminal: messages and keys in, model and effects to be looked at. */
export class Driver {
  /** All effects so far; a test may empty it. */
  readonly effects: Effect[] = [];
  readonly #reduce;
  constructor(public model: Model = testModel(), readonly screens: AllScreens = ALL_SCREENS) {
    this.#reduce = makeReduce(screens);
  }

  send(...messages: readonly Message[]): this {
    for (const message of messages) {
      const { model, effects } = this.#reduce(this.model, message);
      this.model = model;
      this.effects.push(...effects);
    }
    return this;
  }

  /** Presses keys by their names (`a`, `enter`, `ctrl-c`). */
  press(...keys: readonly string[]): this {
    return this.send(...keys.map((key): Message => ({ type: "key", key: named(key) })));
  }

  /** Types a text, character by character. */
  type(text: string): this {
    return this.press(...[...text].map((char) => char === " " ? "space" : char));
  }

  paste(text: string): this {
    const key: Key = { text };
    return this.send({ type: "key", key });
  }

  frame(options: FrameOptions = {}): string {
    return frame(this.model, { screens: this.screens, ...options });
  }
}

/** The sizes that goldens are made in. */
export const GOLDEN_SIZES: readonly Model["size"][] = [
  { columns: 60, rows: 16 },
  { columns: 80, rows: 24 },
  { columns: 120, rows: 30 },
  { columns: 200, rows: 50 },
];
