/** One supervisor per data root. */
import { fail } from "../core/problem.ts";
import { type HeldLock, takeLock, waitForLock } from "../ports/lock_file.ts";
import { connectWhenReady } from "../ports/unix_socket.ts";

/** Longest time from the moment that a supervisor closes its socket until it has ended, and to start one. */
const HANDOVER_TIMEOUT_MS = 20_000;

/** What is locked, and the socket by which its holder serves. */
export interface LockedRoot {
  readonly root: string;
  /** File that names the holder. */
  readonly lock: string;
  readonly socket: string;
}

/**
 * Takes the root's lock and notes `pid`. A holder that does not serve is about to do so, or about to end: in the
 * second case the lock is waited for. Failure `busy` names the holder. The kernel frees the lock when the holder dies, so a
 * lock that is left over never blocks a start.
 */
export async function lockRoot(
  { root, lock, socket }: LockedRoot,
  pid: number,
  timeoutMs: number = HANDOVER_TIMEOUT_MS,
): Promise<HeldLock> {
  const first = takeLock(root, lock);
  const taken = "heldBy" in first ? await lockUnlessServed({ root, lock, socket }, timeoutMs) : first;
  if (!taken) {
    const heldBy = "heldBy" in first ? first.heldBy : "";
    fail("busy", `the data root ${root} is held by another supervisor (pid ${heldBy || "unknown"})`, {
      hint: "use that one, or end it with `rayvisor serve --stop` (guests go on)",
      path: lock,
    });
  }
  try {
    taken.write(`${pid}\n`);
  } catch { /* a full disk: the lock is held all the same, and only its message names nobody */ }
  return taken;
}

/** The lock as soon as it is free, or undefined as soon as its holder serves, or when neither comes in time. */
async function lockUnlessServed(
  { root, lock, socket }: LockedRoot,
  timeoutMs: number,
): Promise<HeldLock | undefined> {
  const over = new AbortController();
  const served = connectWhenReady(socket, timeoutMs, over.signal).then(
    (stream) => stream.close(),
    () => {}, // not in time, or the lock came first
  );
  const freed = waitForLock(root, lock);
  const taken = await Promise.race([freed, served]);
  over.abort();
  if (taken) return taken;
  freed.then((late) => late.release()).catch(() => {}); // nobody waits for it any more
  return undefined;
}
