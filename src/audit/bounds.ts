/** Sizes of what stands in a record: whatever somebody hands in, a record stays small. Pure. */
import { canonicalJson, isObject, type Json, type JsonObject } from "../core/json.ts";
import type { Reason } from "../core/problem.ts";
import type { AuditEntry } from "./record.ts";

const MAX_TEXT = 1024;
const MAX_MEMBERS = 64;
const MAX_DEPTH = 8;
const MAX_DETAIL = 32 * 1024;
const MAX_REASONS = 32;

/** `text` cut to a length, in whole characters, with a mark where it was cut. */
export function boundText(text: string, max = MAX_TEXT): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).toWellFormed().replace(/\ufffd$/, "")}… (${text.length} characters)`;
}

/** As much of a value as a record holds: long texts, long lists and deep nesting are cut, and say so. */
export function boundJson(value: unknown, depth = 0): Json {
  if (typeof value === "string") return boundText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value === "boolean") return value;
  if (depth >= MAX_DEPTH) return "… (nested too deep)";
  if (Array.isArray(value)) {
    const kept = value.slice(0, MAX_MEMBERS).map((item) => boundJson(item, depth + 1));
    return value.length > MAX_MEMBERS ? [...kept, `… (${value.length} members)`] : kept;
  }
  if (!isObject(value)) return `(${typeof value})`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const kept = members.slice(0, MAX_MEMBERS).map(([key, member]) =>
    [boundText(key, 128), boundJson(member, depth + 1)] as const
  );
  if (members.length > MAX_MEMBERS) kept.push(["…", `(${members.length} members)`]);
  return Object.fromEntries(kept);
}

/** An entry whose free parts are bounded; its record has less than 256 KiB. */
export function boundEntry(entry: AuditEntry): AuditEntry {
  const { detail, reasons, ...rest } = entry;
  return {
    ...rest,
    ...(reasons ? { reasons: reasons.slice(0, MAX_REASONS).map(boundReason) } : {}),
    ...(detail ? { detail: boundDetail(detail) } : {}),
  };
}

function boundDetail(detail: JsonObject): JsonObject {
  const bounded = boundJson(detail);
  const size = canonicalJson(bounded).length;
  return isObject(bounded) && size <= MAX_DETAIL ? bounded as JsonObject : { too_large: size };
}

function boundReason({ rule, why, where }: Reason): Reason {
  return {
    rule: boundText(rule, 128),
    why: boundText(why),
    ...(where === undefined ? {} : { where: boundText(where, 256) }),
  };
}
