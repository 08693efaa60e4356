/** A text that nobody sees by accident: not in JSON, not in an inspection of what holds it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one who needs it. */
  reveal(): string {
    return this.#text;
  }

  /** Characters, for as many dots. */
  get length(): number {
    return [...this.#text].length;
  }

  toJSON(): string {
    return "[hidden]";
  }

  toString(): string {
    return "[hidden]";
  }

  [Symbol.for("Deno.customInspect")](): string {
    return "[hidden]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[hidden]";
  }
}
