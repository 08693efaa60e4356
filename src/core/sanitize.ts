/**
 * Guest output is hostile (contract, section 5, invariant 10). Whatever a guest or a file says passes through here
 * before a terminal or a log line sees it.
 */

// Order matters: string sequences (OSC, DCS, SOS, PM, APC) up to their terminator, CSI, other escapes.
const ESCAPES =
  // deno-lint-ignore no-control-regex
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[\s\S]*?(?:\x07|\x1b\\|\x9c|$)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?/g;
/** Characters that change the reading order or are invisible: bidi controls, zero width, tags, BOM, line separators. */
const INVISIBLE =
  /[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\u{e0001}|[\u{e0020}-\u{e007f}]/gu;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Text without escape sequences and control characters; tab and line feed stay. */
export function sanitizeText(text: string): string {
  return text.toWellFormed().replace(ESCAPES, "").replace(/\r\n?/g, "\n").replace(CONTROLS, "").replace(
    INVISIBLE,
    "",
  );
}

/** One line: as {@link sanitizeText}, line breaks and tabs become spaces, cut to `max` characters. */
export function sanitizeLine(text: string, max = 256): string {
  const line = sanitizeText(text).replace(/[\n\t]+/g, " ");
  const chars = [...line];
  return chars.length <= max ? line : chars.slice(0, Math.max(0, max - 1)).join("") + "…";
}
