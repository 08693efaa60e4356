/** Images of elsewhere made into images of our own: every layer by its named format, no name inside an image followed. */
import { fail } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { PLAIN_ENV, run } from "../ports/processes.ts";
import type { ImageFile, ImageFormat } from "./plan_types.ts";

/** A day: the caller's own time limit is shorter, and calls it off by `signal`. */
const LONGEST_MS = 24 * 3600 * 1000;

export interface ConvertOptions {
  readonly signal?: AbortSignal;
  readonly onPercent?: (percent: number) => void;
}

/**
 * Writes an image and all that it rests on (nearest first, as `backingChain()` gives them) into one new qcow2 image. Failure
 * `io` with QEMU's words; what is half done stays.
 */
export async function convertToQcow2(
  image: ImageFile,
  backing: readonly ImageFile[],
  to: string,
  options: ConvertOptions = {},
): Promise<void> {
  const { signal, onPercent } = options;
  const decoder = new TextDecoder();
  const result = await run("qemu-img", {
    args: ["convert", "-p", "--image-opts", "-O", "qcow2", imageOptions([image, ...backing]), to],
    env: PLAIN_ENV,
    timeoutMs: LONGEST_MS,
    onStdout: (chunk) => {
      const percent = /\((\d{1,3})(?:\.\d+)?\/100%\)\s*$/.exec(decoder.decode(chunk))?.[1];
      if (percent !== undefined) onPercent?.(Number(percent));
    },
    ...(signal ? { signal } : {}),
  });
  if (result.code === 0) return;
  const said = sanitizeLine(result.stderr.trim(), 300) || `qemu-img ended with ${result.code}`;
  fail("io", `${image.path} could not be copied: ${said}`, { path: image.path });
}

/** A chain of images for `--image-opts` (QEMU, docs/tools/qemu-img.rst): all of it is named, so that no header is asked for a file. */
export function imageOptions(chain: readonly ImageFile[]): string {
  return chain.map(({ path, format }, depth) => {
    const prefix = "backing.".repeat(depth);
    return [
      `${prefix}driver=${format}`,
      `${prefix}file.driver=file`,
      `${prefix}file.filename=${path.replaceAll(",", ",,")}`,
    ].join(",");
  }).join(",");
}

/** Signatures of image formats: bytes at an offset. */
const SIGNATURES: readonly (readonly [format: string, offset: number, bytes: readonly number[]])[] = [
  ["qcow2", 0, [0x51, 0x46, 0x49, 0xfb]],
  ["qed", 0, [0x51, 0x45, 0x44, 0x00]],
  ["vmdk", 0, [0x4b, 0x44, 0x4d, 0x56]],
  ["vmdk", 0, [0x43, 0x4f, 0x57, 0x44]],
  ["vhdx", 0, [0x76, 0x68, 0x64, 0x78, 0x66, 0x69, 0x6c, 0x65]],
  ["vpc", 0, [0x63, 0x6f, 0x6e, 0x65, 0x63, 0x74, 0x69, 0x78]],
  ["vdi", 64, [0x7f, 0x10, 0xda, 0xbe]],
  ["luks", 0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]],
];

/** Bytes from the start of a file that {@link formatFault} looks at. */
export const SIGNATURE_BYTES = 72;

/** Why a file that begins with these bytes is not of the format that it is said to be; undefined when nothing speaks against it. */
export function formatFault(start: Uint8Array, said: ImageFormat): string | undefined {
  const found = SIGNATURES.find(([, offset, bytes]) => bytes.every((byte, i) => start[offset + i] === byte))
    ?.[0];
  if (said === "qcow2") return found === "qcow2" ? undefined : `it is ${found ?? "no qcow2 image"}`;
  return found === undefined ? undefined : `it has the signature of ${found}`;
}
