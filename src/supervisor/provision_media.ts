/** Install media that lie outside the data root are copied into it, because a guest opens nothing outside. */
import { fail } from "../core/problem.ts";
import { dirname, makeFolder, removeTree } from "../ports/files.ts";
import { createFile, isDiskFull, readPieces } from "../ports/large_files.ts";
import { moveFile } from "../ports/folders.ts";
import type { Medium } from "./provision_record.ts";

const PIECE_BYTES = 1024 * 1024;

/** Copies a medium where it must be copied. Its original stays as it is. */
export async function bringMedium(root: string, medium: Medium, signal: AbortSignal): Promise<void> {
  const { from, path } = medium;
  if (from === undefined) return;
  const to = `${root}/${path}`;
  const part = `${to}.part`;
  await makeFolder(dirname(to));
  await removeTree(part);
  const out = await createFile(part);
  try {
    for await (const piece of readPieces(from, PIECE_BYTES)) {
      signal.throwIfAborted();
      await out.write(piece);
    }
    await out.flush();
  } catch (error) {
    if (isDiskFull(error)) {
      fail("no_space", `${from} does not fit into ${root}: no room is left`, { path: to });
    }
    throw error;
  } finally {
    out.close();
  }
  await moveFile(part, to);
}
