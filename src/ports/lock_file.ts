/**
 * A lock that dies with its holder: flock(2) on a folder. The folder itself and not a file in it: a lock file that somebody
 * tidies away would let a second holder in.
 */

export interface HeldLock {
  /** Writes who holds it, for those who ask. */
  write(text: string): void;
  release(): void;
}

/** Takes the lock of a folder, or returns what its holder wrote into `note`; nothing where that is gone. */
export function takeLock(folder: string, note: string): HeldLock | { readonly heldBy: string } {
  const file = Deno.openSync(folder, { read: true });
  if (file.tryLockSync(true)) return lockOf(file, note);
  file.close();
  try {
    return { heldBy: Deno.readTextFileSync(note).trim() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { heldBy: "" };
    throw error;
  }
}

/** Waits for the lock until its holder lets go of it or ends. The wait ends with this process at the latest. */
export async function waitForLock(folder: string, note: string): Promise<HeldLock> {
  const file = Deno.openSync(folder, { read: true });
  await file.lock(true);
  return lockOf(file, note);
}

function lockOf(file: Deno.FsFile, note: string): HeldLock {
  return {
    write(text) {
      Deno.writeTextFileSync(note, text, { mode: 0o600 });
    },
    release() {
      file.unlockSync();
      file.close();
    },
  };
}
