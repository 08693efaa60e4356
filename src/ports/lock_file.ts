/** A lock that dies with its holder: flock(2) on a file. */

export interface LockFile {
  /** Replaces the file's content (who holds the lock). */
  write(text: string): void;
  release(): void;
}

/** Takes the lock, or returns what the present holder wrote into the file. */
export function takeLock(path: string): LockFile | { readonly heldBy: string } {
  const file = openLock(path);
  if (!file.tryLockSync(true)) {
    file.close();
    return { heldBy: Deno.readTextFileSync(path).trim() };
  }
  return lockOf(file);
}

/** Waits for the lock until its holder lets go of it or ends. The wait ends with this process at the latest. */
export async function waitForLock(path: string): Promise<LockFile> {
  const file = openLock(path);
  await file.lock(true);
  return lockOf(file);
}

function openLock(path: string): Deno.FsFile {
  return Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
}

function lockOf(file: Deno.FsFile): LockFile {
  return {
    write(text) {
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode(text));
    },
    release() {
      file.unlockSync();
      file.close();
    },
  };
}
