/** Disk images, by qemu-img. A file that holds something is never written over. */
import { isObject } from "../core/json.ts";
import { fail, type Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { dirname, exists, makeFolder, removeTree } from "../ports/files.ts";
import { fileFacts, moveFile } from "../ports/folders.ts";
import { setMode } from "../ports/paths.ts";
import { PLAIN_ENV, run, type RunOptions } from "../ports/processes.ts";
import type { FlashFile } from "./firmware.ts";
import { imageOptions } from "./foreign_image.ts";
import type { ImageFile, ImageFormat } from "./plan_types.ts";

/** One layer of an image as `qemu-img info --output=json` tells it. */
export interface ImageLayer {
  readonly file: string;
  readonly format: string;
  readonly virtualBytes: number;
  readonly actualBytes: number;
  /** As written in the image, possibly hostile: to be confined before it is opened. */
  readonly backingFile?: string;
  readonly backingFormat?: string;
  /** qcow2's external data file. */
  readonly dataFile?: string;
  readonly snapshots: readonly string[];
  readonly encrypted: boolean;
  readonly dirty: boolean;
}

/** Parses `qemu-img info --output=json --backing-chain` (top layer first). */
export function parseImageInfo(text: string): Result<ImageLayer[], Problem> {
  const bad = (why: string) => err<Problem>({ code: "io", message: `qemu-img info answered ${why}` });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad("something that is not JSON");
  }
  const layers: ImageLayer[] = [];
  for (const item of Array.isArray(value) ? value : [value]) {
    const layer = imageLayer(item);
    if (!layer) return bad("without file name, format or size");
    layers.push(layer);
  }
  return layers.length > 0 ? ok(layers) : bad("nothing");
}

function imageLayer(item: unknown): ImageLayer | undefined {
  if (!isObject(item)) return undefined;
  const { filename, format } = item;
  const virtualBytes = item["virtual-size"];
  if (typeof filename !== "string" || typeof format !== "string" || typeof virtualBytes !== "number") {
    return undefined;
  }
  const specific = isObject(item["format-specific"]) ? item["format-specific"]["data"] : undefined;
  const dataFile = isObject(specific) ? specific["data-file"] : undefined;
  const backingFile = item["backing-filename"], backingFormat = item["backing-filename-format"];
  const snapshots = Array.isArray(item["snapshots"]) ? item["snapshots"] : [];
  return {
    file: filename,
    format,
    virtualBytes,
    actualBytes: typeof item["actual-size"] === "number" ? item["actual-size"] : 0,
    ...(typeof backingFile === "string" ? { backingFile } : {}),
    ...(typeof backingFormat === "string" ? { backingFormat } : {}),
    ...(typeof dataFile === "string" ? { dataFile } : {}),
    snapshots: snapshots.flatMap((s: unknown) =>
      isObject(s) && typeof s["name"] === "string" ? [s["name"]] : []
    ),
    encrypted: item["encrypted"] === true,
    dirty: item["dirty-flag"] === true,
  };
}

/**
 * Top layer of an image, also while a guest uses it (`-U`). Only the file itself is opened: a backing or data file named inside is
 * told, not followed, because it may lead anywhere. Failure `io` when qemu-img can't read it in this format.
 */
export async function imageInfo(path: string, format: ImageFormat): Promise<ImageLayer> {
  const text = await qemuImg(["info", "--output=json", "-U", "-f", format, path], `read the image ${path}`);
  const parsed = parseImageInfo(text);
  if (!parsed.ok) fail(parsed.error.code, `${path}: ${parsed.error.message}`, { path });
  const [top] = parsed.value;
  return top ?? fail("io", `${path}: qemu-img info answered nothing`, { path });
}

/** Makes an empty qcow2 disk. Failure `already_exists` when a non-empty file is there. */
export async function createDisk(path: string, bytes: number): Promise<void> {
  if (!Number.isSafeInteger(bytes) || bytes < 1024 * 1024) {
    fail("usage", `a disk of ${bytes} bytes is too small; the least is 1 MiB`, { path });
  }
  await make(path, (temporary) => ["create", "-q", "-f", "qcow2", temporary, String(bytes)]);
}

/**
 * The guest's own copy of the firmware's variable template, as qcow2: only qcow2 can be part of a live snapshot.
 * Failure `already_exists` when a non-empty file is there.
 */
export async function createVariables(template: FlashFile, path: string): Promise<void> {
  await make(
    path,
    (temporary) => ["convert", "-q", "-f", template.format, "-O", "qcow2", template.path, temporary],
  );
}

export interface ImageCopy {
  readonly from: ImageFile;
  /** What the image rests on, nearest first, as `backingChain()` gives it. Absent: nothing. */
  readonly backing?: readonly ImageFile[];
  readonly to: string;
  /** Absent: that of the image. */
  readonly toFormat?: ImageFormat;
  /** The copy is made that large, in bytes; never smaller than the image. */
  readonly grownTo?: number;
  readonly signal?: AbortSignal;
  readonly onPercent?: (percent: number) => void;
}

/**
 * A whole copy of an image that nothing uses: it rests on no other file, and holes stay holes. Failure `already_exists` when a
 * non-empty file is there, `io` with QEMU's words.
 */
export async function copyImage(copy: ImageCopy): Promise<void> {
  const { from, backing = [], to, toFormat = from.format, grownTo, signal, onPercent } = copy;
  const decoder = new TextDecoder();
  await make(
    to,
    (temporary) => [
      ...["convert", "-p", "--image-opts", "-O", toFormat],
      ...[imageOptions([from, ...backing]), temporary],
    ],
    {
      what: `copy ${from.path} to ${to}`,
      timeoutMs: COPY_TIMEOUT_MS,
      onStdout: (chunk) => {
        const percent = /\((\d{1,3})(?:\.\d+)?\/100%\)\s*$/.exec(decoder.decode(chunk))?.[1];
        if (percent !== undefined) onPercent?.(Number(percent));
      },
      ...(signal ? { signal } : {}),
    },
    grownTo === undefined ? undefined : async (temporary) => {
      const { virtualBytes } = await imageInfo(temporary, toFormat);
      if (grownTo > virtualBytes) {
        await qemuImg(["resize", "-q", "-f", toFormat, temporary, String(grownTo)], `grow ${to}`);
      }
    },
  );
}

/** A disk of many GiB on a slow host; who asks may have a shorter limit, and calls it off by `signal`. */
const COPY_TIMEOUT_MS = 24 * 3600_000;

/** The raw bytes of a variable store, for `src/efi`. Only for a guest that is stopped: QEMU keeps changes in its cache. */
export async function exportRaw(path: string, format: ImageFormat, to: string): Promise<void> {
  await make(to, (temporary) => ["convert", "-q", "-f", format, "-O", "raw", path, temporary]);
}

/** Writes beside the target and renames, so that a half-made image never bears the final name. */
async function make(
  path: string,
  args: (temporary: string) => string[],
  { what = `make ${path}`, ...how }: RunLimits & { readonly what?: string } = {},
  then?: (temporary: string) => Promise<void>,
): Promise<void> {
  const there = await fileFacts(path);
  if ((there && there.size > 0) || (!there && await exists(path))) {
    fail("already_exists", `${path} exists and is not empty; it is left as it is`, {
      hint: "choose another name, or remove it by hand if nothing in it is needed",
      path,
    });
  }
  await makeFolder(dirname(path));
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await qemuImg(args(temporary), what, how);
    await then?.(temporary);
    await setMode(temporary, 0o600);
    await moveFile(temporary, path);
  } finally {
    await removeTree(temporary);
  }
}

type RunLimits = Pick<RunOptions, "signal" | "timeoutMs" | "onStdout">;

async function qemuImg(args: readonly string[], what: string, how: RunLimits = {}): Promise<string> {
  const result = await run("qemu-img", { args, env: PLAIN_ENV, timeoutMs: 300_000, ...how });
  if (result.code !== 0) {
    fail(
      "io",
      `could not ${what}: ${sanitizeLine(result.stderr.trim(), 300) || `qemu-img ended with ${result.code}`}`,
    );
  }
  return result.stdout;
}
