/** The body of an HTTP/1.1 request, of known length or in chunks (RFC 9112, 6 and 7.1), from pieces of any size: pure. */
import type { BodyLength } from "./http_head.ts";

/** Longest line between chunks, and all trailers together, bytes. */
const MAX_LINE = 1024;
const MAX_TRAILERS = 8 * 1024;

type Phase = "data" | "size" | "end of chunk" | "trailers" | "done" | "broken";

export interface Fed {
  /** Body bytes, in order. */
  readonly data: readonly Uint8Array[];
  /** Bytes of the input that belong to this body. */
  readonly taken: number;
}

export class BodyReader {
  #phase: Phase;
  /** Bytes still to come of the body, or of this chunk. */
  #left = 0;
  #line = "";
  #trailers = 0;
  readonly #chunked: boolean;

  constructor(length: BodyLength) {
    this.#chunked = length.kind === "chunked";
    if (length.kind === "bytes") this.#left = length.bytes;
    this.#phase = this.#chunked ? "size" : this.#left > 0 ? "data" : "done";
  }

  get done(): boolean {
    return this.#phase === "done";
  }

  /** It is not what was announced, and nothing behind it can be told apart from it. */
  get broken(): boolean {
    return this.#phase === "broken";
  }

  /** Takes what belongs to the body from the beginning of `bytes`. */
  feed(bytes: Uint8Array): Fed {
    const data: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length && !this.done && !this.broken) {
      if (this.#phase === "data") {
        const piece = bytes.subarray(at, at + Math.min(this.#left, bytes.length - at));
        data.push(piece);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#phase = this.#chunked ? "end of chunk" : "done";
      } else {
        const byte = bytes[at++] ?? 0; // in bounds by the loop's condition
        this.#line += String.fromCharCode(byte);
        if (byte === 10) this.#endLine();
        else if (this.#line.length > MAX_LINE) this.#phase = "broken";
      }
    }
    return { data, taken: at };
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r\n")) return this.#fall();
    const text = line.slice(0, -2);
    switch (this.#phase) {
      case "size": {
        const size = /^([0-9a-f]{1,8})[ \t]*(;.*)?$/i.exec(text)?.[1];
        if (size === undefined) return this.#fall();
        this.#left = parseInt(size, 16);
        this.#phase = this.#left > 0 ? "data" : "trailers";
        return;
      }
      case "end of chunk":
        this.#phase = text === "" ? "size" : "broken";
        return;
      case "trailers":
        this.#trailers += line.length;
        if (text === "") this.#phase = "done";
        else if (this.#trailers > MAX_TRAILERS) this.#fall();
        return;
      default:
    }
  }

  #fall(): void {
    this.#phase = "broken";
  }
}
