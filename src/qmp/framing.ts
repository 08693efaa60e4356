/**
 * Bytes in, messages out: the framing that QMP and the guest agent share. One JSON object a line (QEMU
 * docs/interop/qmp-spec.txt, section 2); the byte 0xFF, which UTF-8 never holds, starts anew (docs/interop/
 * qemu-ga-ref: guest-sync-delimited). Nothing here throws, whatever the other side sends.
 */
import { isObject, type JsonObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { MIB } from "../core/units.ts";

/** Longest message of QEMU that is accepted; its whole schema is 0.2 MiB. */
export const MAX_QMP_MESSAGE = 10 * MIB;

/** Makes a JSON parser of QEMU, or of its guest agent, drop what it has read so far. */
export const RESYNC_BYTE = 0xff;

const LINE_FEED = 0x0a;
const SMALLEST_BUFFER = 4096;
/** A buffer that grew past this is given back once its message is out. */
const KEPT_BUFFER = 65536;
const SAMPLE = 120;

/** What could not be read, with the first characters of it (sanitised). */
export type FramingProblem =
  | { readonly kind: "too_large"; readonly limit: number; readonly sample: string }
  | { readonly kind: "not_json"; readonly bytes: number; readonly sample: string }
  | { readonly kind: "not_object"; readonly bytes: number; readonly sample: string };

export type FramingItem =
  | { readonly kind: "message"; readonly message: JsonObject }
  | { readonly kind: "problem"; readonly problem: FramingProblem }
  /** A 0xFF was read; `discarded` bytes of an unfinished message before it are gone. */
  | { readonly kind: "resync"; readonly discarded: number };

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** One message as it goes over the wire. */
export function encodeMessage(message: JsonObject): Uint8Array {
  return encoder.encode(JSON.stringify(message) + "\n");
}

/** One sentence for a log or a message. */
export function describeFramingProblem(problem: FramingProblem): string {
  switch (problem.kind) {
    case "too_large":
      return `a message of more than ${problem.limit} bytes, starting with ${JSON.stringify(problem.sample)}`;
    case "not_json":
      return `${problem.bytes} bytes that are not JSON: ${JSON.stringify(problem.sample)}`;
    case "not_object":
      return `JSON that is not an object: ${JSON.stringify(problem.sample)}`;
  }
}

/**
 * Splits a stream into messages. It holds at most one unfinished message, never more than `maxBytes`; what is longer
 * is reported once and skipped up to the next line end. The result depends on the bytes alone, not on how they were
 * split.
 */
export class Framer {
  #buffer = new Uint8Array(SMALLEST_BUFFER);
  #used = 0;
  /** True between the report of a message that is too large and the end of that message. */
  #skipping = false;

  constructor(private readonly maxBytes: number = MAX_QMP_MESSAGE) {}

  /** Bytes held back because their message is not complete. */
  get unfinished(): number {
    return this.#used;
  }

  feed(chunk: Uint8Array): FramingItem[] {
    const items: FramingItem[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte !== LINE_FEED && byte !== RESYNC_BYTE) continue;
      this.#take(chunk.subarray(from, at), items);
      from = at + 1;
      if (byte === LINE_FEED) this.#finish(items);
      else items.push({ kind: "resync", discarded: this.#used });
      this.#reset();
    }
    this.#take(chunk.subarray(from), items);
    return items;
  }

  #take(part: Uint8Array, items: FramingItem[]): void {
    if (this.#skipping || part.length === 0) return;
    const fits = Math.min(part.length, this.maxBytes - this.#used);
    this.#append(part.subarray(0, fits));
    if (fits === part.length) return;
    const sample = sampleOf(this.#buffer.subarray(0, this.#used));
    items.push({ kind: "problem", problem: { kind: "too_large", limit: this.maxBytes, sample } });
    this.#reset();
    this.#skipping = true;
  }

  #append(part: Uint8Array): void {
    const needed = this.#used + part.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.maxBytes, Math.max(needed, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = grown;
    }
    this.#buffer.set(part, this.#used);
    this.#used = needed;
  }

  #finish(items: FramingItem[]): void {
    if (this.#skipping) return;
    const item = parse(this.#buffer.subarray(0, this.#used));
    if (item) items.push(item);
  }

  #reset(): void {
    this.#used = 0;
    this.#skipping = false;
    if (this.#buffer.length > KEPT_BUFFER) this.#buffer = new Uint8Array(SMALLEST_BUFFER);
  }
}

/** The message of one line; undefined for a blank one. */
function parse(line: Uint8Array): FramingItem | undefined {
  let value: unknown;
  try {
    const text = strict.decode(line);
    if (text.trim() === "") return undefined;
    value = JSON.parse(text);
  } catch {
    return { kind: "problem", problem: { kind: "not_json", bytes: line.length, sample: sampleOf(line) } };
  }
  if (!isObject(value)) {
    return { kind: "problem", problem: { kind: "not_object", bytes: line.length, sample: sampleOf(line) } };
  }
  // JSON.parse makes nothing but JSON values, so an object of it is a JsonObject.
  return { kind: "message", message: value as JsonObject };
}

function sampleOf(bytes: Uint8Array): string {
  return sanitizeLine(lenient.decode(bytes.subarray(0, 4 * SAMPLE)).trim(), SAMPLE);
}
