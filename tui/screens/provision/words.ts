/** Words of the screen `provision` that more than one of its parts says. */
import type { Problem } from "../../../src/core/problem.ts";

export function problemText({ message, hint }: Problem): string {
  return hint === undefined ? message : `${message} (${hint})`;
}
