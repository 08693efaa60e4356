/** Files that an import is to bring in, looked at: what they are, what they rest on, and what speaks against them. Only reads. */
import { fail, Failure, type Problem } from "../core/problem.ts";
import type { LostState } from "../interop/lost_state.ts";
import type { Bring } from "../interop/types.ts";
import type { MediumProblemCode } from "../media/report.ts";
import { dirname } from "../ports/files.ts";
import { fileFacts, readStart } from "../ports/folders.ts";
import { lookAt, realPath } from "../ports/paths.ts";
import { formatFault, SIGNATURE_BYTES } from "../qemu/foreign_image.ts";
import { backingChain } from "../qemu/image_chain.ts";
import { imageInfo } from "../qemu/images.ts";
import type { ImageFile } from "../qemu/plan_types.ts";

/** A file that is there and was looked at. */
export interface Found extends Bring {
  /** Every symbolic link resolved. */
  readonly real: string;
  /** What it rests on, nearest first. */
  readonly backing: readonly ImageFile[];
  /** Bytes that it and what it rests on take on disk, at most. */
  readonly bytes: number;
}

/**
 * The file as it is, with notes on what of it is left out. Of a guest's state it is said when it is not there or can't be read;
 * of all else that is a Failure: `not_found`, `io`, and `denied` or `path_escape` for what no guest gets.
 */
export async function look(bring: Bring, notes: string[]): Promise<Found | LostState> {
  const { from } = bring;
  try {
    const found = await lookClosely(bring, notes);
    if (typeof found !== "string") return found;
    if (found === "empty") {
      return lostOr(bring, found, { code: "io", message: `${from} is empty`, path: from });
    }
    return lostOr(bring, found, { code: "not_found", message: `there is nothing at ${from}`, path: from });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "PermissionDenied") throw error;
    const message = `${from} may not be read by this user`;
    return lostOr(bring, "unreadable", { code: "io", message, path: from });
  }
}

function lostOr({ as, from }: Bring, why: LostState["why"], otherwise: Problem): LostState {
  if (as === "variables" || as === "tpm") return { kind: as, from, why };
  throw new Failure(otherwise);
}

async function lookClosely(bring: Bring, notes: string[]): Promise<Found | "absent" | "empty"> {
  const { from, as, format } = bring;
  const real = from.startsWith("/") ? await realPath(from) : undefined;
  const facts = real === undefined ? undefined : await lookAt(real);
  if (real === undefined || !facts) return "absent";
  if (facts.kind !== "file") {
    fail("denied", `${from} is no regular file, and no device of the host is handed to a guest`, {
      path: from,
    });
  }
  const start = await readStart(real, SIGNATURE_BYTES);
  if (start.length === 0) return "empty";
  const fault = as === "tpm" ? undefined : formatFault(start, format);
  if (fault !== undefined) {
    fail("io", `${from} is said to be ${format}, but ${fault}`, {
      hint: "say what it is in the description, or convert it first with qemu-img",
      path: from,
    });
  }
  if (as === "medium") await checkMedium(real, bring, notes);
  const backing = await restsOn(real, bring);
  if (as === "disk" && format === "qcow2") await noteSnapshots(real, notes);
  const files = [real, ...backing.map(({ path }) => path)];
  const sizes = await Promise.all(files.map(async (path) => (await fileFacts(path))?.size ?? 0));
  return { ...bring, real, backing, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** With these a file is no medium at all, or not all of one. What else is wrong with it a guest may have lived with. */
const USELESS: readonly MediumProblemCode[] = ["not_a_medium", "empty", "damaged", "truncated"];

/** A web page saved as `.iso` or a download that was cut off would show only when the guest reads it. */
async function checkMedium(real: string, { from }: Bring, notes: string[]): Promise<void> {
  // The readers of media are loaded for this alone.
  const { inspectMedium } = await import("../media/inspect.ts");
  const { problems, warnings } = await inspectMedium(real);
  const useless = problems.find(({ code }) => USELESS.includes(code));
  if (useless) {
    fail("failed", `${from} can't be used as a medium: ${useless.message}`, {
      hint: `${useless.hint ?? "get it again"}, or take it out of the description`,
      path: from,
    });
  }
  const unsure = [...problems, ...warnings.filter(({ code }) => code === "partly_unwritten")];
  notes.push(...unsure.map(({ message }) => `${from}: ${message}`));
}

/** Layers below an image. They must lie in its own folder or below: a hostile image could name any file of the host. */
async function restsOn(real: string, { as, format, from }: Bring): Promise<readonly ImageFile[]> {
  if (as === "medium" || as === "tpm" || format === "raw") return [];
  const folder = dirname(real);
  return await backingChain(real, format, async (path) => {
    const target = await realPath(path);
    const facts = target === undefined ? undefined : await lookAt(target);
    if (target !== undefined && facts?.kind === "file" && target.startsWith(`${folder}/`)) return target;
    return fail(
      "path_escape",
      `${from} rests on ${JSON.stringify(path)}, which is no file in its own folder`,
      {
        hint: "make it whole first: qemu-img convert -O qcow2",
        path: from,
      },
    );
  });
}

async function noteSnapshots(real: string, notes: string[]): Promise<void> {
  const { snapshots, encrypted } = await imageInfo(real, "qcow2");
  if (encrypted) fail("io", `${real} is encrypted, and its key can't be brought along`, { path: real });
  if (snapshots.length > 0) {
    notes.push(`${snapshots.length} snapshots inside ${real} are left out: the disk comes as it is now`);
  }
}
