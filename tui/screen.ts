/** What every screen is made of. Its state and keys are pure; its view is a function of the model. */
import type { ActionId } from "../src/actions/table.ts";
import type { Effect, Model, ScreenId, ScreenStates } from "./model.ts";
import type { Row } from "./line.ts";
import type { Message } from "./messages.ts";

/** The next state of a screen, and what is to be done. */
export interface Next<S> {
  readonly state: S;
  readonly effects?: readonly Effect[];
  /** Dispatched afterwards: an overlay to be opened, another screen. */
  readonly messages?: readonly Message[];
}

/** One row of the key table. */
export interface KeyRow {
  /** Names of keys, the one that is shown first. */
  readonly keys: readonly string[];
  /** A few words for help, footer and palette. */
  readonly title: string;
  /** Shown in the footer when it is possible, while there is room; or only where it is worth its room. */
  readonly footer?: true | ((model: Model) => boolean);
  /** What the key comes to while a text is typed, in the footer: then the screen takes it itself, as it takes the letters. */
  readonly typing?: string;
  /** Changes something: gone in a read-only UI. */
  readonly changes?: true;
  /** Why it is not possible now, in words; undefined: it is. */
  readonly disabled?: (model: Model) => string | undefined;
  readonly run: (model: Model) => readonly Message[];
}

export interface Screen<K extends ScreenId> {
  readonly id: K;
  readonly title: string;
  readonly init: ScreenStates[K];
  readonly keys: readonly KeyRow[];
  /** Takes every message that is not a key of the shell; keys come only while no overlay is open and no row of `keys` took them. */
  readonly reduce: (state: ScreenStates[K], message: Message, model: Model) => Next<ScreenStates[K]>;
  /** Whether it takes text at the moment (a filter, a field): then single letters are no keys. */
  readonly typing?: (state: ScreenStates[K]) => boolean;
  /** What would be lost if the UI ended now, as a sentence; undefined: nothing. */
  readonly unsaved?: (state: ScreenStates[K]) => string | undefined;
  /**
   * Carries out an effect `screen` of this screen; loads what is heavy when it is called. What fails is told by a message of the
   * screen; never throws.
   */
  readonly work?: (work: unknown, host: WorkHost) => Promise<void>;
  /** What it shows, at most `rows` rows; each is cut or filled to `columns` cells. For a screen reader lines may be longer. */
  readonly view: (model: Model, columns: number, rows: number) => readonly Row[];
}

/** What a screen's work outside the reducer has: the only way from a screen to files, programs and the API. */
export interface WorkHost {
  /** Data root. */
  readonly root: string;
  /** Failure as of `ApiClient.perform()`. */
  readonly perform: <T>(action: ActionId, params?: Readonly<Record<string, unknown>>) => Promise<T>;
  readonly send: (message: Message) => void;
  /** Aborts when the screen's work is called off (`stop_work`), and when the UI closes. */
  readonly signal: AbortSignal;
  /** Takes a message of the screen's own, without its wrapping. */
  readonly dispatch: (message: unknown) => void;
}
