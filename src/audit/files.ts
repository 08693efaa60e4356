/** The files behind the audit trail: the separately kept head, the end of the last file, reading back. */
import { isObject } from "../core/json.ts";
import { fail } from "../core/problem.ts";
import { overwriteStart, readEnd } from "../ports/append_file.ts";
import { exists, readTextBounded } from "../ports/files.ts";
import { type AuditRecord, type ChainCheck, type ChainHead, ChainVerifier } from "./record.ts";

const text = new TextDecoder();
/** A record is refused above this; the end of the file is read in one piece of this size. */
const MAX_RECORD_BYTES = 256 * 1024;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Writes the head: one line of fixed size, `seq` padded to 16 digits, a space, the hash. */
export function writeHead(path: string, head: ChainHead): void {
  overwriteStart(path, new TextEncoder().encode(`${String(head.seq).padStart(16, "0")} ${head.hash}\n`));
}

/** The separately kept head, or undefined when there is none that can be read. */
export function readHead(path: string): ChainHead | undefined {
  const match = /^(\d{16}) ([0-9a-f]{64})\n/.exec(text.decode(readEnd(path, 128)));
  return match ? { seq: Number(match[1]), hash: match[2] ?? "" } : undefined;
}

/**
 * Number and hash of the last whole record of a file, and how many bytes after it belong to a record that a crash
 * left unfinished. Failure `audit_broken` when the last whole line is no record.
 */
export function readTail(path: string): { head?: ChainHead; torn: number } {
  const end = readEnd(path, MAX_RECORD_BYTES);
  const lastBreak = end.lastIndexOf(10);
  const torn = end.length - (lastBreak + 1);
  if (lastBreak < 0) return { torn };
  const start = end.lastIndexOf(10, lastBreak - 1) + 1;
  const record = parseRecord(text.decode(end.subarray(start, lastBreak)));
  if (!record) {
    fail("audit_broken", `the last line of ${path} is not an audit record`, {
      path,
      hint: "keep the file as evidence: move the logs folder aside and start again",
    });
  }
  return { head: { seq: record.seq, hash: record.hash }, torn };
}

function parseRecord(line: string): AuditRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && typeof value.seq === "number" && typeof value.hash === "string"
      ? value as unknown as AuditRecord // written by this program; the chain is what proves it
      : undefined;
  } catch {
    return undefined;
  }
}

/** The audit files that are there, oldest first. */
export async function auditFiles(auditFile: string, keep = 10): Promise<string[]> {
  const names = [...Array.from({ length: keep - 1 }, (_, i) => `${auditFile}.${keep - 1 - i}`), auditFile];
  const there = await Promise.all(names.map(exists));
  return names.filter((_, i) => there[i]);
}

/** Reads the whole trail and names the first bad record. */
export async function verifyAudit(auditFile: string, headFile: string, keep = 10): Promise<ChainCheck> {
  const verifier = new ChainVerifier();
  for (const file of await auditFiles(auditFile, keep)) {
    const lines = (await readTextBounded(file, MAX_FILE_BYTES)).split("\n");
    const last = lines.pop();
    for (const [i, line] of lines.entries()) {
      if (!verifier.line(line, file, i + 1)) return verifier.result(undefined, file);
    }
    if (last) verifier.line(last, file, lines.length + 1);
  }
  return verifier.result(readHead(headFile), auditFile);
}

/** Records of the trail, oldest first, that pass `filter`; at most the last `limit`. */
export async function readAudit(
  auditFile: string,
  options: { readonly limit?: number; readonly filter?: (record: AuditRecord) => boolean } = {},
): Promise<AuditRecord[]> {
  const found: AuditRecord[] = [];
  for (const file of await auditFiles(auditFile)) {
    for (const line of (await readTextBounded(file, MAX_FILE_BYTES)).split("\n")) {
      const record = line ? parseRecord(line) : undefined;
      if (record && (options.filter?.(record) ?? true)) found.push(record);
    }
  }
  return options.limit === undefined ? found : found.slice(-options.limit);
}
