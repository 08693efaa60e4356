/**
 * The audit trail as files: the chain's last file, the ones set aside, and the kept head. Writes are durable when they
 * return, and opening mends what a crash has left.
 *
 * Order of a write: records, flushed; then the head, flushed. So the head never knows a record that is not on disk, and
 * no record that a caller was told of is unknown to the head.
 */
import { AppendFile, olderFiles, planRotation, rotate } from "../ports/append_file.ts";
import { dirname } from "../ports/files.ts";
import type { FileOps } from "../ports/file_ops.ts";
import type { JsonObject } from "../core/json.ts";
import { HeadFile, type KeptHead } from "./head.ts";
import { endOfLastLine, linesBackward, linesForward } from "./lines.ts";
import {
  type AuditRecord,
  type ChainHead,
  EMPTY_CHAIN,
  lineOf,
  linkFault,
  MAX_BATCH,
  parseLine,
} from "./record.ts";

export interface TrailOptions {
  readonly ops: FileOps;
  readonly auditFile: string;
  readonly headFile: string;
  keepFiles: number;
  maxBytes: number;
}

/** What opening found that must stand in the trail. `why` is a sentence. */
export interface TrailNote {
  readonly kind: "repaired" | "mismatch";
  readonly why: string;
  readonly detail: JsonObject;
}

/** The end of the trail as it was found. */
interface Found {
  readonly head: ChainHead;
  /** Length of the current file that counts; what follows is cut off. */
  readonly size: number;
  readonly mismatch?: string;
}

interface FoundLine {
  readonly text: string;
  /** Byte at which it begins. */
  readonly start: number;
  readonly inCurrent: boolean;
}

const utf8 = new TextEncoder();

export class Trail {
  readonly #options: TrailOptions;
  readonly #headFile: HeadFile;
  #file: AppendFile | undefined;
  /** What is on disk and in the chain; undefined before the first opening. */
  #head: KeptHead | undefined;
  /** The kept head on disk is behind `#head`, because writing it failed. */
  #headBehind = false;
  readonly #notes: TrailNote[] = [];

  constructor(options: TrailOptions) {
    this.#options = options;
    this.#headFile = new HeadFile(options.headFile, options.ops);
  }

  get head(): ChainHead {
    return this.#head ?? EMPTY_CHAIN;
  }

  limits(keepFiles: number, maxBytes: number): void {
    this.#options.keepFiles = keepFiles;
    this.#options.maxBytes = maxBytes;
  }

  /** Makes the trail ready for `append`; nothing is done when it is. Throws what the kernel says. */
  open(): void {
    const { ops, auditFile } = this.#options;
    if (this.#file && ops.idAt(auditFile) === this.#file.id) {
      if (this.#headBehind) this.#keepHead(this.#head);
      return;
    }
    this.#file?.close();
    this.#file = undefined;
    // While this process lives it knows the head better than the file does.
    const kept = this.#head ?? this.#headFile.read();
    // The head is made before the first record, so that a trail without a head is never what a crash leaves.
    if (!kept && ops.idAt(auditFile) === undefined && olderFiles(auditFile, ops).length === 0) {
      this.#headFile.write({ ...EMPTY_CHAIN, first: 1 });
    }
    const file = new AppendFile(auditFile, ops);
    try {
      ops.flushFolder(dirname(auditFile));
      const found = this.#findEnd(file, kept);
      const notes = noteOf(file.size, found, kept);
      if (found.size < file.size) file.truncate(found.size);
      this.#notes.push(...notes);
      const head = { ...found.head, first: kept?.first ?? this.#firstSeq() ?? 1 };
      // What did not fit is on disk for all to see until the first record tells of it.
      if (found.mismatch === undefined) this.#keepHead(head);
      this.#head = head;
      this.#file = file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What opening has mended, or found not to fit, since this was last asked. */
  takeNotes(): TrailNote[] {
    return this.#notes.splice(0);
  }

  /**
   * Adds records, which follow on {@link head}; all of them are on disk when it returns. When it throws, none is in the
   * chain, except that a failure of the kept head alone leaves them in it: {@link head} says which.
   */
  append(records: readonly AuditRecord[]): void {
    const last = records.at(-1);
    if (!last || records.length > MAX_BATCH) throw new RangeError(`1 to ${MAX_BATCH} records at once`);
    const bytes = utf8.encode(records.map((record) => lineOf(record) + "\n").join(""));
    if (this.#file && this.#file.size > 0 && this.#file.size + bytes.length > this.#options.maxBytes) {
      this.#rotate();
    }
    if (!this.#file || !this.#head) throw new Error("the audit trail is not open");
    this.#file.append(bytes, true);
    this.#keepHead({ seq: last.seq, hash: last.hash, first: this.#head.first });
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#headFile.close();
  }

  #keepHead(head: KeptHead | undefined): void {
    if (!head) return;
    this.#head = head;
    this.#headBehind = true;
    this.#headFile.write(head);
    this.#headBehind = false;
  }

  /** The head learns first that old files go, so that it never names a beginning that is gone. */
  #rotate(): void {
    const { ops, auditFile, keepFiles } = this.#options;
    this.#file?.tidy(); // as an older file it would keep what is not in the chain
    const plan = planRotation(olderFiles(auditFile, ops), keepFiles);
    const first = this.#firstSeq(plan.remove) ?? this.head.seq + 1;
    if (this.#head && first > this.#head.first) this.#keepHead({ ...this.#head, first });
    this.#file?.close();
    this.#file = undefined;
    rotate(auditFile, plan, ops, true);
    this.#file = new AppendFile(auditFile, ops);
    ops.flushFolder(dirname(auditFile));
  }

  /** Number of the oldest record in the files without those of the numbers in `but` (0 is the current file). */
  #firstSeq(but: readonly number[] = []): number | undefined {
    const { ops, auditFile } = this.#options;
    for (const n of [...olderFiles(auditFile, ops).reverse(), 0]) {
      if (but.includes(n)) continue;
      const file = ops.open(n === 0 ? auditFile : `${auditFile}.${n}`, "read");
      try {
        for (const { text, whole } of linesForward(file)) {
          const record = parseLine(text);
          if (whole && !("why" in record)) return record.seq;
          break;
        }
      } finally {
        file.close();
      }
    }
    return undefined;
  }

  /** Walks back from the end to the record that the kept head names, and forward again as far as the chain holds. */
  #findEnd(current: AppendFile, kept: KeptHead | undefined): Found {
    const size = endOfLastLine(current.file, current.size);
    const base: ChainHead = kept ?? EMPTY_CHAIN;
    const after: FoundLine[] = [];
    let last: AuditRecord | undefined;
    let isBaseThere = false;
    for (const line of this.#backward(current)) {
      const record = parseLine(line.text);
      if (!("why" in record)) {
        last ??= record;
        isBaseThere = record.seq === base.seq && record.hash === base.hash;
        if (record.seq <= base.seq) break;
      }
      after.push(line);
      if (after.length > MAX_BATCH) break;
    }
    if (base.seq === 0 && after.length <= MAX_BATCH) isBaseThere = kept !== undefined || after.length === 0;
    if (isBaseThere) {
      const end = chainEnd(base, after.reverse());
      if (end.broken === undefined) return { head: end.head, size };
      if (end.broken.inCurrent) return { head: end.head, size: end.broken.start };
    }
    const head = last ? { seq: last.seq, hash: last.hash } : EMPTY_CHAIN;
    if (!kept) return { head, size, mismatch: "the separately kept head is missing or spoilt" };
    if (kept.seq > head.seq) {
      const mismatch = `records ${head.seq + 1} to ${kept.seq} are missing at the end`;
      return { head: { seq: kept.seq, hash: kept.hash }, size, mismatch }; // the gap stays to be seen
    }
    return { head, size, mismatch: `record ${kept.seq} is not the one that the kept head names` };
  }

  /** Whole lines from the end backwards, over the current file and those set aside. */
  *#backward(current: AppendFile): Generator<FoundLine> {
    const { ops, auditFile } = this.#options;
    for (const { text, start } of linesBackward(current.file, current.size)) {
      yield { text, start, inCurrent: true };
    }
    for (const n of olderFiles(auditFile, ops)) {
      const file = ops.open(`${auditFile}.${n}`, "read");
      try {
        for (const { text, start } of linesBackward(file, file.size())) {
          yield { text, start, inCurrent: false };
        }
      } finally {
        file.close();
      }
    }
  }
}

/** Follows the chain from `base` over `lines`, up to the first that does not belong to it. */
function chainEnd(
  base: ChainHead,
  lines: readonly FoundLine[],
): { readonly head: ChainHead; readonly broken?: FoundLine } {
  let head = base;
  for (const line of lines) {
    const record = parseLine(line.text);
    if ("why" in record || linkFault(head, record)) return { head, broken: line };
    head = { seq: record.seq, hash: record.hash };
  }
  return { head };
}

function noteOf(size: number, found: Found, kept: KeptHead | undefined): TrailNote[] {
  const notes: TrailNote[] = [];
  if (found.size < size) {
    const cut = size - found.size;
    const why = `${cut} bytes of records that a crash left unfinished were cut off`;
    notes.push({ kind: "repaired", why, detail: { bytes: cut, after: found.head.seq } });
  }
  if (found.mismatch !== undefined) {
    notes.push({
      kind: "mismatch",
      why: found.mismatch,
      detail: { kept: kept ? { seq: kept.seq, hash: kept.hash } : null, after: found.head.seq },
    });
  }
  return notes;
}
