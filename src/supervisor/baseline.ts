/**
 * A baseline: a cold copy of a guest's disks, UEFI variables and TPM state, all of it or none. Its manifest comes last, with
 * the name of the folder; a copy that was cut off bears another name, and is removed by the next.
 */
import * as z from "zod";
import type { ActionParams } from "../actions/params.ts";
import { fail } from "../core/problem.ts";
import { formatUtc } from "../core/time.ts";
import { systemFiles } from "../ports/file_ops.ts";
import {
  basename,
  dirname,
  exists,
  makeFolder,
  readFileBounded,
  readTextBounded,
  removeTree,
  writeFileAtomic,
} from "../ports/files.ts";
import { listFolder, listFolders, moveFile } from "../ports/folders.ts";
import { flushFile } from "../ports/large_files.ts";
import { copyImage } from "../qemu/images.ts";
import { confine } from "../../registry/paths.ts";
import type { VmRecord } from "../../registry/types.ts";
import { baseOf, type Change, done } from "./changes.ts";
import type { Guest } from "./guest.ts";
import { formatOf, planFor } from "./prepare.ts";
import { usable } from "./reads.ts";
import { checkRoom } from "./space.ts";
import type { Supervisor } from "./supervisor.ts";

/** What a baseline is called where nothing else is said. */
export const DEFAULT_BASELINE = "win11-gate-clean";

/** Of the file beside the copies. Paths are relative to the baseline's folder. */
const manifestSchema = z.strictObject({
  version: z.literal(0),
  name: z.string(),
  vm: z.string(),
  created_at: z.string(),
  /** The guest's record as it was. */
  record: z.record(z.string(), z.unknown()),
  disks: z.record(z.string(), z.string()),
  ovmf_vars: z.string().nullable(),
  tpm_state: z.string().nullable(),
});
export type BaselineManifest = z.output<typeof manifestSchema>;

const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_TPM_BYTES = 4 * 1024 * 1024;
const MANIFEST = "manifest.json";
/** Ends the name of a copy that is being made. No baseline's name has a `~`. */
const PART = "~part";

/** `baseline.create`: of a guest that is stopped. */
export async function createBaseline(
  s: Supervisor,
  params: ActionParams<"baseline.create">,
): Promise<Change> {
  const guest = usable(s.guest(params.id));
  const name = params.name ?? DEFAULT_BASELINE;
  const folder = folderOf(s, guest);
  if (await exists(`${folder}/${name}`)) {
    fail("already_exists", `${guest.id} has a snapshot or baseline '${name}' already; it is left as it is`, {
      hint: "choose another name",
    });
  }
  const prepared = await planFor(s, guest);
  const notes = await checkRoom(s, `${guest.id} can't be copied`, [dirname(folder)]);
  const count = (await listFolders(folder).catch(() => [])).filter((other) => !other.endsWith(PART)).length;
  return {
    ...baseOf(guest),
    more: { snapshot: { count }, images: prepared.images },
    act: async (_decision, signal) => {
      await copyAll(s, guest, prepared.record, { to: `${folder}/${name}`, signal });
      s.emit({ event: "RAYOS_SNAPSHOT:create", fields: { vm: guest.id, snapshot: name } });
      return { ...done("baseline.create", guest), ...(notes.length ? { notes } : {}) };
    },
  };
}

function folderOf(s: Supervisor, guest: Guest): string {
  return s.parts.layout.guest(guest.kind ?? "linux", guest.id).snapshots;
}

async function copyAll(
  s: Supervisor,
  guest: Guest,
  record: VmRecord,
  { to, signal }: { to: string; signal: AbortSignal },
): Promise<void> {
  const { root, clock } = s.parts;
  const part = `${to}${PART}`;
  await removeTree(part);
  await makeFolder(part);
  try {
    const disks: Record<string, string> = {};
    for (const [name, path] of Object.entries(record.storage.disks)) {
      const file = `disk-${name}${path.endsWith(".qcow2") ? ".qcow2" : ".raw"}`;
      disks[name] = file;
      await image(path, file);
    }
    const { ovmf_vars, tpm_state } = record.storage;
    if (ovmf_vars !== undefined) await image(ovmf_vars, "ovmf_vars.qcow2");
    const tpm = record.devices.tpm?.enabled ? tpm_state : undefined;
    if (tpm !== undefined) {
      await copyFolder(await confine(root, tpm, { mustExist: true, kind: "dir" }), `${part}/tpm`);
    }
    signal.throwIfAborted();
    const manifest: BaselineManifest = {
      version: 0,
      name: basename(to),
      vm: guest.id,
      created_at: formatUtc(clock.now()),
      record: { ...record },
      disks,
      ovmf_vars: ovmf_vars === undefined ? null : "ovmf_vars.qcow2",
      tpm_state: tpm === undefined ? null : "tpm",
    };
    await writeFileAtomic(`${part}/${MANIFEST}`, JSON.stringify(manifest, null, 2) + "\n");
    await moveFile(part, to);
    systemFiles.flushFolder(dirname(to));
  } catch (error) {
    await removeTree(part).catch(() => {}); // the next one removes it
    throw error;
  }

  async function image(path: string, file: string): Promise<void> {
    const from = await confine(root, path, { mustExist: true, kind: "file" });
    await copyImage({ from: { path: from, format: formatOf(path) }, to: `${part}/${file}`, signal });
    await flushFile(`${part}/${file}`);
  }
}

/** The files of a folder; there are no folders in it that count: a TPM's state is one file, and a lock. */
async function copyFolder(from: string, to: string): Promise<void> {
  await makeFolder(to);
  for (const name of await listFolder(from)) {
    if (name.startsWith(".") || name === "making") continue;
    await writeFileAtomic(`${to}/${name}`, await readFileBounded(`${from}/${name}`, MAX_TPM_BYTES));
  }
}

/** A baseline's manifest; undefined where there is none of this name. */
export async function readBaseline(
  s: Supervisor,
  guest: Guest,
  name: string,
): Promise<BaselineManifest | undefined> {
  const path = `${folderOf(s, guest)}/${name}/${MANIFEST}`;
  if (!await exists(path)) return undefined;
  const parsed = manifestSchema.safeParse(JSON.parse(await readTextBounded(path, MAX_MANIFEST_BYTES)));
  return parsed.success ? parsed.data : fail("io", `${path} is no manifest of a baseline`, { path });
}
