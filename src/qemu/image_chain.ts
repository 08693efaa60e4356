/** The files that an image rests on, each confined before it is looked at (contract, section 5, invariant 5). */
import { fail } from "../core/problem.ts";
import { dirname } from "../ports/files.ts";
import { readStart } from "../ports/folders.ts";
import type { ImageFile, ImageFormat } from "./plan_types.ts";
import { parseQcow2Header, QCOW2_HEADER_BYTES } from "./qcow2_header.ts";

/** Deeper chains are refused: a loop would have no end. */
export const MAX_CHAIN = 32;

/**
 * The backing files of an image, nearest first; empty for one that stands alone. `confine` gives the real path of a file
 * or throws (`path_escape`). Failure `path_escape` for an external data file or a backing file whose format is not named (QEMU would guess it from
 * bytes that a guest wrote), `io` for what is no image.
 */
export async function backingChain(
  path: string,
  format: ImageFormat,
  confine: (path: string) => Promise<string>,
): Promise<ImageFile[]> {
  const chain: ImageFile[] = [];
  let image: ImageFile = { path, format };
  while (image.format === "qcow2") {
    const header = parseQcow2Header(await readStart(image.path, QCOW2_HEADER_BYTES));
    if (!header.ok) fail("io", `${image.path} is ${header.error.message}`, { path: image.path });
    const { backingFile, backingFormat, externalData } = header.value;
    if (externalData) {
      fail("path_escape", `${image.path} keeps its data in another file, which is not allowed`, {
        hint: "convert it into one file: qemu-img convert -O qcow2",
        path: image.path,
      });
    }
    if (backingFile === undefined) break;
    if (backingFormat !== "qcow2" && backingFormat !== "raw") {
      fail(
        "path_escape",
        `${image.path} rests on ${JSON.stringify(backingFile)} of format ${backingFormat ?? "unknown"}`,
        {
          hint: "name it: qemu-img rebase -u -b FILE -F qcow2",
          path: image.path,
        },
      );
    }
    if (chain.length >= MAX_CHAIN) {
      fail("path_escape", `${path} rests on more than ${MAX_CHAIN} images`, { path });
    }
    // A name such as json:{...} or nbd:... is a file name here, and then one that does not exist.
    const next = backingFile.startsWith("/") ? backingFile : `${dirname(image.path)}/${backingFile}`;
    image = { path: await confine(next), format: backingFormat };
    chain.push(image);
  }
  return chain;
}
