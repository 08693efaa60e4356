/** Install media that lie outside the data root are copied into it, because a guest opens nothing outside. */
import { fail, Failure } from "../core/problem.ts";
import { formatBytes, MIB } from "../core/units.ts";
import { basename, dirname, makeFolder, removeTree } from "../ports/files.ts";
import { hashFile } from "../media/hash.ts";
import { inspectMedium } from "../media/inspect.ts";
import type { WindowsAnswers } from "../provision/answers.ts";
import { mediaFault } from "../provision/media_fit.ts";
import { copyFile } from "../ports/copy_file.ts";
import { isDiskFull } from "../ports/large_files.ts";
import { fileFacts, moveFile } from "../ports/folders.ts";
import type { Medium } from "./provision_record.ts";

/** Failure `failed` when a file is not the one that the answers mean. */
export async function checkHash(
  path: string,
  expected: string | undefined,
  { signal, tell }: Passing,
): Promise<void> {
  if (expected === undefined) return;
  const found = await hashFile(path, (await tenths(path, "looked through", tell)).onBytes, signal);
  if (found === expected) return;
  fail("failed", `${path} is another file than the answers mean: its SHA-256 is ${found}, not ${expected}`, {
    hint: "download it again, or put its SHA-256 into the answers if you trust it",
    path,
  });
}

/** Failure, why, when Setup would not get through with the media of a Windows guest. */
export async function checkWindowsMedia(answers: WindowsAnswers): Promise<void> {
  const { windows_iso, virtio_iso } = answers.media;
  const fault = mediaFault(
    answers,
    ...await Promise.all([inspectMedium(windows_iso), inspectMedium(virtio_iso)]),
  );
  if (fault) throw new Failure(fault);
}

/** How a long file is gone through. */
export interface Passing {
  readonly signal: AbortSignal;
  /** Takes how far it is, in words. */
  readonly tell: (progress: string) => void;
}

/** Tells each tenth of a large file, by how many bytes or percent of it are done. */
export async function tenths(path: string, done: string, tell: Passing["tell"]) {
  const total = (await fileFacts(path))?.size ?? 0;
  let told = 0;
  const onBytes = (bytes: number) => {
    const tenth = total < TOLD_BYTES ? 0 : Math.floor(bytes / total * 10);
    if (tenth <= told) return;
    told = tenth;
    tell(`${done} ${formatBytes(bytes)} of ${formatBytes(total)} of ${basename(path)}`);
  };
  return { onBytes, onPercent: (percent: number) => onBytes(total * percent / 100) };
}

/** Smaller files are gone through before anybody reads that. */
const TOLD_BYTES = 256 * MIB;

/** Copies a medium where it must be copied. Its original stays as it is. */
export async function bringMedium(root: string, medium: Medium, { signal, tell }: Passing): Promise<void> {
  const { from, path } = medium;
  if (from === undefined) return;
  const to = `${root}/${path}`;
  const part = `${to}.part`;
  await makeFolder(dirname(to));
  await removeTree(part);
  try {
    await copyFile(from, part, { signal, onBytes: (await tenths(from, "copied", tell)).onBytes });
  } catch (error) {
    if (isDiskFull(error)) {
      fail("no_space", `${from} does not fit into ${root}: no room is left`, { path: to });
    }
    throw error;
  }
  await moveFile(part, to);
}
