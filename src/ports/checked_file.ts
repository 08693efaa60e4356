/**
 * Files whose owner and mode matter. What is checked is what was opened: nobody can put another file in its place between
 * the check and the read.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { concatBytes } from "../core/bytes.ts";
import { dirname } from "./files.ts";
import { lookAt, ownUid, realPath } from "./paths.ts";

/** What was opened. */
export interface CheckedFile {
  readonly bytes: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  /** The path that was opened: every symbolic link resolved. */
  readonly realPath: string;
}

/** Why a file was not read. */
export type FileRefusal =
  | { readonly kind: "missing" }
  /** A symbolic link that leads nowhere or in a circle. */
  | { readonly kind: "dangling" }
  /** A symbolic link leads to `target`, which lies outside the folder. */
  | { readonly kind: "outside"; readonly target: string }
  | { readonly kind: "not_regular" }
  | { readonly kind: "too_large" }
  | { readonly kind: "unreadable"; readonly why: string }
  /** What was opened is not what the path was resolved to: it was exchanged in between. */
  | { readonly kind: "exchanged" };

export type CheckedRead = { readonly ok: true; readonly file: CheckedFile } | {
  readonly ok: false;
  readonly why: FileRefusal;
};

export interface CheckedOptions {
  readonly maxBytes: number;
  /** A symbolic link is followed only when it ends in this folder or below it; without it wherever it leads. */
  readonly within?: string;
  /** Called between resolving and opening; for tests of what happens to be exchanged there. */
  readonly beforeOpen?: (path: string) => void;
}

/**
 * Opens a regular file and reads it whole. Symbolic links are resolved first, the result is opened without following
 * any, and device and inode of what was opened must be those of what was resolved. Neither a fifo nor a device can hold
 * the reader up. The read is synchronous: nothing else happens in this process in between.
 */
export async function readChecked(path: string, options: CheckedOptions): Promise<CheckedRead> {
  const no = (why: FileRefusal): CheckedRead => ({ ok: false, why });
  try {
    const real = await realPath(path);
    if (real === undefined) return no({ kind: await lookAt(path) === undefined ? "missing" : "dangling" });
    if (options.within !== undefined && !await isBelow(real, options.within)) {
      return no({ kind: "outside", target: real });
    }
    const expected = lstatSync(real, { bigint: true });
    options.beforeOpen?.(real);
    return openAndRead(real, expected, options.maxBytes);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return no({ kind: "missing" });
    if (code === "ELOOP") return no({ kind: "exchanged" });
    const why = code === "EACCES" || code === "EPERM" || isDenied(error)
      ? "permission denied"
      : code ?? String(error);
    return no({ kind: "unreadable", why });
  }
}

async function isBelow(real: string, folder: string): Promise<boolean> {
  const base = await realPath(folder);
  return base !== undefined && (real.startsWith(`${base}/`));
}

function openAndRead(real: string, expected: { dev: bigint; ino: bigint }, maxBytes: number): CheckedRead {
  const fd = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const info = fstatSync(fd, { bigint: true });
    if (info.dev !== expected.dev || info.ino !== expected.ino) {
      return { ok: false, why: { kind: "exchanged" } };
    }
    if (!info.isFile()) return { ok: false, why: { kind: "not_regular" } };
    const bytes = readUpTo(fd, maxBytes + 1);
    if (bytes.length > maxBytes) return { ok: false, why: { kind: "too_large" } };
    return {
      ok: true,
      file: { bytes, mode: Number(info.mode) & 0o7777, uid: Number(info.uid), realPath: real },
    };
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number, most: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < most) {
    const chunk = new Uint8Array(Math.min(65536, most - size));
    const n = readSync(fd, chunk, 0, chunk.length, null);
    if (n === 0) break;
    size += n;
    chunks.push(chunk.subarray(0, n));
  }
  return concatBytes(chunks);
}

/**
 * Why what lies in a folder can't be trusted, or undefined when it can: the folder and each one above it belongs to root
 * or to this user, and nobody else can write to it (above it, a folder with the sticky bit will do). The path must be
 * resolved already.
 */
export async function folderDistrust(path: string): Promise<string | undefined> {
  for (let at = path;; at = dirname(at)) {
    const facts = await lookAt(at);
    if (facts?.kind !== "dir") return `${at} is not a folder`;
    const shared = (facts.mode & 0o022) !== 0 && (at === path || (facts.mode & 0o1000) === 0);
    if (shared || !isOurs(facts.uid)) return `${at} ${ownership(facts.uid, facts.mode)}`;
    if (at === "/") return undefined;
  }
}

/** Whether a file belongs to root or to this user and nobody else can write to it. */
export function isTrusty(file: { readonly mode: number; readonly uid: number }): boolean {
  return (file.mode & 0o022) === 0 && isOurs(file.uid);
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === ownUid();
}

/** Owner and mode in words, for messages. */
export function ownership(uid: number, mode: number): string {
  return `has mode ${(mode & 0o7777).toString(8).padStart(4, "0")} and belongs to uid ${uid}`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}
