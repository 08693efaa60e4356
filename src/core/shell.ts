/** Words of a shell, for people to copy: nothing is ever run through a shell. */

/** A word as a POSIX shell reads it. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_.,:=/@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
