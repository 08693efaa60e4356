/**
 * A TOML document that a person wrote (a policy, an answers file), from bytes to a value of its shape: taken whole or not at
 * all, every problem told with its place. What kind of document it is, is a {@link DocumentForm}.
 */
import type { Problem, ProblemCode, TextPlace } from "../src/core/problem.ts";
import {
  type Fault,
  Fraction,
  type KeyPath,
  pathText,
  readShape,
  seen,
  type Shape,
} from "../src/core/shape.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { readToml } from "./toml.ts";
import { nearestPlace, type Places } from "./toml_places.ts";

/** A larger document is refused unread. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** Most problems that are listed; the rest is counted. */
export const MOST_PROBLEMS = 100;

/** One kind of document. */
export interface DocumentForm<T> {
  /** Code of each of its problems. */
  readonly code: ProblemCode;
  readonly shape: Shape<T>;
  /** Faults that lie between keys; works on the value as it was parsed, and never throws. */
  readonly check: (value: Readonly<Record<string, unknown>>) => readonly Fault[];
  /** Rule that a problem's reason names; undefined: the problem has no reason. */
  readonly ruleOf: (rule: string | undefined) => string | undefined;
}

export interface ReadDocument<T> {
  readonly value: T;
  readonly places: Places;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a document; the problem is one of `form`, for what is too large or not UTF-8. */
export function decodeDocument<T>(
  bytes: Uint8Array,
  file: string,
  form: DocumentForm<T>,
): Result<string, readonly Problem[]> {
  if (bytes.length > MAX_DOCUMENT_BYTES) return err([tooLarge(form, file, bytes.length)]);
  try {
    return ok(utf8.decode(bytes));
  } catch {
    return err([{
      ...problem(form, file, "not UTF-8 text", placeOfBadByte(bytes, file)),
      hint: "save the file as UTF-8",
    }]);
  }
}

/**
 * Reads a document. On failure every problem that was found, in the order of the file, each with its key path as `path` and
 * its place; a version that is not 0 is the only problem then, with rule `unsupported_version`.
 */
export function readDocument<T>(
  text: string,
  file: string,
  form: DocumentForm<T>,
): Result<ReadDocument<T>, readonly Problem[]> {
  const unreadable = refuseText(form, text, file);
  if (unreadable) return err([unreadable]);
  const { value, places, faults } = readToml(text);
  const syntax = faults.map(({ message, hint, line, column }) => ({
    ...problem(form, file, message, { file, line, column }),
    ...(hint === undefined ? {} : { hint }),
  }));
  if (value === undefined) return err(syntax);
  const version = unsupportedVersion(form, value["version"], file, places);
  if (version) return err([version]);
  const read = readShape(form.shape, value);
  const found = [...(read.ok ? [] : read.error), ...form.check(value)];
  // With lines left out, a key that seems to be missing may well stand in one of them.
  const told = syntax.length === 0 ? found : found.filter((fault) => !fault.missing);
  const problems = [...syntax, ...told.map((fault) => problemOfFault(form, fault, file, places))];
  const untold = told.reduce((sum, fault) => sum + (fault.more ?? 0), 0);
  if (!read.ok || problems.length > 0) return err(inOrder(problems, untold));
  return ok({ value: read.value, places });
}

/** All problems of a file as one, to be thrown or told. */
export function summaryOfDocument(code: ProblemCode, file: string, problems: readonly Problem[]): Problem {
  const rules = problems.flatMap((p) => p.reasons ?? []);
  const count = problems.length > MOST_PROBLEMS ? `more than ${MOST_PROBLEMS}` : problems.length;
  const reasons = rules.filter((r, i) => rules.findIndex((other) => other.rule === r.rule) === i);
  return {
    code,
    message: `${file} is refused: ${count} ${problems.length === 1 ? "problem" : "problems"}`,
    path: file,
    ...(reasons.length === 0 ? {} : { reasons }),
    problems,
  };
}

/** A fault as a problem of the document, with its place. */
export function problemOfFault<T>(
  form: DocumentForm<T>,
  fault: Fault,
  file: string,
  places: Places,
): Problem {
  const place = placeOf(fault.path, fault.at, fault.missing === true, file, places);
  const made = problem(form, file, fault.message, place, pathText(fault.path), fault.rule);
  // A hint may repeat what stands in the file, and what stands there may be made for a terminal to stumble over.
  return fault.hint === undefined ? made : { ...made, hint: sanitizeLine(fault.hint, 300) };
}

function problem<T>(
  form: DocumentForm<T>,
  file: string,
  said: string,
  place?: TextPlace,
  path?: string,
  rule?: string,
): Problem {
  const message = sanitizeLine(said, 1000);
  const where = path ?? file;
  const named = form.ruleOf(rule);
  const reason = named === undefined
    ? undefined
    : { rule: named, why: message, where: place ? `${where} (line ${place.line})` : where };
  return {
    code: form.code,
    message,
    path: where,
    ...(place ? { place } : {}),
    ...(reason ? { reasons: [reason] } : {}),
  };
}

/** The place of a key or its value; of a key that is missing, the table it is missing from. */
function placeOf(
  path: KeyPath,
  at: "key" | "value",
  missing: boolean,
  file: string,
  places: Places,
): TextPlace {
  const place = nearestPlace(places, path);
  if (!place) return { file, line: 1, column: 1 };
  const exact = places.has(pathText(path));
  return at === "value" && exact && !missing
    ? { file, line: place.valueLine, column: place.valueColumn }
    : { file, line: place.line, column: place.column };
}

/** `untold`: how many there are beside these. */
function inOrder(problems: readonly Problem[], untold: number): readonly Problem[] {
  const position = (p: Problem) => (p.place?.line ?? 0) * 1e7 + (p.place?.column ?? 0);
  const unique = [...new Map(problems.map((p) => [`${position(p)} ${p.message}`, p])).values()];
  const sorted = unique.toSorted((a, b) => position(a) - position(b));
  const rest = sorted.length - MOST_PROBLEMS + untold;
  const last = sorted[MOST_PROBLEMS] ?? sorted.at(-1);
  if (last === undefined || rest <= 0) return sorted;
  const { hint: _hint, ...more } = last;
  return [...sorted.slice(0, MOST_PROBLEMS), { ...more, message: `${rest} more problems are not listed` }];
}

function unsupportedVersion<T>(
  form: DocumentForm<T>,
  version: unknown,
  file: string,
  places: Places,
): Problem | undefined {
  const number = version instanceof Fraction ? version.value : version;
  const isOther = typeof number === "number" || typeof number === "bigint" || typeof number === "string";
  // 0.0 is a fault of its own: the number is right, its form is not.
  if (!isOther || number === 0) return undefined;
  const place = placeOf(["version"], "value", false, file, places);
  const said = `version is ${seen(version)}; this rayvisor reads version 0`;
  return {
    ...problem(form, file, said, place, "version", "unsupported_version"),
    hint: "write version = 0, or use the rayvisor that the file was written for",
  };
}

/** What no parser should be asked to read. */
function refuseText<T>(form: DocumentForm<T>, text: string, file: string): Problem | undefined {
  if (text.length > MAX_DOCUMENT_BYTES) return tooLarge(form, file, text.length);
  if (text.startsWith("\ufeff")) {
    return {
      ...problem(form, file, "starts with a byte order mark", { file, line: 1, column: 1 }),
      hint: "save the file as UTF-8 without one",
    };
  }
  const nul = text.indexOf("\0");
  return nul < 0 ? undefined : problem(form, file, "has a NUL character", placeOfOffset(text, nul, file));
}

function tooLarge<T>(form: DocumentForm<T>, file: string, size: number): Problem {
  return problem(form, file, `${size} bytes long; allowed are at most ${MAX_DOCUMENT_BYTES}`);
}

function placeOfOffset(text: string, offset: number, file: string): TextPlace {
  const before = text.slice(0, offset);
  return { file, line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** The first place where the bytes stop being UTF-8. */
function placeOfBadByte(bytes: Uint8Array, file: string): TextPlace {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return placeOfOffset(text, Math.max(0, text.indexOf("\ufffd")), file);
}
