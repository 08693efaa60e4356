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

/** Name of the zone at that time, as `UTC`, `CET` or `GMT+1`. */
export function zoneOf(at: Instant): string {
  if (Number.isNaN(at)) return "";
  const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}

/** `12:03:04 CET`, with the day before it unless it is `now`'s. */
export function localTime(at: Instant, now: Instant): string {
  if (Number.isNaN(at)) return "?";
  const day = calendarDay(at) === calendarDay(now) ? "" : `${calendarDay(at)} `;
  return `${day}${clockTime(at)} ${zoneOf(at)}`;
}
