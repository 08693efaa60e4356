/**
 * A file system in memory that keeps apart what is on disk and what only seems to be, fails at a chosen step, and can lose its
 * power at one: then each thing that was not flushed is lost, or kept, or kept in part.
 *
 * What it takes from real ones: `flush` brings content and size of one file to disk, not its name; `flushFolder` brings
 * names to disk, in the order in which they were changed. A write is not one step: part of it may be on disk.
 */
import { dirname } from "../../src/core/file_names.ts";
import type { FileOps, OpenFile, OpenHow } from "../../src/ports/file_ops.ts";

/**
 * What the disk has of writes that were not flushed when the power went. `half`: of the last one the first half. `end`: of
 * the last one the second half, zeros before it. `zeros`: the size, but no content.
 */
export const LOST_DATA = ["lost", "kept", "half", "end", "zeros"] as const;
export type LostData = typeof LOST_DATA[number];
/** What the disk has of names that were changed and not flushed: none, all, the first half of the changes, the last alone. */
export const LOST_NAMES = ["lost", "kept", "half", "last"] as const;
export type LostNames = typeof LOST_NAMES[number];

/** What happens at a step: the power goes, or the operation fails, then and (`lasting`) ever after. */
export interface Plan {
  readonly at: number;
  readonly how: "power" | "error";
  /** Of a write: half of it is done first. */
  readonly partly?: boolean;
  readonly lasting?: boolean;
  /** Only what is done to this open file counts as a step. */
  readonly only?: string;
}

/** The power went: nothing that runs on this file system goes on. */
export class PowerCut extends Error {}

interface Inode {
  readonly id: string;
  content: Uint8Array<ArrayBuffer>;
  durable: Uint8Array<ArrayBuffer>;
  /** Written and not flushed. */
  dirty: { readonly from: number; readonly to: number }[];
}
type Names = Map<string, Inode>;
interface NameChange {
  readonly folder: string;
  apply(names: Names): void;
}

export class PowerCutFiles implements FileOps {
  #names: Names;
  #durableNames: Names;
  #pending: NameChange[] = [];
  #step = 0;
  #isDead = false;
  #nextId = 1;
  plan: Plan | undefined;
  /** Handles that are open: none may be left when all is closed. */
  handles = 0;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#names = new Map([...files].map(([path, bytes]) => {
      const content = new Uint8Array(bytes);
      return [path, { id: `i${this.#nextId++}`, content, durable: content.slice(), dirty: [] }];
    }));
    this.#durableNames = new Map(this.#names);
  }

  /** Steps so far: every operation that changes or flushes something. */
  get steps(): number {
    return this.#step;
  }

  /** Text of a file as a program sees it; undefined when there is none. */
  text(path: string): string | undefined {
    const inode = this.#names.get(path);
    return inode && new TextDecoder().decode(inode.content);
  }

  /** The file system that is found when the power is back. */
  afterPowerCut(data: LostData, names: LostNames): PowerCutFiles {
    const there = new Map(this.#durableNames);
    const kept = names === "kept" ? this.#pending.length : names === "half" ? this.#pending.length >> 1 : 0;
    const changes = names === "last" ? this.#pending.slice(-1) : this.#pending.slice(0, kept);
    for (const change of changes) change.apply(there);
    return new PowerCutFiles(
      new Map([...there].map(([path, inode]) => [path, survivingContent(inode, data)])),
    );
  }

  /** Counts a step; gives true when only half of it, a write, is to be done before it fails. */
  #count(isWrite = false, path = ""): boolean {
    if (this.#isDead) throw new PowerCut("the power is off");
    const { plan } = this;
    if (plan?.only !== undefined && plan.only !== path) return false;
    const n = this.#step++;
    if (!plan || n < plan.at || (n > plan.at && !plan.lasting)) return false;
    if (isWrite && plan.partly && n === plan.at) return true;
    this.#fall();
    return false;
  }

  #fall(): never {
    if (this.plan?.how === "power") {
      this.#isDead = true;
      throw new PowerCut("the power went");
    }
    throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  }

  #changeNames(folder: string, apply: (names: Names) => void): void {
    apply(this.#names);
    this.#pending.push({ folder, apply });
  }

  open(path: string, how: OpenHow): OpenFile {
    let inode = this.#names.get(path);
    if (how === "read") {
      if (this.#isDead) throw new PowerCut("the power is off");
      if (!inode) throw new Deno.errors.NotFound(`no such file: ${path}`);
    } else if (how === "create" && inode) throw new Deno.errors.AlreadyExists(path);
    if (!inode) {
      this.#count();
      const made: Inode = {
        id: `i${this.#nextId++}`,
        content: new Uint8Array(),
        durable: new Uint8Array(),
        dirty: [],
      };
      this.#changeNames(dirname(path), (names) => void names.set(path, made));
      inode = made;
    }
    return this.#handle(inode, how, path);
  }

  #handle(inode: Inode, how: OpenHow, path: string): OpenFile {
    const count = (isWrite?: boolean) => this.#count(isWrite, path);
    const fall = () => this.#fall();
    const closed = () => this.handles--;
    let isOpen = true;
    this.handles++;
    return {
      id: inode.id,
      size: () => inode.content.length,
      read(into, at) {
        const part = inode.content.subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write(bytes, at) {
        const isHalf = count(true);
        const part = isHalf ? bytes.subarray(0, bytes.length >> 1) : bytes;
        const from = how === "append" ? inode.content.length : at;
        const content = new Uint8Array(Math.max(inode.content.length, from + part.length));
        content.set(inode.content);
        content.set(part, from);
        inode.content = content;
        inode.dirty.push({ from, to: from + part.length });
        if (isHalf) fall();
        return part.length;
      },
      flush() {
        count();
        inode.durable = inode.content.slice();
        inode.dirty = [];
      },
      truncate(size) {
        count();
        const content = new Uint8Array(size);
        content.set(inode.content.subarray(0, size));
        inode.content = content;
        inode.dirty = inode.dirty.filter(({ from }) => from < size)
          .map(({ from, to }) => ({ from, to: Math.min(to, size) }));
      },
      close() {
        if (isOpen) closed();
        isOpen = false;
      },
    };
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (!inode) throw new Deno.errors.NotFound(from);
    this.#count();
    this.#changeNames(dirname(to), (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  remove(path: string): void {
    if (!this.#names.has(path)) throw new Deno.errors.NotFound(path);
    this.#count();
    this.#changeNames(dirname(path), (names) => void names.delete(path));
  }

  flushFolder(folder: string): void {
    this.#count();
    const [now, later] = [
      this.#pending.filter((change) => change.folder === folder),
      this.#pending.filter((change) => change.folder !== folder),
    ];
    for (const change of now) change.apply(this.#durableNames);
    this.#pending = later;
  }

  names(folder: string): string[] {
    return [...this.#names.keys()].filter((path) => dirname(path) === folder)
      .map((path) => path.slice(folder.length + 1));
  }

  idAt(path: string): string | undefined {
    return this.#names.get(path)?.id;
  }
}

function survivingContent({ content, durable, dirty }: Inode, data: LostData): Uint8Array {
  if (data === "lost") return durable;
  const last = dirty.at(-1);
  if (data === "kept" || !last) return content;
  const middle = last.from + ((last.to - last.from) >> 1);
  const kept = new Uint8Array(content);
  if (data === "half") {
    if (last.to < content.length) return kept.fill(0, middle, last.to);
    return kept.slice(0, Math.max(middle, durable.length));
  }
  if (data === "end") return kept.fill(0, last.from, middle);
  for (const { from, to } of dirty) kept.fill(0, from, to);
  return kept;
}
