/** Figures of a guest in words and small pictures. Pure. */
import type { GuestFigures } from "../../../src/actions/live_views.ts";
import type { GuestView } from "../../../src/actions/views.ts";
import { formatBytes, MIB } from "../../../src/core/units.ts";
import type { Instant } from "../../../src/core/time.ts";

/** The last `width` values as bars, the newest at the right. `most`: what fills a bar; grows with the values. */
export function spark(values: readonly number[], width: number, most: number, bars: string): string {
  const last = values.slice(-width);
  const top = Math.max(most, ...last);
  const steps = [...bars];
  const drawn = last.map((value) => {
    const step = value <= 0 || top <= 0 ? 0 : Math.ceil(value / top * (steps.length - 1));
    return steps[Math.min(step, steps.length - 1)] ?? "";
  }).join("");
  return " ".repeat(Math.max(0, width - last.length)) + drawn;
}

/** `12 %`; 100 is one whole processor. */
export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : `${Math.round(value)} %`;
}

/** `1.2 MiB`, below a title that says of how long; a dash where it is not known. */
export function amount(bytes: number | undefined): string {
  return bytes === undefined ? "-" : formatBytes(Math.round(bytes));
}

/** `1.2 MiB/s`. */
export function rate(bytes: number | undefined): string {
  return bytes === undefined ? "-" : `${formatBytes(Math.round(bytes))}/s`;
}

/** What QEMU takes of what the guest was given; what it was given while it does not run. */
export function memory(guest: GuestView, figures: GuestFigures | undefined): string {
  const assigned = guest.memory_mib === null ? "?" : formatBytes(guest.memory_mib * MIB);
  const rss = figures?.memory.rss_mib;
  return rss === null || rss === undefined ? assigned : `${formatBytes(Math.round(rss) * MIB)} / ${assigned}`;
}

/** The same in a column: `412 MiB/1 GiB`, `48/64 MiB`. */
export function memoryCell(guest: GuestView, figures: GuestFigures | undefined): string {
  const rss = figures?.memory.rss_mib;
  const assigned = guest.memory_mib === null ? "?" : formatBytes(guest.memory_mib * MIB);
  if (rss === null || rss === undefined) return assigned;
  const taken = formatBytes(Math.round(rss) * MIB);
  const unit = taken.slice(taken.indexOf(" "));
  return `${assigned.endsWith(unit) ? taken.slice(0, -unit.length) : taken}/${assigned}`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `4 d 2 h`: short, since it changes while it is read. */
export function uptime(startedAt: string | null, now: Instant): string {
  if (startedAt === null) return "-";
  const s = Math.max(0, Math.floor((now - Date.parse(startedAt)) / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** The same in a column: `45s`, `12m`, `3h 5m`, `4d 2h`. */
export function uptimeCell(startedAt: string | null, now: Instant): string {
  if (startedAt === null) return "-";
  const s = Math.max(0, Math.floor((now - Date.parse(startedAt)) / 1000));
  if (s < 120) return `${s}s`;
  if (s < 7200) return `${Math.floor(s / 60)}m`;
  if (s < 172_800) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}

/** How old figures are that QEMU did not bring up to date; undefined: they are fresh. */
export function staleness(figures: GuestFigures | undefined): string | undefined {
  if (!figures?.stale) return undefined;
  return figures.age_ms === null
    ? "QEMU does not answer"
    : `QEMU does not answer: figures are ${Math.round(figures.age_ms / 1000)} s old`;
}
