/**
 * Lines on standard error from a program that lives longer than whoever reads them: a terminal that is gone, a pipe without
 * a reader, a reader that does not read. None of these may stop it or hold it up.
 */

/** Lines that wait for a reader who is slow; what is said beyond them is left out, and that is said. */
const MOST_WAITING = 1000;

export interface Remarks {
  /** Takes the line and returns at once. Never fails. */
  say(line: string): void;
  /** Waits until what was said is written, or until `timeoutMs` is over. */
  close(timeoutMs: number): Promise<void>;
}

/** Where the bytes go. */
export interface RemarkStream {
  write(bytes: Uint8Array): Promise<number>;
}

export function remarksTo(stream: RemarkStream = Deno.stderr, most: number = MOST_WAITING): Remarks {
  const waiting: string[] = [];
  let leftOut = 0;
  let writing: Promise<void> | undefined;
  let isGone = false;

  const writeAll = async () => {
    try {
      while (waiting.length > 0) {
        const text = waiting.splice(0).join("") + (leftOut > 0 ? `(${leftOut} lines left out)\n` : "");
        leftOut = 0;
        const bytes = new TextEncoder().encode(text);
        for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
      }
    } catch {
      isGone = true; // nobody reads any more: the logs still say it
    } finally {
      writing = undefined;
    }
  };

  return {
    say(line) {
      if (isGone) return;
      if (waiting.length >= most) {
        leftOut++;
        return;
      }
      waiting.push(line + "\n");
      writing ??= writeAll();
    },
    async close(timeoutMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([writing, new Promise((resolve) => timer = setTimeout(resolve, timeoutMs))]);
      clearTimeout(timer);
    },
  };
}
