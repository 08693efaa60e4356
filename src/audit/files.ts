/** Reading the audit trail: in order, from the end, or as it grows. Never more than one line of it is in memory. */
import { dirname } from "../ports/files.ts";
import { olderFiles } from "../ports/append_file.ts";
import { type FileOps, type OpenFile, systemFiles } from "../ports/file_ops.ts";
import { HeadFile } from "./head.ts";
import { endOfLastLine, linesBackward, linesForward } from "./lines.ts";
import { type AuditRecord, END_PHASES, parseLine } from "./record.ts";
import { type ChainCheck, ChainVerifier } from "./verify.ts";

interface TrailFile {
  readonly name: string;
  readonly file: OpenFile;
}

/** A record with the very line that stands in the file. */
export interface StoredRecord {
  readonly record: AuditRecord;
  readonly line: string;
}

/**
 * The trail's files, opened, newest first. Opened in this order no file is missed and none is there twice, although a
 * rotation may rename them meanwhile: a file's number only grows.
 */
function openNewestFirst(auditFile: string, ops: FileOps): TrailFile[] {
  const files: TrailFile[] = [];
  const known = new Set<string>();
  const open = (name: string) => {
    if (ops.idAt(name) === undefined) return;
    let file: OpenFile;
    try {
      file = ops.open(name, "read");
    } catch (error) {
      if (ops.idAt(name) === undefined) return; // renamed in this very moment: it comes under its next number
      throw error;
    }
    if (known.has(file.id)) return file.close();
    known.add(file.id);
    files.push({ name, file });
  };
  open(auditFile);
  for (let n = 1, most = mostOf(auditFile, ops); n <= most; n++) {
    open(`${auditFile}.${n}`);
    if (n === most) most = mostOf(auditFile, ops);
  }
  return files;
}

function mostOf(auditFile: string, ops: FileOps): number {
  return olderFiles(auditFile, ops).at(-1) ?? 0;
}

/** Reads the whole trail and names the first bad record. A supervisor may write to it meanwhile. */
export function verifyAudit(auditFile: string, headFile: string, ops: FileOps = systemFiles): ChainCheck {
  const steps = verifySteps(auditFile, headFile, ops);
  while (true) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** How much of a trail has been read, of how much there was at the beginning. */
export interface BytesRead {
  readonly bytes: number;
  readonly of: number;
}

/** As {@link verifyAudit}, a line a step: for whoever has other things to do in between. To be taken to its end or returned. */
export function* verifySteps(
  auditFile: string,
  headFile: string,
  ops: FileOps = systemFiles,
): Generator<BytesRead, ChainCheck> {
  const readHead = () => new HeadFile(headFile, ops).read();
  const kept = readHead(); // before the trail: records that it names must then be there
  const files = openNewestFirst(auditFile, ops);
  try {
    const verifier = new ChainVerifier(kept, auditFile);
    const of = files.reduce((sum, { file }) => sum + file.size(), 0);
    let before = 0;
    for (const { name, file } of files.toReversed()) {
      let number = 0, bytes = before;
      for (const { text, end } of linesForward(file)) {
        if (!verifier.line(text, name, ++number)) return verifier.result(readHead());
        yield { bytes: bytes = before + end, of };
      }
      before = bytes;
    }
    return verifier.result(readHead());
  } finally {
    for (const { file } of files) file.close();
  }
}

/** All records, oldest first, that `filter` lets pass. Lines that are no records are left out: `verifyAudit` names them. */
export function* recordsOf(
  auditFile: string,
  filter: (record: AuditRecord) => boolean = () => true,
  ops: FileOps = systemFiles,
): Generator<StoredRecord> {
  const files = openNewestFirst(auditFile, ops);
  try {
    for (const { file } of files.toReversed()) {
      for (const { text, whole } of linesForward(file)) {
        const stored = whole ? storedOf(text) : undefined;
        if (stored && filter(stored.record)) yield stored;
      }
    }
  } finally {
    for (const { file } of files) file.close();
  }
}

/** All records, the last one first. */
export function* recordsBackward(auditFile: string, ops: FileOps = systemFiles): Generator<StoredRecord> {
  const files = openNewestFirst(auditFile, ops);
  try {
    for (const { file } of files) {
      for (const { text } of linesBackward(file, file.size())) {
        const stored = storedOf(text);
        if (stored) yield stored;
      }
    }
  } finally {
    for (const { file } of files) file.close();
  }
}

function storedOf(line: string): StoredRecord | undefined {
  const record = parseLine(line);
  return "why" in record ? undefined : { record, line };
}

/** The last `limit` records, oldest first, that `filter` lets pass; without a limit all of them. */
export function readAudit(
  auditFile: string,
  options: { readonly limit?: number; readonly filter?: (record: AuditRecord) => boolean } = {},
  ops: FileOps = systemFiles,
): AuditRecord[] {
  const limit = options.limit ?? Infinity;
  const found: AuditRecord[] = [];
  for (const { record } of recordsBackward(auditFile, ops)) {
    if (found.length >= limit) break;
    if (options.filter?.(record) ?? true) found.push(record);
  }
  return found.reverse();
}

/** Action of the record with which each supervisor begins. */
const SUPERVISOR_START = "supervisor.start";

/** What was started and never came to an end, because the supervisor did: the `started` records, oldest first. */
export function unfinishedStarts(auditFile: string, ops: FileOps = systemFiles): AuditRecord[] {
  const ended = new Set<string>();
  const open: AuditRecord[] = [];
  for (const { record } of recordsBackward(auditFile, ops)) {
    if (END_PHASES.includes(record.phase)) ended.add(record.corr);
    else if (record.phase === "started" && !ended.has(record.corr)) open.push(record);
    // A supervisor settles what it finds before it begins: nothing before that is open.
    if (record.action === SUPERVISOR_START) break;
  }
  return open.reverse();
}

/** Reads what is added to a trail after now, across rotations, each record once. */
export class TrailFollower {
  #current: OpenFile | undefined;
  /** Byte up to which the current file has been read. */
  #at = 0;
  /** Number of the last record that was given. */
  #seen = 0;

  constructor(private readonly auditFile: string, private readonly ops: FileOps = systemFiles) {
    if (ops.idAt(auditFile) === undefined) return; // the first record makes it
    this.#current = ops.open(auditFile, "read");
    this.#at = endOfLastLine(this.#current, this.#current.size());
  }

  get folder(): string {
    return dirname(this.auditFile);
  }

  /** Leaves out records up to this number: whoever asks has them already. */
  skipTo(seq: number): void {
    this.#seen = Math.max(this.#seen, seq);
  }

  /** The records that have come since the last call. To be read to its end. */
  *next(): Generator<StoredRecord> {
    if (this.#current) yield* this.#read(this.#current);
    if (this.#current && this.ops.idAt(this.auditFile) === this.#current.id) return;
    const files = openNewestFirst(this.auditFile, this.ops);
    const known = files.findIndex(({ file }) => file.id === this.#current?.id);
    const fresh = known < 0 ? files : files.slice(0, known);
    for (const { file } of files.slice(fresh.length)) file.close();
    const newest = fresh[0];
    if (!newest) return; // in the middle of a rotation: the new file comes
    if (this.#current) yield* this.#read(this.#current); // what came between reading and renaming
    this.close();
    for (const { file } of fresh.toReversed()) {
      this.#at = 0;
      yield* this.#read(file);
      if (file !== newest.file) file.close();
    }
    this.#current = newest.file;
  }

  *#read(file: OpenFile): Generator<StoredRecord> {
    this.#at = Math.min(this.#at, file.size()); // a write that failed was taken back
    for (const { text, end, whole } of linesForward(file, this.#at)) {
      if (!whole) return;
      this.#at = end;
      const stored = storedOf(text);
      if (!stored || stored.record.seq <= this.#seen) continue;
      this.#seen = stored.record.seq;
      yield stored;
    }
  }

  close(): void {
    this.#current?.close();
    this.#current = undefined;
  }
}
