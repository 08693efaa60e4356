/** The model, what changes it, and who is told. */
import type { Message } from "./messages.ts";
import type { Effect, Model } from "./model.ts";
import type { Reduce, Reduced } from "./reduce.ts";
import { clean } from "./text.ts";
import { withToast } from "./toasts.ts";

export interface StoreListener {
  /** The model has changed; `urgent`: by a key or the first answer at all, somebody waits for it. */
  readonly changed: (model: Model, urgent: boolean) => void;
  readonly effect: (effect: Effect) => void;
  /** After every message. */
  readonly settled: (model: Model) => void;
}

export class Store {
  readonly #queue: Message[] = [];
  #isReducing = false;

  constructor(public model: Model, readonly reduce: Reduce, readonly listener: StoreListener) {}

  /** Messages are taken one after the other, also those that an effect sends at once. */
  readonly dispatch = (message: Message): void => {
    this.#queue.push(message);
    if (this.#isReducing) return;
    this.#isReducing = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#take(next);
    } finally {
      this.#isReducing = false;
    }
  };

  #take(message: Message): void {
    const before = this.model;
    const { model, effects } = this.#reduced(before, message);
    this.model = model;
    const isFirst = before.status === undefined && model.status !== undefined;
    if (model !== before) this.listener.changed(model, message.type === "key" || isFirst);
    for (const effect of effects) this.listener.effect(effect);
    this.listener.settled(model);
  }

  /** A defect in what one message leads to is said, and ends nothing: the operator may be in the middle of something. */
  #reduced(before: Model, message: Message): Reduced {
    try {
      return this.reduce(before, message);
    } catch (error) {
      const why = clean(error instanceof Error ? error.message : String(error));
      return {
        model: withToast(before, "bad", `Defect of this UI, nothing was done: ${message.type}: ${why}`),
        effects: [],
      };
    }
  }
}
