/** One line of the human log. Nothing that a guest says can look like a line of its own or like another field. */
import { sanitizeLine } from "../core/sanitize.ts";
import { formatUtc, type Instant } from "../core/time.ts";
import type { LogLevel, MarkerFields } from "./markers.ts";

const BARE = /^[A-Za-z0-9._:/@+-]+$/;

/** A word for use inside an event name after a colon: no spaces, no colons, no equals signs. */
export function eventWord(text: string): string {
  return sanitizeLine(text, 80).replace(/[^A-Za-z0-9._-]+/g, "_") || "_";
}

/** `k=v`, the value bare when it is plain, else in JSON quotes. */
export function formatField(key: string, value: string | number | boolean): string {
  const text = typeof value === "string" ? sanitizeLine(value, 1024) : String(value);
  return `${key}=${BARE.test(text) ? text : JSON.stringify(text)}`;
}

/** `<time UTC> <LEVEL> <component> <EVENT> <k=v ...>` without a line end. */
export function formatLogLine(
  at: Instant,
  level: LogLevel,
  component: string,
  event: string,
  fields: MarkerFields,
): string {
  const head = `${formatUtc(at)} ${level.toUpperCase()} ${component} ${event.replace(/\s+/g, "_")}`;
  return [head, ...Object.entries(fields).map(([k, v]) => formatField(k, v))].join(" ");
}
