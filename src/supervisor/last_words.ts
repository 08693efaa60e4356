/** What a program has written into its log since it was started. */
import { sanitizeLine, sanitizeText } from "../core/sanitize.ts";
import { fileSize, readEnd } from "../ports/append_file.ts";

/** The last lines that a program wrote since byte `from` of its log, at most `most`, harmless for a terminal. */
export function linesSince(log: string, from: number, most: number, maxBytes = 16 * 1024): string[] {
  const bytes = readEnd(log, maxBytes);
  const fresh = Math.max(0, fileSize(log) - from);
  const text = new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - fresh)));
  return sanitizeText(text).split("\n").map((line) => sanitizeLine(line.trim(), 400)).filter((line) =>
    line !== ""
  ).slice(-most);
}

/** As {@link linesSince}, the last five on one line: for a message. */
export function lastWords(log: string, from: number): string {
  return linesSince(log, from, 5, 4096).join(" | ");
}
