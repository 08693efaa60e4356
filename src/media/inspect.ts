/** `iso inspect`: says what a file is, from as little of it as that takes. */
import { basename } from "../core/file_names.ts";
import { fail, Failure } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { formatUtc } from "../core/time.ts";
import { formatBytes } from "../core/units.ts";
import { systemClock } from "../ports/clock.ts";
import { type NotOpened, openRandomFile, type RandomFile } from "../ports/random_file.ts";
import { damageOf, metered, type RandomAccess } from "./access.ts";
import { inspectDisc } from "./disc.ts";
import { AGAIN, inspectDiskImage } from "./disk_image.ts";
import { hasIso9660 } from "./iso9660.ts";
import { nameOther } from "./other_files.ts";
import { type Found, type MediumReport, type MediumWarning, problem, warning } from "./report.ts";
import { hasUdf } from "./udf.ts";

export interface InspectOptions {
  readonly signal?: AbortSignal;
}

/** Most that is read of one medium, in bytes. 7,000 files in 3,000 folders take 13 MiB, Windows' media less than 1 MiB. */
export const MAX_READ_BYTES = 48 * 1024 * 1024;
/** Runs of zeros that a copy leaves out are shorter. */
const UNWRITTEN_BYTES = 16 * 1024 * 1024;
const START_BYTES = 64 * 1024;

/**
 * Says what the file at `path` is. A file that is damaged, or no medium, is a report with problems; Failures are `not_found`,
 * `io` for one that can't be read, and `cancelled`.
 */
export async function inspectMedium(path: string, options: InspectOptions = {}): Promise<MediumReport> {
  const opened = openRandomFile(path);
  if (!opened.ok) return notOpened(path, opened.why);
  try {
    const today = formatUtc(systemClock.now()).slice(0, 10);
    const report = await inspectAccess(opened.file, path, today, options.signal);
    return { ...report, warnings: [...report.warnings, ...unwritten(report, opened.file)] };
  } finally {
    opened.file.close();
  }
}

/** A disc has no holes; programs that download in pieces make the file at once in its full size, and fill it. */
function unwritten({ kind }: MediumReport, { size, allocated }: RandomFile): MediumWarning[] {
  const missing = size - allocated;
  if (kind === "disk-image" || kind === "not-a-medium" || missing < UNWRITTEN_BYTES) return [];
  return [warning(
    "partly_unwritten",
    `${formatBytes(missing)} of ${
      formatBytes(size)
    } were never written, or the file system compresses them: is the download finished?`,
    AGAIN,
  )];
}

/** As {@link inspectMedium}, of something that is open. `today` is `YYYY-MM-DD`. */
export async function inspectAccess(
  access: RandomAccess,
  path: string,
  today: string,
  signal?: AbortSignal,
): Promise<MediumReport> {
  const found = await look(metered(access, MAX_READ_BYTES, signal), basename(path), today);
  return { path, bytes: access.size, ...found };
}

async function look(access: RandomAccess, fileName: string, today: string): Promise<Found> {
  try {
    const start = await access.read(0, START_BYTES);
    const kinds = { iso: await hasIso9660(access), udf: await hasUdf(access) };
    if (kinds.iso || kinds.udf) return await inspectDisc(access, kinds, today, fileName);
    return await inspectDiskImage(access, start) ?? noMedium(start, access.size);
  } catch (error) {
    const message = damageOf(error);
    return {
      kind: "not-a-medium",
      title: "a medium too damaged to be read",
      problems: [problem("damaged", message)],
      warnings: [],
    };
  }
}

function noMedium(start: Uint8Array, size: number): Found {
  const { what, hint } = nameOther(start, size);
  const text = sanitizeLine(what, 300);
  return {
    kind: "not-a-medium",
    title: text,
    problems: [problem(size === 0 ? "empty" : "not_a_medium", `this is no medium: ${text}`, hint)],
    warnings: [],
  };
}

function notOpened(path: string, why: NotOpened): MediumReport {
  switch (why.kind) {
    case "missing":
      return fail("not_found", `there is no file ${path}`, { path });
    case "loop":
      return fail("not_found", `there is no file ${path}: its symbolic links lead in a circle`, { path });
    case "unreadable":
      throw new Failure({ code: "io", message: `${path} can't be opened: ${why.why}`, path });
    case "directory":
    case "not_regular": {
      const what = why.kind === "directory" ? "a directory" : "a device, a pipe or a socket";
      const hint = why.kind === "directory"
        ? "name the .iso itself; a folder of files is no medium"
        : "copy what is on it into a file first (`cat /dev/sr0 >disc.iso`)";
      return {
        kind: "not-a-medium",
        path,
        bytes: 0,
        title: what,
        problems: [problem("not_a_medium", `this is no medium: ${what}`, hint)],
        warnings: [],
      };
    }
  }
}
