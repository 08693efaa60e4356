/**
 * The journal of intents: what is being done that a dead supervisor would leave half done. An intent is on disk before the
 * first effect and is removed after the last; the next supervisor finishes or undoes what it finds. What can be read from facts (which
 * processes run, what QEMU says of itself) needs no intent: a start, a pause.
 *
 * One file a guest, because one action at a time has it: replaced as a whole, so that a crash leaves the old or the new.
 */
import * as z from "zod";
import { GUEST_KINDS, parseVmId, type VmId } from "../core/ids.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { isNotFound, writeFileAtomic } from "../ports/files.ts";
import { type FileOps, readPart, systemFiles } from "../ports/file_ops.ts";

const vm = z.string().transform((text, context): VmId => {
  const id = parseVmId(text);
  if (id) return id;
  context.addIssue({ code: "custom", message: "not a guest id" });
  return z.NEVER;
});

const intent = z.discriminatedUnion("kind", [
  /** `made`: files and folders that were not there before, relative to the data root. Undone unless the registry names the guest. */
  z.strictObject({ kind: z.literal("define"), vm, made: z.array(z.string()) }),
  /** Finished. `folder`: also the guest's folder. */
  z.strictObject({
    kind: z.literal("delete"),
    vm,
    type: z.enum(GUEST_KINDS).optional(),
    folder: z.boolean(),
  }),
  /** Finished, with the same grace. */
  z.strictObject({ kind: z.literal("stop"), vm, graceS: z.number() }),
  /** Finished. */
  z.strictObject({ kind: z.literal("kill"), vm }),
]);
export type Intent = z.output<typeof intent>;

const entry = z.strictObject({
  version: z.literal(0),
  /** Correlation id of the request. */
  corr: z.string(),
  intent,
});
export type JournalEntry = z.output<typeof entry>;

/** Most bytes of an entry that are read: a guest has at most some 20 files. */
const MAX_BYTES = 256 * 1024;

export class Journal {
  constructor(private readonly folder: string, private readonly ops: FileOps = systemFiles) {}

  /**
   * Puts an intent on disk. Whatever the file system throws comes through: then nothing may be begun. Ending a guest is
   * begun all the same, on a full disk too: it only takes away.
   */
  async begin(corr: string, intent: Intent): Promise<void> {
    const entry: JournalEntry = { version: 0, corr, intent };
    try {
      await writeFileAtomic(this.#file(intent.vm), JSON.stringify(entry) + "\n", 0o600, this.ops);
    } catch (error) {
      if (intent.kind !== "stop" && intent.kind !== "kill") throw error;
    }
  }

  /** Removes a guest's intent; none there is fine. Never throws: one that stays is found done by the next supervisor. */
  end(vm: VmId): void {
    try {
      this.ops.remove(this.#file(vm));
      this.ops.flushFolder(this.folder);
    } catch { /* not there, or the disk does nothing any more */ }
  }

  /** What was begun and has no end; files that make no sense are removed, and named. */
  unfinished(): { entries: JournalEntry[]; unreadable: string[] } {
    const entries: JournalEntry[] = [];
    const unreadable: string[] = [];
    for (const name of this.ops.names(this.folder).sort()) {
      const path = `${this.folder}/${name}`;
      const found = name.endsWith(".json") ? this.#read(path) : undefined;
      if (found && this.#file(found.intent.vm) === path) entries.push(found);
      else {
        // What a write that was cut off leaves is no intent: the one who wrote it has begun nothing.
        if (!name.endsWith(".tmp")) unreadable.push(sanitizeLine(name, 80));
        this.#remove(path);
      }
    }
    return { entries, unreadable };
  }

  #file(vm: VmId): string {
    return `${this.folder}/${vm}.json`;
  }

  #remove(path: string): void {
    try {
      this.ops.remove(path);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #read(path: string): JournalEntry | undefined {
    const file = this.ops.open(path, "read");
    try {
      const parsed = entry.safeParse(JSON.parse(new TextDecoder().decode(readPart(file, 0, MAX_BYTES))));
      return parsed.success ? parsed.data : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    } finally {
      file.close();
    }
  }
}
