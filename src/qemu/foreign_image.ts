/** Images of elsewhere: how every layer is named so that no name inside an image is followed, and whether a file is what it is said to be. Pure. */
import type { ImageFile, ImageFormat } from "./plan_types.ts";

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
