/**
 * The files of a saved state. Their order on disk is the whole of its safety: the manifest comes last and goes first, each
 * time as one step that is flushed.
 */
import * as z from "zod";
import { problemOf } from "../core/problem.ts";
import { err, type Result } from "../core/result.ts";
import { type FileOps, systemFiles } from "../ports/file_ops.ts";
import { dirname, exists, isNotFound, readTextBounded, removeTree, writeFileAtomic } from "../ports/files.ts";
import { listFolder } from "../ports/folders.ts";
import { flushFile, stampOf } from "../ports/large_files.ts";
import type { SavedState } from "../../registry/layout.ts";
import type { Stamp } from "./check.ts";
import { type Manifest, manifestText, MAX_MANIFEST_BYTES, parseManifest } from "./manifest.ts";
import type { Found } from "./verdict.ts";

const standstillSchema = z.strictObject({ version: z.literal(0), then: z.enum(["run", "stay"]) });
const MAX_STANDSTILL_BYTES = 4096;

/** Whether the guest is suspended. */
export async function hasState(files: SavedState): Promise<boolean> {
  return await exists(files.manifest);
}

/** The manifest of guest `vm`; the error says why it can't be used. Undefined: there is none. */
export async function readManifest(
  files: SavedState,
  vm: string,
): Promise<Result<Manifest, string> | undefined> {
  try {
    return parseManifest(await readTextBounded(files.manifest, MAX_MANIFEST_BYTES), vm);
  } catch (error) {
    return isNotFound(error) ? undefined : err(problemOf(error).message);
  }
}

/** Says on disk that the guest stands still only for a moment, and what it is to do then. */
export async function writeStandstill(files: SavedState, then: "run" | "stay"): Promise<void> {
  await writeFileAtomic(files.standstill, JSON.stringify({ version: 0, then }) + "\n");
}

/** What is on disk of a suspend or a resume, finished or not. A note that can't be read counts as one to run on. */
export async function findState(files: SavedState): Promise<Omit<Found, "qemu">> {
  const manifest = await hasState(files);
  try {
    const value: unknown = JSON.parse(await readTextBounded(files.standstill, MAX_STANDSTILL_BYTES));
    const parsed = standstillSchema.safeParse(value);
    return { manifest, standstill: parsed.success ? parsed.data.then : "run" };
  } catch (error) {
    return { manifest, standstill: isNotFound(error) ? undefined : "run" };
  }
}

/** Writes the manifest: from the moment it is there the guest is suspended. */
export async function commitState(files: SavedState, manifest: Manifest): Promise<void> {
  await writeFileAtomic(files.manifest, manifestText(manifest));
}

/**
 * Removes the manifest, on disk too: from then on the state can't be used. Synchronous, so that nothing comes between.
 * Nothing there is fine.
 */
export function forgetState(files: SavedState, ops: FileOps = systemFiles): void {
  if (ops.idAt(files.manifest) === undefined) return;
  ops.remove(files.manifest);
  ops.flushFolder(dirname(files.manifest));
}

/** Removes what a suspend or a resume leaves beside a state that is whole; and all of one that is not. */
export async function clearLeftovers(files: SavedState): Promise<void> {
  const whole = await hasState(files);
  const keep = whole ? [files.manifest, files.memory] : [];
  for (const name of await listFolder(files.folder)) {
    const path = `${files.folder}/${name}`;
    if (!keep.includes(path)) await removeTree(path);
  }
}

/** Removes a state: the manifest first. Nothing there is fine. */
export async function removeState(files: SavedState): Promise<void> {
  forgetState(files);
  await removeTree(files.folder);
}

/** Size and time of each image, flushed to disk before it is looked at: what is noted must hold after a power cut too. */
export async function stampImages(
  root: string,
  paths: readonly string[],
): Promise<Manifest["images"]> {
  return await Promise.all(paths.map(async (path) => {
    await flushFile(`${root}/${path}`);
    const stamp = await stampOf(`${root}/${path}`);
    return { path, bytes: stamp?.bytes ?? 0, modified_ns: stamp?.modifiedNs ?? "0" };
  }));
}

/** Size and time of each image of a manifest and of the saved memory, as they are now. */
export async function lookAtFiles(
  root: string,
  files: SavedState,
  saved: Manifest,
): Promise<{ images: ReadonlyMap<string, Stamp>; memory: Stamp }> {
  const entries = await Promise.all(
    saved.images.map(async ({ path }) => [path, await stampOf(`${root}/${path}`)] as const),
  );
  return { images: new Map(entries), memory: await stampOf(files.memory) };
}
