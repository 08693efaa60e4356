import { parseDuration } from "./units.ts";

/** Time as data: an `Instant` is milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** `2026-01-31T12:00:00.000Z`: the form in logs and records. */
export function formatUtc(at: Instant): string {
  return new Date(at).toISOString();
}

const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * The moment that `text` means: a date, or a date and time, in UTC unless it names a zone (`2026-01-31`,
 * `2026-01-31T12:00+01:00`); or a duration before `now` (`24h`). Undefined when it is neither, or there is no such day.
 */
export function parseMoment(text: string, now: Instant): Instant | undefined {
  const back = parseDuration(text);
  if (back !== undefined) return now - back;
  const [whole, day, minutes = "00:00", seconds = "00", fraction = "0", zone = "Z"] = DATE_TIME.exec(text) ??
    [];
  if (whole === undefined || day === undefined) return undefined;
  const isDay = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(isDay.getTime()) || !isDay.toISOString().startsWith(day)) return undefined;
  const at = Date.parse(`${day}T${minutes}:${seconds}.${fraction.padEnd(3, "0")}${zone}`);
  return Number.isNaN(at) ? undefined : at;
}
