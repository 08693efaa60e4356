/** An audit log in a temporary folder, for tests. */
import assert from "node:assert/strict";
import { verifyAudit } from "../../src/audit/files.ts";
import { AuditLog, type LoggingRules } from "../../src/audit/log.ts";
import type { AuditEntry } from "../../src/audit/record.ts";
import type { PolicyRevision } from "../../src/core/ids.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { systemRandom } from "../../src/ports/random.ts";

export const clock: Clock = { now: () => 1_790_000_000_000, monotonic: () => 0, after: () => () => {} };

export function entry(n: number, more: Partial<AuditEntry> = {}): AuditEntry {
  return {
    corr: `c${n}`,
    actor: { kind: "local" },
    phase: "requested",
    action: "vm.start",
    policy: "none" as PolicyRevision, // the documented value for no policy
    ...more,
  };
}

export interface Rig {
  readonly folder: string;
  readonly file: string;
  log: AuditLog;
  reopen(): AuditLog;
  lines(): Promise<string[]>;
  put(lines: readonly string[]): Promise<void>;
  verify(): ReturnType<typeof verifyAudit>;
}

export async function withLog(
  rules: Partial<LoggingRules>,
  use: (rig: Rig) => Promise<void> | void,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-audit-" });
  const file = `${folder}/audit.jsonl`;
  const headFile = `${folder}/audit.head`;
  const open = () =>
    new AuditLog({
      rayosLog: `${folder}/rayos.log`,
      auditFile: file,
      headFile,
      clock,
      random: systemRandom,
      rules,
    });
  const rig: Rig = {
    folder,
    file,
    log: open(),
    reopen() {
      rig.log.close();
      return rig.log = open();
    },
    lines: async () => (await Deno.readTextFile(file)).trimEnd().split("\n"),
    put: (lines) => Deno.writeTextFile(file, lines.map((line) => line + "\n").join("")),
    verify: () => verifyAudit(file, headFile),
  };
  try {
    await use(rig);
  } finally {
    rig.log.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The trail must be found broken; gives what is said. */
export function assertBroken(rig: Rig, why: RegExp, what?: string): void {
  const check = rig.verify();
  assert.ok(!check.ok, what ?? "the trail verifies");
  assert.match(check.fault.why, why, what);
}
