/**
 * The terminal's screen, drawn on: it knows what is there, and sends what is other than that. While the terminal is still taking
 * the last frame, none is sent; then the newest is.
 */
import { frameRows } from "./frame.ts";
import type { Model } from "./model.ts";
import { ENTER, LEAVE, painted, patch } from "./paint.ts";
import type { AllScreens } from "./screens/all.ts";

export class Canvas {
  /** What is shown, line by line, and how wide the terminal was then; undefined: unknown. */
  #shown: { readonly columns: number; readonly lines: readonly string[] } | undefined;
  #waiting: Model | undefined;
  #isOpen = false;
  /** What takes the screen is sent with the first frame: a terminal shows both at once. */
  #before = "";
  #writing: Promise<void> | undefined;

  /** `write` resolves when the terminal has taken the text, and never rejects. */
  constructor(readonly screens: AllScreens, readonly write: (text: string) => Promise<void>) {}

  /** Takes the screen; what was there comes back with {@link close}. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#shown = undefined;
    this.#before = ENTER;
  }

  /** Gives the screen back as it was. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#waiting = undefined;
    if (this.#before === "") this.#send(LEAVE);
    await this.settled();
  }

  /** Resolves when the terminal has taken all that was drawn so far. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  draw(model: Model): void {
    if (!this.#isOpen) return;
    this.#waiting = model;
    if (this.#writing === undefined) this.#drawWaiting();
  }

  /** Somebody else may have written to the screen: the next frame is drawn whole. */
  forget(): void {
    this.#shown = undefined;
  }

  #drawWaiting(): void {
    const model = this.#waiting;
    if (model === undefined) return;
    this.#waiting = undefined;
    const { columns } = model.size;
    const lines = frameRows(model, this.screens).map((row) => painted(row, columns, model.prefs));
    const before = this.#shown;
    // A terminal of another size has moved and cut what it showed.
    const isSame = before?.columns === columns && before.lines.length === lines.length;
    const text = patch(isSame ? before.lines : undefined, lines);
    this.#shown = { columns, lines };
    if (text !== "") this.#send(this.#before + text);
    this.#before = "";
  }

  #send(text: string): void {
    const written = this.#writing?.then(() => this.write(text)) ?? this.write(text);
    const writing: Promise<void> = written.then(() => {
      if (this.#writing !== writing) return; // more was sent meanwhile
      this.#writing = undefined;
      this.#drawWaiting();
    });
    this.#writing = writing;
  }
}
