/** Times as they are shown: of this place, with its zone. */
import type { Instant } from "../src/core/time.ts";

const two = (n: number) => String(n).padStart(2, "0");

/** `12:03:04`; the zone stands in the heading of the column. */
export function clockTime(at: Instant): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime())
    ? "?"
    : `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** `2026-01-31`. */
export function calendarDay(at: Instant): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime())
    ? "?"
    : `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** Names by offset and hour: to ask for one takes longer than to lay out ten rows, and each frame asks several times. */
const zones = new Map<string, string>();
const MAX_ZONES = 64;
const HOUR_MS = 3_600_000;

/** Name of the zone at that time, as `UTC`, `CET` or `GMT+1`. */
export function zoneOf(at: Instant): string {
  if (Number.isNaN(at)) return "";
  const key = `${new Date(at).getTimezoneOffset()} ${Math.floor(at / HOUR_MS)}`;
  const known = zones.get(key);
  if (known !== undefined) return known;
  const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  if (zones.size >= MAX_ZONES) zones.clear();
  zones.set(key, name);
  return name;
}

/** `12:03:04 CET`, with the day before it unless it is `now`'s. */
export function localTime(at: Instant, now: Instant): string {
  if (Number.isNaN(at)) return "?";
  const day = calendarDay(at) === calendarDay(now) ? "" : `${calendarDay(at)} `;
  return `${day}${clockTime(at)} ${zoneOf(at)}`;
}
