/** The last events of the human log, across its rotated files. */
import { olderFiles, readEnd } from "../ports/append_file.ts";
import { parseLogLine } from "./line.ts";

type LogLine = NonNullable<ReturnType<typeof parseLogLine>>;

/** So much of the end of each file is looked at: some 40,000 lines. */
const MOST_BYTES_A_FILE = 8 * 1024 * 1024;

/** The last `count` events that pass `wanted`, oldest first; lines that are none are passed over. */
export function lastEvents(
  rayosLog: string,
  count: number,
  wanted: (event: LogLine) => boolean = () => true,
): LogLine[] {
  const files = [rayosLog, ...olderFiles(rayosLog).map((n) => `${rayosLog}.${n}`)];
  let found: LogLine[] = [];
  for (const file of files) {
    if (found.length >= count) break;
    const lines = new TextDecoder().decode(readEnd(file, MOST_BYTES_A_FILE)).split("\n");
    found = [...lines.map(parseLogLine).filter((event) => event !== undefined).filter(wanted), ...found];
  }
  return found.slice(-count);
}
