/** Which passwords are taken: pure. */

/** Longest password, in characters; Windows takes no longer one. */
export const LONGEST_PASSWORD = 127;
/** And in bytes of UTF-8: `openssl passwd` reads 256 and drops the rest without a word. */
const LONGEST_BYTES = 255;

/** What is wrong with a password, as the end of a sentence; undefined when nothing is. */
export function passwordFault(password: string): string | undefined {
  if (password === "") return "is empty";
  if ([...password].length > LONGEST_PASSWORD) return `has more than ${LONGEST_PASSWORD} characters`;
  if (new TextEncoder().encode(password).length > LONGEST_BYTES) {
    return `is longer than ${LONGEST_BYTES} bytes`;
  }
  if (!password.isWellFormed()) return "is no well-formed text";
  // deno-lint-ignore no-control-regex -- those are what is looked for
  if (/[\x00-\x1f\x7f]/.test(password)) return "has a control character";
  return undefined;
}
