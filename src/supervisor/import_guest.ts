/**
 * `vm.import`: a guest that another tool has described, with copies of its files in its own folder. The files are read as they
 * are named; nothing of the other tool's is changed. All of it is undone when it fails or is called off.
 */
import type { ActionParams } from "../actions/params.ts";
import { fail, type Problem, problemOf } from "../core/problem.ts";
import { formatBytes } from "../core/units.ts";
import type { Bring } from "../interop/types.ts";
import { copyFile } from "../ports/copy_file.ts";
import { spaceOf } from "../ports/disk_space.ts";
import { basename, dirname, makeFolder } from "../ports/files.ts";
import { fileFacts, readStart } from "../ports/folders.ts";
import { lookAt, realPath, setMode } from "../ports/paths.ts";
import { convertToQcow2, formatFault, SIGNATURE_BYTES } from "../qemu/convert.ts";
import { backingChain } from "../qemu/image_chain.ts";
import { imageInfo } from "../qemu/images.ts";
import { resolveMachine } from "../qemu/machine.ts";
import type { ImageFile } from "../qemu/plan_types.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Change } from "./changes.ts";
import { checkedRecord, defining } from "./define_guest.ts";
import { firmwareFor } from "./prepare.ts";
import type { Supervisor } from "./supervisor.ts";

/** A file that is there and was looked at. */
interface Found extends Bring {
  /** Every symbolic link resolved. */
  readonly real: string;
  /** What it rests on, nearest first. */
  readonly backing: readonly ImageFile[];
  /** Bytes that it and what it rests on take on disk, at most. */
  readonly bytes: number;
}

/** Looks at the files that are to be brought in and hands back how it is carried out. */
export async function importGuest(s: Supervisor, params: ActionParams<"vm.import">): Promise<Change> {
  const record = { ...checkedRecord(s, params.record), state: "stopped" as const };
  checkTargets(s, record, params.bring);
  await checkMachine(s, record);
  checkUnused(s, record, params.bring);
  const notes: string[] = [];
  const found: Found[] = [];
  for (const bring of params.bring) {
    const file = await look(bring, notes);
    if (file) found.push(file);
  }
  await checkVariables(s, record, found);
  await checkFits(s, found);
  return await defining(s, record, {
    action: "vm.import",
    brought: found.map(({ to }) => to),
    bring: async (signal, tell) => {
      await bringAll(s, found, signal, tell);
      checkUnused(s, record, params.bring); // others may have been defined meanwhile
    },
    notes,
  });
}

/** A copy goes where the record has it and into the guest's own folder, nowhere else. */
function checkTargets(s: Supervisor, record: VmRecord, bring: readonly Bring[]): void {
  const { storage } = record;
  const folder = s.parts.layout.guest(record.type, record.id).folder.slice(s.parts.root.length + 1);
  const named: Readonly<Record<Bring["as"], readonly (string | undefined)[]>> = {
    disk: Object.values(storage.disks),
    medium: Object.values(storage.cdroms ?? {}),
    variables: [storage.ovmf_vars],
    tpm: [storage.tpm_state && `${storage.tpm_state}/tpm2-00.permall`],
  };
  const wrong = bring.find(({ as, to }) =>
    !named[as].includes(to) || !to.startsWith(`${folder}/`) ||
    ((as === "disk" || as === "variables") && !to.endsWith(".qcow2"))
  );
  if (wrong) fail("usage", `${wrong.to} is no place for a ${wrong.as} of this record`, { path: wrong.to });
  const places = bring.map(({ to }) => to);
  const twice = places.find((to, i) => places.indexOf(to) !== i);
  if (twice !== undefined) fail("usage", `${twice} is to be made of two files`, { path: twice });
}

async function checkMachine(s: Supervisor, record: VmRecord): Promise<void> {
  if (record.machine === undefined) return;
  const { qemu } = await s.parts.capabilities();
  const machine = resolveMachine(qemu.machines, record.machine);
  if (!machine.ok) failWith(machine.error);
}

/** Two guests on one disk destroy it: what stays where it is must be no other guest's. */
function checkUnused(s: Supervisor, record: VmRecord, bring: readonly Bring[]): void {
  const copies = new Set(bring.map(({ to }) => to));
  const { disks, ovmf_vars, tpm_state } = record.storage;
  const own = [...Object.values(disks), ovmf_vars, tpm_state].filter((path) =>
    path !== undefined && !copies.has(path)
  );
  for (const other of s.guests.values()) {
    const of = other.record?.storage;
    if (!of || other.id === record.id) continue;
    const taken = [...Object.values(of.disks), of.ovmf_vars, of.tpm_state].find((path) =>
      path !== undefined && own.includes(path)
    );
    if (taken === undefined) continue;
    fail("already_exists", `${taken} belongs to the guest ${other.id}`, {
      hint: "import with --copy to give the new guest files of its own",
      path: taken,
    });
  }
}

/** The file as it is; undefined, with a note, for one that may be absent and is, or that may not be read. */
async function look(bring: Bring, notes: string[]): Promise<Found | undefined> {
  const { from, as, format, optional } = bring;
  try {
    const real = from.startsWith("/") ? await realPath(from) : undefined;
    const facts = real === undefined ? undefined : await lookAt(real);
    if (real === undefined || !facts) fail("not_found", `there is nothing at ${from}`, { path: from });
    if (facts.kind !== "file") {
      fail("denied", `${from} is no regular file, and no device of the host is handed to a guest`, {
        path: from,
      });
    }
    const start = await readStart(real, SIGNATURE_BYTES);
    if (start.length === 0) fail("io", `${from} is empty`, { path: from });
    const fault = as === "tpm" ? undefined : formatFault(start, format);
    if (fault !== undefined) {
      fail("io", `${from} is said to be ${format}, but ${fault}`, {
        hint: "say what it is in the description, or convert it first with qemu-img",
        path: from,
      });
    }
    const backing = await restsOn(real, bring);
    if (as === "disk" && format === "qcow2") await noteSnapshots(real, notes);
    const files = [real, ...backing.map(({ path }) => path)];
    const sizes = await Promise.all(files.map(async (path) => (await fileFacts(path))?.size ?? 0));
    return { ...bring, real, backing, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } catch (error) {
    const unreadable = error instanceof Error && error.name === "PermissionDenied";
    const { code } = problemOf(error);
    if (optional && (code === "not_found" || unreadable)) {
      const what = as === "tpm" ? "and empty TPM" : "set of UEFI variables";
      notes.push(
        `${from} ${unreadable ? "may not be read" : "is not there"}: the guest begins with a new ${what}`,
      );
      return undefined;
    }
    if (unreadable) fail("io", `${from} may not be read by this user`, { path: from });
    throw error;
  }
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

/** Variables fit one build of the firmware: with others of another size QEMU would not start. */
async function checkVariables(s: Supervisor, record: VmRecord, found: readonly Found[]): Promise<void> {
  const variables = found.find(({ as }) => as === "variables");
  if (!variables) return;
  const firmware = await firmwareFor(record, await s.parts.capabilities());
  if (!firmware) return;
  const sizeOf = async (file: ImageFile) =>
    file.format === "raw"
      ? (await fileFacts(file.path))?.size
      : (await imageInfo(file.path, file.format)).virtualBytes;
  const [own, wanted] = await Promise.all([
    sizeOf({ path: variables.real, format: variables.format }),
    sizeOf(firmware.varsTemplate),
  ]);
  if (own === wanted) return;
  fail(
    "usage",
    `the UEFI variables of ${variables.from} have ${own} bytes, and ${firmware.description} takes ${wanted}`,
    {
      hint:
        "they are of another build of the firmware: take <nvram> out of the description to begin with new ones",
      path: variables.from,
    },
  );
}

async function checkFits(s: Supervisor, found: readonly Found[]): Promise<void> {
  const folder = `${s.parts.root}/vm`;
  const space = await spaceOf(folder);
  // Of a sparse file less is written than its size says; the image's own figure is taken where there is one.
  const needs = await Promise.all(
    found.map(async ({ as, real, format, backing, bytes }) =>
      as === "disk" && backing.length === 0 ? (await imageInfo(real, format)).actualBytes : bytes
    ),
  );
  const bytes = needs.reduce((sum, need) => sum + need, 0);
  if (!space || bytes <= space.freeBytes) return;
  fail(
    "no_space",
    `the copies take up to ${formatBytes(bytes)}, and ${folder} has ${formatBytes(space.freeBytes)} free`,
    {
      hint: "make room there, and ask again",
      path: folder,
    },
  );
}

/** Copies one after the other: they share a disk. */
async function bringAll(
  s: Supervisor,
  found: readonly Found[],
  signal: AbortSignal,
  tell: (progress: string) => void,
): Promise<void> {
  for (const [i, file] of found.entries()) {
    signal.throwIfAborted();
    const say = (percent: number) =>
      tell(`${basename(file.from)} (${i + 1} of ${found.length}): ${percent} %`);
    say(0);
    const to = `${s.parts.root}/${file.to}`;
    await makeFolder(dirname(to));
    if (file.as === "disk" || file.as === "variables") {
      const image = { path: file.real, format: file.format };
      await convertToQcow2(image, file.backing, to, { signal, onPercent: say });
      await setMode(to, 0o600);
    } else {
      const onBytes = (done: number, of: number) => say(Math.floor(done / Math.max(of, 1) * 100));
      await copyFile(file.real, to, { signal, onBytes });
    }
  }
}

function failWith(problem: Problem): never {
  return fail(problem.code, problem.message, problem);
}
