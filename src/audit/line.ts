/** One line of the human log. Nothing that a guest says can look like a line of its own or like another field. */
import { sanitizeLine } from "../core/sanitize.ts";
import { formatUtc, type Instant } from "../core/time.ts";
import { LOG_LEVELS, type LogLevel, type MarkerFields } from "./markers.ts";

/** Longest event in a line, characters: a name with two words of at most 80. */
const MAX_EVENT = 200;
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
  const head = `${formatUtc(at)} ${level.toUpperCase()} ${component} ${
    event.replace(/[^A-Za-z0-9._:-]+/g, "_").slice(0, MAX_EVENT)
  }`;
  return [head, ...Object.entries(fields).map(([k, v]) => formatField(k, v))].join(" ");
}

/** What a line of the human log says, or undefined when it is no such line. */
export function parseLogLine(line: string): {
  readonly time: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, string>>;
} | undefined {
  const match = /^(\S+) ([A-Z]+) (\S+) (\S+)(.*)$/.exec(line);
  const level = LOG_LEVELS.find((known) => known === match?.[2]?.toLowerCase());
  if (!match || !level) return undefined;
  const fields: Record<string, string> = {};
  for (
    const [, key = "", quoted, bare] of (match[5] ?? "").matchAll(/ ([^ =]+)=(?:("(?:[^"\\]|\\.)*")|(\S*))/g)
  ) {
    fields[key] = quoted === undefined ? bare ?? "" : String(JSON.parse(quoted));
  }
  return { time: match[1] ?? "", level, component: match[3] ?? "", event: match[4] ?? "", fields };
}
