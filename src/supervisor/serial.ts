/**
 * The serial console of one guest: always drained (a connected reader that does not read stalls the guest's output
 * after about 280 bytes), kept in a bounded log, and the last part in memory for those who look.
 */
import { sanitizeText } from "../core/sanitize.ts";
import { MIB } from "../core/units.ts";
import { AppendFile, rotateFiles } from "../ports/append_file.ts";
import type { ByteStream } from "../ports/unix_socket.ts";

const MAX_LOG_BYTES = MIB;
const TAIL_BYTES = 64 * 1024;

export class SerialLog {
  #file: AppendFile | undefined;
  #tail = new Uint8Array();
  #stream: ByteStream | undefined;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();

  #ended: Promise<void> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** Resolves when the console has said its last word. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Reads `stream` to its end, while others go on. */
  start(stream: ByteStream): void {
    this.#ended = this.#drain(stream);
  }

  /** Never throws: a full disk costs the log, not the guest. */
  async #drain(stream: ByteStream): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    this.#stream = stream;
    try {
      while (true) {
        const n = await stream.read(buffer);
        if (n === null) return;
        this.#take(buffer.slice(0, n));
      }
    } catch {
      /* the guest is gone */
    } finally {
      stream.close();
      this.#file?.close();
      this.#file = undefined;
    }
  }

  /** Lets go of the console: the next one that connects has it. */
  close(): void {
    this.#stream?.close();
  }

  #take(bytes: Uint8Array): void {
    const joined = new Uint8Array(Math.min(TAIL_BYTES, this.#tail.length + bytes.length));
    const keep = Math.max(0, joined.length - bytes.length);
    joined.set(this.#tail.subarray(this.#tail.length - keep));
    joined.set(bytes.subarray(Math.max(0, bytes.length - joined.length)), keep);
    this.#tail = joined;
    try {
      this.#file ??= new AppendFile(this.path);
      if (this.#file.size > 0 && this.#file.size + bytes.length > MAX_LOG_BYTES) {
        this.#file.close();
        this.#file = undefined;
        rotateFiles(this.path, 2);
        this.#file = new AppendFile(this.path);
      }
      this.#file.append(bytes, false);
    } catch { /* the tail in memory stays */ }
    for (const listener of this.#listeners) listener(bytes);
  }

  /** Calls `listener` with what is in memory and then with every piece that comes; the returned function ends it. */
  follow(listener: (bytes: Uint8Array) => void): () => void {
    if (this.#tail.length) listener(this.#tail);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The last lines, harmless for a terminal. */
  lines(count: number): string[] {
    const text = sanitizeText(new TextDecoder().decode(this.#tail));
    return text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "").slice(-count);
  }
}
