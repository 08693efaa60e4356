/** From the bytes of a policy file to a policy that may be decided by. The file is taken whole or not at all. */
import type { PolicyRevision } from "../src/core/ids.ts";
import type { Problem, TextPlace } from "../src/core/problem.ts";
import { type Fault, Fraction, type KeyPath, pathText, readShape, seen } from "../src/core/shape.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { checkPolicy } from "./check.ts";
import { completePolicy } from "./complete.ts";
import type { LoadedPolicy } from "./model.ts";
import { isRuleId } from "./rules.ts";
import { POLICY_SHAPE } from "./schema.ts";
import { readToml } from "./toml.ts";
import { nearestPlace, type Places } from "./toml_places.ts";

/** A larger file is refused unread. */
export const MAX_POLICY_BYTES = 1024 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * As {@link loadPolicy}, from the file's bytes: also refuses what is too large or not UTF-8. `root` is the data root; with
 * it an absolute path that lies inside is accepted, without it every absolute path is refused.
 */
export function loadPolicyBytes(
  bytes: Uint8Array,
  file: string,
  revision: PolicyRevision,
  root?: string,
): Result<LoadedPolicy, readonly Problem[]> {
  if (bytes.length > MAX_POLICY_BYTES) return err([tooLarge(file, bytes.length)]);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return err([{
      ...problem(file, "not UTF-8 text", placeOfBadByte(bytes, file)),
      hint: "save the file as UTF-8",
    }]);
  }
  return loadPolicy(text, file, revision, root);
}

/**
 * Reads a policy. On failure every problem that was found, in the order of the file, each with code `invalid_policy`, its
 * key path as `path` and its place; a version that is not 0 is the only problem then, with rule `unsupported_version`.
 */
export function loadPolicy(
  text: string,
  file: string,
  revision: PolicyRevision,
  root?: string,
): Result<LoadedPolicy, readonly Problem[]> {
  const unreadable = refuseText(text, file);
  if (unreadable) return err([unreadable]);
  const { value, places, faults } = readToml(text);
  const syntax = faults.map(({ message, hint, line, column }) => ({
    ...problem(file, message, { file, line, column }),
    ...(hint === undefined ? {} : { hint }),
  }));
  if (value === undefined) return err(syntax);
  const version = unsupportedVersion(value["version"], file, places);
  if (version) return err([version]);
  const read = readShape(POLICY_SHAPE, value);
  const found = [...(read.ok ? [] : read.error), ...checkPolicy(value, root)];
  // With lines left out, a key that seems to be missing may well stand in one of them.
  const told = syntax.length === 0 ? found : found.filter((fault) => !fault.missing);
  const problems = [...syntax, ...told.map((fault) => problemOfFault(fault, file, places))];
  const untold = told.reduce((sum, fault) => sum + (fault.more ?? 0), 0);
  if (!read.ok || problems.length > 0) return err(inOrder(problems, untold));
  const { policy, notes } = completePolicy(read.value, root);
  return ok({
    policy,
    revision,
    file,
    places,
    // What is written out is meant, whatever its value.
    notes: notes.filter((note) => !(note.missing && places.has(pathText(note.path)))).map((note) =>
      problemOfFault(note, file, places)
    ),
  });
}

/** All problems of a file as one: for the reason of safe mode and for the command line. */
export function summaryOf(file: string, problems: readonly Problem[]): Problem {
  const rules = problems.flatMap((p) => p.reasons ?? []);
  const count = problems.length > MOST_PROBLEMS ? `more than ${MOST_PROBLEMS}` : problems.length;
  return {
    code: "invalid_policy",
    message: `${file} is refused: ${count} ${problems.length === 1 ? "problem" : "problems"}`,
    path: file,
    reasons: rules.filter((r, i) => rules.findIndex((other) => other.rule === r.rule) === i),
    problems,
  };
}

function problem(file: string, said: string, place?: TextPlace, path?: string, rule?: string): Problem {
  const message = sanitizeLine(said, 1000);
  const id = rule !== undefined && isRuleId(rule) ? rule : "policy_invalid";
  const where = path ?? file;
  return {
    code: rule === "path_escape" ? "path_escape" : "invalid_policy",
    message,
    path: where,
    ...(place ? { place } : {}),
    reasons: [{ rule: id, why: message, where: place ? `${where} (line ${place.line})` : where }],
  };
}

function problemOfFault(fault: Fault, file: string, places: Places): Problem {
  const place = placeOf(fault.path, fault.at, fault.missing === true, file, places);
  const made = problem(file, fault.message, place, pathText(fault.path), fault.rule);
  // A hint may repeat what stands in the file, and what stands there may be made for a terminal to stumble over.
  const hint = fault.hint === undefined ? {} : { hint: sanitizeLine(fault.hint, 300) };
  return { ...made, code: "invalid_policy", ...hint };
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

/** Most problems that are listed; the rest is counted. */
export const MOST_PROBLEMS = 100;

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

function unsupportedVersion(version: unknown, file: string, places: Places): Problem | undefined {
  const number = version instanceof Fraction ? version.value : version;
  const isOther = typeof number === "number" || typeof number === "bigint" || typeof number === "string";
  // 0.0 is a fault of its own: the number is right, its form is not.
  if (!isOther || number === 0) return undefined;
  const place = placeOf(["version"], "value", false, file, places);
  return {
    ...problem(
      file,
      `version is ${seen(version)}; this rayvisor reads version 0`,
      place,
      "version",
      "unsupported_version",
    ),
    hint: "write version = 0, or use the rayvisor that the file was written for",
  };
}

/** What no parser should be asked to read. */
function refuseText(text: string, file: string): Problem | undefined {
  if (text.length > MAX_POLICY_BYTES) return tooLarge(file, text.length);
  if (text.startsWith("\ufeff")) {
    return {
      ...problem(file, "starts with a byte order mark", { file, line: 1, column: 1 }),
      hint: "save the file as UTF-8 without one",
    };
  }
  const nul = text.indexOf("\0");
  return nul < 0 ? undefined : problem(file, "has a NUL character", placeOfOffset(text, nul, file));
}

function tooLarge(file: string, size: number): Problem {
  return problem(file, `${size} bytes long; allowed are at most ${MAX_POLICY_BYTES}`);
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
