/** Reports of guests that ended unasked: what was last seen of them, as a file under `crash/`. */
import { escapeUnsafe } from "../core/json.ts";
import { formatUtc } from "../core/time.ts";
import { writeFileAtomic } from "../ports/files.ts";
import type { Ended, Guest, GuestRun } from "./guest.ts";
import { lastWords } from "./launch.ts";
import type { Supervisor } from "./supervisor.ts";

/** Writes the report and returns its path. `how`: how QEMU ended, in words. */
export async function writeCrashReport(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  ended: Ended,
  how: string,
): Promise<string> {
  const now = s.parts.clock.now();
  const path = `${s.parts.layout.crashFolder}/${guest.id}-${formatUtc(now).replace(/[:.]/g, "")}.json`;
  const report = {
    vm: guest.id,
    at: formatUtc(now),
    ran_ms: now - run.startedAt,
    exit: ended.exit,
    pid: run.qemu.pid,
    accelerator: run.accelerator,
    limits: run.group?.limits ?? null,
    how,
    qemu_last_words: guest.kind ? lastWords(s.parts.layout.guest(guest.kind, guest.id).qemuLog, 0) : "",
    serial_tail: run.serial.lines(50),
  };
  await writeFileAtomic(path, escapeUnsafe(JSON.stringify(report, null, 2)) + "\n").catch(() => {}); // a full disk: the trail still says it
  return path;
}
