/** `vm.define`: a new guest in the registry, with the files that it needs. */
import type { ActionParams, Definition } from "../actions/params.ts";
import type { DoneView } from "../actions/views.ts";
import { fail } from "../core/problem.ts";
import { exists, makeFolder, removeTree } from "../ports/files.ts";
import { createDisk, createVariables } from "../qemu/images.ts";
import { removeState } from "../suspend/files.ts";
import { confine } from "../../registry/paths.ts";
import { parseRecord } from "../../registry/schema.ts";
import { ownFiles } from "../../registry/store.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Change } from "./changes.ts";
import { type FilesToMake, recordOf } from "./define.ts";
import { Guest } from "./guest.ts";
import { firmwareFor, pinnedMachine, prepareTpmState } from "./prepare.ts";
import { newDiskNotes } from "./space.ts";
import type { Supervisor } from "./supervisor.ts";

/** Looks at a definition and hands back how it is carried out. Nothing that is there is written over. */
export async function defineGuest(s: Supervisor, params: ActionParams<"vm.define">): Promise<Change> {
  const { record, make } = "definition" in params
    ? fromDefinition(s, params.definition, pinnedMachine(await s.parts.capabilities()))
    : await fromRecord(s, checkedRecord(s, params.record));
  return await defineWith(s, record, make, { action: "vm.define" });
}

/** What is special about a way to define a guest. */
export interface Defining {
  readonly action: "vm.define" | "vm.import";
  /** Files that `bring` makes, relative to the data root. */
  readonly brought?: readonly string[];
  readonly bring?: (signal: AbortSignal, tell: (progress: string) => void) => Promise<void>;
  readonly notes?: readonly string[];
}

/** As {@link defineGuest}, for a record of which some files are brought from elsewhere. */
export async function defining(s: Supervisor, given: VmRecord, how: Defining): Promise<Change> {
  const { record, make } = await fromRecord(s, given, how.brought);
  return await defineWith(s, record, make, how);
}

async function defineWith(
  s: Supervisor,
  record: VmRecord,
  make: FilesToMake,
  { action, brought = [], bring, notes: before = [] }: Defining,
): Promise<Change> {
  if (s.guests.has(record.id)) {
    fail("already_exists", `there is a guest '${record.id}' already`, {
      hint: "choose another id, or delete that one first",
    });
  }
  checkUnused(s, record, action);
  await checkPaths(s, record, make, brought);
  const intended = await toBeMade(s, record, make, brought);
  return {
    vm: record.id,
    ask: record,
    ...(make.disk ? { more: { diskBytes: make.disk.bytes } } : {}),
    intent: { kind: "define", vm: record.id, made: intended },
    act: async (_decision, signal, tell): Promise<DoneView> => {
      try {
        await bring?.(signal, tell);
        await makeFiles(s, record, make, signal);
        signal.throwIfAborted();
        checkUnused(s, record, action); // others may have been defined meanwhile
        await s.parts.store.put(record);
      } catch (error) {
        for (const path of intended) await removeTree(`${s.parts.root}/${path}`);
        throw error;
      }
      const guest = new Guest(record.id);
      guest.record = record;
      s.guests.set(record.id, guest);
      s.emit({ event: "RAYOS_VM:define", fields: { vm: record.id, kind: record.type } });
      const { disk } = make;
      const notes = [
        ...before,
        ...disk ? await newDiskNotes(s, `${s.parts.root}/${disk.path}`, disk.bytes) : [],
      ];
      return { done: action, vm: record.id, state: guest.state, ...(notes.length ? { notes } : {}) };
    },
  };
}

function fromDefinition(s: Supervisor, definition: Definition, machine: string): ReturnType<typeof recordOf> {
  const { folder } = s.parts.layout.guest(definition.type, definition.id);
  const { record, make } = recordOf(definition, folder.slice(s.parts.root.length + 1), machine);
  return { record: checkedRecord(s, record), make };
}

/** The schema's word on a record, also on one that was made here: a name may be too long, a profile empty. */
export function checkedRecord(s: Supervisor, value: unknown): VmRecord {
  const parsed = parseRecord(value, "record", s.parts.root);
  if (parsed.ok) return parsed.value;
  const escape = parsed.error.find((problem) => problem.code === "path_escape");
  if (escape) fail("path_escape", escape.message, escape);
  return fail("invalid_registry", `the record is refused: ${parsed.error[0]?.message ?? "invalid"}`, {
    problems: parsed.error,
  });
}

/** A record that was given: UEFI variables and TPM state are made where it names them and nothing is there or brought. */
async function fromRecord(
  s: Supervisor,
  given: VmRecord,
  brought: readonly string[] = [],
): Promise<ReturnType<typeof recordOf>> {
  const record: VmRecord = {
    ...given,
    state: "stopped",
    machine: given.machine ?? pinnedMachine(await s.parts.capabilities()),
  };
  const absent = async (path: string | undefined) =>
    path !== undefined && !brought.includes(path) &&
      !await exists(await confine(s.parts.root, path, { mustExist: false, kind: "any" }))
      ? path
      : undefined;
  const ovmfVars = await absent(record.storage.ovmf_vars);
  const tpmState = await absent(record.storage.tpm_state);
  return { record, make: { ...(ovmfVars ? { ovmfVars } : {}), ...(tpmState ? { tpmState } : {}) } };
}

/** Two guests on one disk, variable store or TPM state destroy it. Failure `already_exists` that says whose it is. */
export function checkUnused(s: Supervisor, record: VmRecord, action: Defining["action"]): void {
  const own = new Set(ownFiles(record));
  for (const other of s.guests.values()) {
    if (!other.record || other.id === record.id) continue;
    const taken = ownFiles(other.record).find((path) => own.has(path));
    if (taken === undefined) continue;
    fail("already_exists", `${taken} belongs to the guest ${other.id}`, {
      hint: action === "vm.import"
        ? "import with --copy to give the new guest files of its own"
        : "give the new guest a file of its own: a copy, or the size of a new disk",
      path: taken,
    });
  }
}

/** Every path stays inside the data root, and every file that will not be made is there. */
async function checkPaths(
  s: Supervisor,
  record: VmRecord,
  make: FilesToMake,
  brought: readonly string[],
): Promise<void> {
  const { storage } = record;
  const toMake = new Set([make.disk?.path, make.ovmfVars, ...brought]);
  const files = [
    ...Object.values(storage.disks),
    ...Object.values(storage.cdroms ?? {}),
    storage.ovmf_vars,
    ...brought,
  ];
  for (const path of files) {
    if (path === undefined) continue;
    const isNew = toMake.has(path);
    const real = await confine(s.parts.root, path, { mustExist: !isNew, kind: "file" });
    if (isNew && await exists(real)) {
      fail("already_exists", `${path} is there already and is left as it is`, { path });
    }
  }
  if (storage.tpm_state !== undefined) {
    await confine(s.parts.root, storage.tpm_state, { mustExist: false, kind: "dir" });
  }
}

/** Files and folders that defining the guest makes and that are not there yet, relative to the data root. */
async function toBeMade(
  s: Supervisor,
  record: VmRecord,
  make: FilesToMake,
  brought: readonly string[],
): Promise<string[]> {
  const { root, layout } = s.parts;
  const folder = layout.guest(record.type, record.id).folder.slice(root.length + 1);
  const paths = [folder, make.disk?.path, make.ovmfVars, make.tpmState, ...brought]
    .filter((path) => path !== undefined);
  const absent: string[] = [];
  for (const path of paths) if (!await exists(`${root}/${path}`)) absent.push(path);
  return absent;
}

/** Makes what is missing. */
async function makeFiles(
  s: Supervisor,
  record: VmRecord,
  make: FilesToMake,
  signal: AbortSignal,
): Promise<void> {
  const { root } = s.parts;
  const { logs, state } = s.parts.layout.guest(record.type, record.id);
  await makeFolder(logs);
  await removeState(state); // of a guest of this id that there was once
  if (make.disk) {
    const path = await confine(root, make.disk.path, { mustExist: false, kind: "file" });
    await createDisk(path, make.disk.bytes);
  }
  if (make.ovmfVars) {
    const host = await s.parts.capabilities();
    const firmware = await firmwareFor(record, host);
    const path = await confine(root, make.ovmfVars, { mustExist: false, kind: "file" });
    if (firmware) await createVariables(firmware.varsTemplate, path);
  }
  signal.throwIfAborted();
  if (make.tpmState && record.devices.tpm?.enabled) {
    const tpmState = await confine(root, make.tpmState, { mustExist: false, kind: "dir" });
    await prepareTpmState(s, { tpmState, host: await s.parts.capabilities() }, signal);
  }
}
