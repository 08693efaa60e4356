/**
 * The separately kept head of the audit chain (`logs/audit.head`). It is written after the records it names are on disk and
 * before `record()` returns, so it knows every record by which something was begun: when one of them is cut off the
 * trail, that shows. A crash between the two writes leaves a head that is one write behind.
 *
 * The file has two slots, written in turn: a power cut in the middle of a write spoils one, and the other still stands.
 */
import { createHash } from "node:crypto";
import { dirname } from "../ports/files.ts";
import { type FileOps, type OpenFile, readPart, writeWhole } from "../ports/file_ops.ts";
import type { ChainHead } from "./record.ts";

export interface KeptHead extends ChainHead {
  /** Number of the oldest record that is kept: rotation has taken the ones before, and nothing else may. */
  readonly first: number;
}

/** Each slot in a disk block of its own, so that writing one can't spoil the other. */
const SLOT_BYTES = 4096;
const SLOT = /^(\d{16}) ([0-9a-f]{64}) (\d{16}) ([0-9a-f]{16})\n/;
const utf8 = new TextEncoder();

function checkOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** One slot: number and hash of the last record, number of the first, a check sum over them; spaces up to its end. */
export function formatSlot({ seq, hash, first }: KeptHead): string {
  const text = `${String(seq).padStart(16, "0")} ${hash} ${String(first).padStart(16, "0")}`;
  return `${text} ${checkOf(text)}\n`.padEnd(SLOT_BYTES - 1) + "\n";
}

/** What a slot says; undefined when it is empty or spoilt. */
export function parseSlot(slot: string): KeptHead | undefined {
  const [whole, seq, hash = "", first, check] = SLOT.exec(slot) ?? [];
  if (whole === undefined || checkOf(whole.slice(0, whole.lastIndexOf(" "))) !== check) return undefined;
  return { seq: Number(seq), hash, first: Number(first) };
}

export class HeadFile {
  #file: OpenFile | undefined;
  /** The slot that the next write goes to. */
  #next = 0;

  constructor(private readonly path: string, private readonly ops: FileOps) {}

  /** The later of the two heads; undefined when there is none. */
  read(): KeptHead | undefined {
    if (this.ops.idAt(this.path) === undefined) return undefined;
    const file = this.ops.open(this.path, "read");
    try {
      const text = new TextDecoder().decode(readPart(file, 0, 2 * SLOT_BYTES));
      const [a, b] = [parseSlot(text), parseSlot(text.slice(SLOT_BYTES))];
      const isB = b !== undefined && (!a || b.seq > a.seq || (b.seq === a.seq && b.first > a.first));
      this.#next = isB ? 0 : 1;
      return isB ? b : a;
    } finally {
      file.close();
    }
  }

  /** On disk when it returns. After a failure the same slot is written again, so that one good head is left at all times. */
  write(head: KeptHead): void {
    if (!this.#file || this.ops.idAt(this.path) !== this.#file.id) this.#open();
    const file = this.#file;
    if (!file) return;
    writeWhole(file, utf8.encode(formatSlot(head)), this.#next * SLOT_BYTES);
    file.flush();
    this.#next = 1 - this.#next;
  }

  #open(): void {
    this.close();
    this.#file = this.ops.open(this.path, "update");
    this.ops.flushFolder(dirname(this.path));
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
