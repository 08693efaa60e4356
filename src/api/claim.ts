/**
 * Who asks. The socket does not tell this program who is at its other end; that only the supervisor's own user can open it
 * is what makes a request `local`. A client may say more of itself in a header: put on record as claimed, and trusted in
 * nothing.
 */
import type { Actor, ClaimedClient } from "../audit/record.ts";
import { isObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";

/** Header by which a client says what it is: percent-encoded JSON `{"pid", "uid", "command"}`, each optional. */
export const CLIENT_HEADER = "rayos-client";
const MAX_HEADER = 1024;
const MAX_COMMAND = 100;

export function formatClaim(claim: ClaimedClient): string {
  return encodeURIComponent(JSON.stringify(claim));
}

/** The actor of a request. A header that makes no sense is as none. */
export function actorOf(headers: Headers): Actor {
  const claimed = parseClaim(headers.get(CLIENT_HEADER) ?? "");
  return claimed ? { kind: "local", claimed } : { kind: "local" };
}

function parseClaim(text: string): ClaimedClient | undefined {
  if (text === "" || text.length > MAX_HEADER) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(decodeURIComponent(text));
  } catch {
    return undefined;
  }
  if (!isObject(said)) return undefined;
  const { pid, uid, command } = said;
  const claimed = {
    ...(isId(pid) ? { pid } : {}),
    ...(isId(uid) ? { uid } : {}),
    ...(typeof command === "string" ? { command: sanitizeLine(command, MAX_COMMAND) } : {}),
  };
  return Object.keys(claimed).length > 0 ? claimed : undefined;
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}
