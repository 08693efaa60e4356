/** One supervisor per data root. */
import { fail } from "../core/problem.ts";
import { type LockFile, takeLock } from "../ports/lock_file.ts";

/**
 * Takes the root's lock and writes `pid` into it. Failure `busy` names the holder. The kernel frees the lock when the
 * holder dies, so a lock that is left over never blocks a start.
 */
export function lockRoot(lockFile: string, root: string, pid: number): LockFile {
  const lock = takeLock(lockFile);
  if ("heldBy" in lock) {
    fail("busy", `the data root ${root} is held by another supervisor (pid ${lock.heldBy || "unknown"})`, {
      hint: "use that one, or end it with `rayvisor serve --stop` (guests go on)",
      path: lockFile,
    });
  }
  lock.write(`${pid}\n`);
  return lock;
}
