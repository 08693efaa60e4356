/**
 * `vm.import`: a guest that another tool has described, with copies of its files in its own folder. The files are read as they
 * are named; nothing of the other tool's is changed. All of it is undone when it fails or is called off.
 */
import type { ActionParams } from "../actions/params.ts";
import { fail, type Problem } from "../core/problem.ts";
import { formatBytes } from "../core/units.ts";
import { anewNote, lostNote, lostProblem, type LostState } from "../interop/lost_state.ts";
import type { Bring, StateKind } from "../interop/types.ts";
import { copyFile } from "../ports/copy_file.ts";
import { spaceOf } from "../ports/disk_space.ts";
import { basename, dirname, exists, makeFolder } from "../ports/files.ts";
import { fileFacts } from "../ports/folders.ts";
import { copyImage } from "../qemu/images.ts";
import { imageInfo } from "../qemu/images.ts";
import { resolveMachine } from "../qemu/machine.ts";
import type { ImageFile } from "../qemu/plan_types.ts";
import { confine } from "../../registry/paths.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Change } from "./changes.ts";
import { checkedRecord, checkUnused, defining } from "./define_guest.ts";
import { type Found, look } from "./import_files.ts";
import { firmwareFor } from "./prepare.ts";
import type { Supervisor } from "./supervisor.ts";

/** Looks at the files that are to be brought in and hands back how it is carried out. */
export async function importGuest(s: Supervisor, params: ActionParams<"vm.import">): Promise<Change> {
  const record = { ...checkedRecord(s, params.record), state: "stopped" as const };
  checkTargets(s, record, params.bring);
  await checkMachine(s, record);
  checkUnused(s, record, "vm.import");
  const anew = new Set(params.anew);
  const notes: string[] = [];
  const seen: Found[] = [];
  const lost: LostState[] = [];
  for (const bring of params.bring) {
    const file = await look(bring, notes);
    if ("why" in file) lost.push(file);
    else seen.push(file);
  }
  const inside = await lostInside(s, record, params.bring);
  const missed = [...lost, ...inside].filter(({ kind }) => !anew.has(kind));
  if (missed.length > 0) failWith(lostProblem(missed));
  notes.push(...lost.map(lostNote), ...inside.map(({ kind }) => anewNote(kind)));
  const found = await withVariables(s, record, seen, anew, notes);
  await checkFits(s, found);
  return await defining(s, record, {
    action: "vm.import",
    brought: found.map(({ to }) => to),
    bring: (signal, tell) => bringAll(s, found, signal, tell),
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
    tpm: [tpmFileOf(record)],
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

/** State that the record has inside the data root and that nothing is brought for, where it is not there. */
async function lostInside(s: Supervisor, record: VmRecord, bring: readonly Bring[]): Promise<LostState[]> {
  const { root } = s.parts;
  const { storage, devices } = record;
  const brought = new Set(bring.map(({ to }) => to));
  const files: readonly (readonly [StateKind, string | undefined])[] = [
    ["variables", storage.ovmf_vars],
    ["tpm", devices.tpm?.enabled ? tpmFileOf(record) : undefined],
  ];
  const lost: LostState[] = [];
  for (const [kind, path] of files) {
    if (path === undefined || brought.has(path)) continue;
    const real = await confine(root, path, { mustExist: false, kind: "any" });
    if (!await exists(real)) lost.push({ kind, from: `${root}/${path}`, why: "absent" });
  }
  return lost;
}

function tpmFileOf({ storage }: VmRecord): string | undefined {
  return storage.tpm_state && `${storage.tpm_state}/tpm2-00.permall`;
}

/**
 * The files without variables that don't fit, where new ones are allowed. They fit one build of the firmware: with others of
 * another size QEMU would not start.
 */
async function withVariables(
  s: Supervisor,
  record: VmRecord,
  found: readonly Found[],
  anew: ReadonlySet<StateKind>,
  notes: string[],
): Promise<readonly Found[]> {
  const variables = found.find(({ as }) => as === "variables");
  if (!variables) return found;
  const firmware = await firmwareFor(record, await s.parts.capabilities());
  if (!firmware) return found;
  const sizeOf = async (file: ImageFile) =>
    file.format === "raw"
      ? (await fileFacts(file.path))?.size
      : (await imageInfo(file.path, file.format)).virtualBytes;
  const [own, wanted] = await Promise.all([
    sizeOf({ path: variables.real, format: variables.format }),
    sizeOf(firmware.varsTemplate),
  ]);
  if (own === wanted) return found;
  const message =
    `the UEFI variables of ${variables.from} have ${own} bytes, and ${firmware.description} takes ${wanted}`;
  if (anew.has("variables")) {
    notes.push(`${message}: ${anewNote("variables")}`);
    return found.filter((file) => file !== variables);
  }
  return fail("usage", message, {
    hint: "they are of another build of the firmware: bring that here, or give --new-variables: " +
      "boot entries and enrolled keys are then lost",
    path: variables.from,
  });
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
      const from = { path: file.real, format: file.format };
      await copyImage({ from, backing: file.backing, to, toFormat: "qcow2", signal, onPercent: say });
    } else {
      const onBytes = (done: number, of: number) => say(Math.floor(done / Math.max(of, 1) * 100));
      await copyFile(file.real, to, { signal, onBytes });
    }
  }
}

function failWith(problem: Problem): never {
  return fail(problem.code, problem.message, problem);
}
