/** Paths below the data root, looked at as text alone (contract, section 2). */
import { err, ok, type Result } from "./result.ts";

const LONGEST_PATH = 1024;
const LONGEST_NAME = 255;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** A path taken apart: no empty part, no `.`, no `..`. */
export interface LexicalPath {
  readonly absolute: boolean;
  readonly parts: readonly string[];
}

/**
 * Takes a path apart without touching the file system. The error says why it can't be used: it is empty, has a `..`, a NUL
 * or other control character, or is too long. `..` is refused even where it would stay inside: with symbolic links it may not.
 */
export function parsePath(path: string): Result<LexicalPath, string> {
  if (path === "") return err("it is empty");
  if (path.length > LONGEST_PATH) return err(`it is longer than ${LONGEST_PATH} characters`);
  if (path.includes("\0")) return err("it has a NUL character");
  if (CONTROL.test(path)) return err("it has a control character");
  if (!path.isWellFormed()) return err("it is not well-formed text");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return err("it has a '..'");
  // A UTF-16 unit is at most three bytes: most names need no counting.
  const long = parts.find((part) => part.length * 3 > LONGEST_NAME && byteLength(part) > LONGEST_NAME);
  if (long !== undefined) return err(`a name in it is longer than ${LONGEST_NAME} bytes`);
  return ok({ absolute: path.startsWith("/"), parts });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The normal form of a path that must be relative and name something below the root; the error says why not. */
export function parseRelativePath(path: string): Result<string, string> {
  const parsed = parsePath(path);
  if (!parsed.ok) return parsed;
  if (parsed.value.absolute) return err("it is absolute");
  if (parsed.value.parts.length === 0) return err("it names the root itself");
  return ok(parsed.value.parts.join("/"));
}
