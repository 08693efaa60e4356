/** The registry on disk. One writer is assumed: the supervisor that holds the data root's lock. */
import type { VmId } from "../src/core/ids.ts";
import { fail, Failure } from "../src/core/problem.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import {
  basename,
  dirname,
  isNotFound,
  readTextBounded,
  removeTree,
  writeFileAtomic,
} from "../src/ports/files.ts";
import type { FileOps } from "../src/ports/file_ops.ts";
import { listFolder } from "../src/ports/folders.ts";
import {
  MAX_REGISTRY_BYTES,
  parseEnvelope,
  parseRecord,
  readRegistry,
  type RegistryContents,
} from "./schema.ts";
import type { VmRecord } from "./types.ts";

/** The text of a registry without guests. */
export const EMPTY_REGISTRY = '{\n  "version": 0,\n  "vms": {}\n}\n';

export class RegistryStore {
  readonly #file: string;
  readonly #root: string | undefined;
  /** The end of the last write that was asked for; writes run one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** With `root`, absolute paths inside it are made relative. `ops` is for tests that cut the power. */
  constructor(
    place: { readonly registryFile: string; readonly root?: string },
    private readonly ops?: FileOps,
  ) {
    this.#file = place.registryFile;
    this.#root = place.root;
  }

  /**
   * All records, the broken ones apart; none where there is no file. Failure `invalid_registry` or `registry_unsupported`
   * where the file can't be used at all.
   */
  async read(): Promise<RegistryContents> {
    const read = readRegistry(await this.#text(), this.#file, this.#root);
    if (!read.ok) throw new Failure(read.error);
    return read.value;
  }

  /** One record; undefined when there is none, Failure `invalid_registry` when it is broken. */
  async get(id: VmId): Promise<VmRecord | undefined> {
    const { vms, broken } = await this.read();
    const problems = broken.find((one) => one.id === id)?.problems;
    if (problems) fail("invalid_registry", `the record of ${id} can't be used`, { problems });
    return vms.get(id);
  }

  /**
   * Adds or replaces a record. Refused without a write: a record with faults, one that names a file of another guest, and a
   * file that can't be read. Records that are broken stay in the file as they are.
   */
  async put(record: VmRecord): Promise<void> {
    await this.#change(async (vms) => {
      const checked = parseRecord(record, `vms.${record.id}`, this.#root);
      if (!checked.ok) {
        const [first] = checked.error;
        fail(
          "invalid_registry",
          `the record of ${sanitizeLine(String(record.id), 80)} is refused: ${first?.message ?? "invalid"}`,
          {
            problems: checked.error,
          },
        );
      }
      this.#refuseSharedFiles(checked.value, (await this.read()).vms);
      return { ...vms, [checked.value.id]: checked.value };
    });
  }

  /** Takes a record out, broken or not. Failure `not_found` when there is none. */
  async remove(id: string): Promise<void> {
    await this.#change((vms) => {
      if (!Object.hasOwn(vms, id)) {
        fail("not_found", `there is no guest '${sanitizeLine(id, 80)}' in ${this.#file}`);
      }
      return Promise.resolve(Object.fromEntries(Object.entries(vms).filter(([key]) => key !== id)));
    });
  }

  /** Removes temporary files that a crash left. Only for the one that holds the root's lock. */
  async removeLeftovers(): Promise<void> {
    const own = `${basename(this.#file)}.`;
    for (const name of await listFolder(dirname(this.#file))) {
      if (name.startsWith(own) && name.endsWith(".tmp")) await removeTree(`${dirname(this.#file)}/${name}`);
    }
  }

  async #text(): Promise<string> {
    try {
      return await readTextBounded(this.#file, MAX_REGISTRY_BYTES, this.ops);
    } catch (error) {
      if (isNotFound(error)) return EMPTY_REGISTRY;
      if (error instanceof Failure) {
        fail("invalid_registry", error.problem.message, { path: this.#file, hint: "it is left as it is" });
      }
      throw error;
    }
  }

  #change(
    change: (vms: Readonly<Record<string, unknown>>) => Promise<Readonly<Record<string, unknown>>>,
  ): Promise<void> {
    const done = this.#last.then(async () => {
      const envelope = parseEnvelope(await this.#text(), this.#file);
      if (!envelope.ok) throw new Failure(envelope.error);
      const text = JSON.stringify({ version: 0, vms: await change(envelope.value) }, null, 2) + "\n";
      if (new TextEncoder().encode(text).length > MAX_REGISTRY_BYTES) {
        fail("invalid_registry", `${this.#file} would be larger than ${MAX_REGISTRY_BYTES} bytes`);
      }
      await writeFileAtomic(this.#file, text, 0o600, this.ops);
    });
    // A write that failed is its caller's matter; the next one starts all the same.
    this.#last = done.catch(() => {});
    return done;
  }

  /** Two guests on one disk, variable store or TPM state destroy it. */
  #refuseSharedFiles(record: VmRecord, vms: ReadonlyMap<string, VmRecord>): void {
    const own = new Set(ownFiles(record));
    for (const other of vms.values()) {
      if (other.id === record.id) continue;
      const shared = ownFiles(other).find((file) => own.has(file));
      if (shared !== undefined) {
        fail("invalid_registry", `${record.id} names ${shared}, which belongs to ${other.id}`, {
          path: shared,
        });
      }
    }
  }
}

/** Files that a guest writes, relative to the data root: no two guests may have one in common. */
export function ownFiles({ storage }: VmRecord): readonly string[] {
  return [...Object.values(storage.disks), storage.ovmf_vars, storage.tpm_state].filter((file) =>
    file !== undefined
  );
}
