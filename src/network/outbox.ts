/** Frames for the guest, on their way to QEMU: many in one write, and no more of them than a bound. */
import { put32 } from "./frames.ts";

/** TCP sends again what is dropped; everything else is made for that. */
const MAX_WAITING = 4 * 1024 * 1024;

export class Outbox {
  #frames: Uint8Array[] = [];
  #waiting = 0;
  #writing = false;

  /** @param failed is told once, of the first write that fails */
  constructor(
    private readonly write: (bytes: Uint8Array) => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** False when there is no room for it. */
  send(frame: Uint8Array): boolean {
    if (this.#waiting + frame.length > MAX_WAITING) return false;
    this.#frames.push(frame);
    this.#waiting += frame.length + 4;
    if (!this.#writing) {
      this.#writing = true;
      queueMicrotask(() => void this.#drain()); // what else comes at this moment goes with it
    }
    return true;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#frames.length > 0) {
        const bytes = joined(this.#frames, this.#waiting);
        this.#frames = [];
        this.#waiting = 0;
        await this.write(bytes);
      }
      this.#writing = false;
    } catch (error) {
      this.failed(error); // nothing is ever written again
    }
  }
}

function joined(frames: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const frame of frames) {
    put32(bytes, at, frame.length);
    bytes.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return bytes;
}
