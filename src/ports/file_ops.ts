/**
 * The primitives by which files are written that must survive a power cut: logs, the audit trail, registry and policy. Behind
 * an interface, so that tests can cut the power at every single one of them. Synchronous: who has returned from `flush`
 * knows that the bytes are on disk, and nothing else of this program runs in between.
 */

/** A file that is open. Errors are those of Deno (`Deno.errors.*`, or an Error with the kernel's code). */
export interface OpenFile {
  /** Device and inode: which file it is, whatever name it has by now. */
  readonly id: string;
  /** Bytes. */
  size(): number;
  /** Reads from byte `at`; gives how many bytes, 0 at the end. May give fewer than asked for. */
  read(into: Uint8Array, at: number): number;
  /** Writes at byte `at`, or at the end when it was opened for appending. May take fewer than given. */
  write(bytes: Uint8Array, at: number): number;
  /** fdatasync(2): content and size are on disk when it returns. */
  flush(): void;
  truncate(size: number): void;
  close(): void;
}

/**
 * `read` wants a file that is there. `append` and `update` make one with mode 0600 when there is none; `create` wants that
 * there is none.
 */
export type OpenHow = "read" | "append" | "update" | "create";

export interface FileOps {
  /** `mode` of a file that is made; default 0600. */
  open(path: string, how: OpenHow, mode?: number): OpenFile;
  /** Replaces what is at `to`. On disk only after `flushFolder`. */
  rename(from: string, to: string): void;
  /** The file must be there. On disk only after `flushFolder`. */
  remove(path: string): void;
  /** Flushes a folder's entries (files made, renamed, removed). */
  flushFolder(path: string): void;
  /** Names in a folder; none when the folder is not there. */
  names(folder: string): string[];
  /** As {@link OpenFile.id}, of what is at `path`; undefined when nothing is. */
  idAt(path: string): string | undefined;
}

class SystemFile implements OpenFile {
  readonly id: string;

  constructor(private readonly file: Deno.FsFile) {
    this.id = idOf(file.statSync());
  }

  size(): number {
    return this.file.statSync().size;
  }

  read(into: Uint8Array, at: number): number {
    this.file.seekSync(at, Deno.SeekMode.Start);
    return this.file.readSync(into) ?? 0;
  }

  write(bytes: Uint8Array, at: number): number {
    this.file.seekSync(at, Deno.SeekMode.Start);
    return this.file.writeSync(bytes);
  }

  flush(): void {
    this.file.syncDataSync();
  }

  truncate(size: number): void {
    this.file.truncateSync(size);
  }

  close(): void {
    this.file.close();
  }
}

function idOf(info: Deno.FileInfo): string {
  return `${info.dev}:${info.ino}`;
}

/** The host's own file systems. */
export const systemFiles: FileOps = {
  open(path, how, mode = 0o600) {
    const options = {
      read: { read: true },
      append: { read: true, append: true, create: true, mode },
      update: { read: true, write: true, create: true, mode },
      create: { write: true, createNew: true, mode },
    };
    return new SystemFile(Deno.openSync(path, options[how]));
  },
  rename: (from, to) => Deno.renameSync(from, to),
  remove: (path) => Deno.removeSync(path),
  flushFolder(path) {
    using folder = Deno.openSync(path, { read: true });
    folder.syncSync();
  },
  names(folder) {
    try {
      return [...Deno.readDirSync(folder)].map((entry) => entry.name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  },
  idAt(path) {
    try {
      return idOf(Deno.statSync(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },
};

/** Writes all of `bytes` from byte `at` on. */
export function writeWhole(file: OpenFile, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) done += file.write(bytes.subarray(done), at + done);
}

/** Up to `length` bytes from byte `at` on; fewer only at the end of the file. */
export function readPart(file: OpenFile, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const n = file.read(bytes.subarray(done), at + done);
    if (n === 0) break;
    done += n;
  }
  return bytes.subarray(0, done);
}
