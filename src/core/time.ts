/** Time as data: an `Instant` is milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** `2026-01-31T12:00:00.000Z`: the form in logs and records. */
export function formatUtc(at: Instant): string {
  return new Date(at).toISOString();
}
