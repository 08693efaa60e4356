/** `rayvisor audit ...`: what was asked, decided, begun and ended. */
import { readAudit, recordsOf, type StoredRecord, TrailFollower, verifyAudit } from "../../audit/files.ts";
import { type AuditRecord, lineOf } from "../../audit/record.ts";
import type { ChainCheck } from "../../audit/verify.ts";
import { fail } from "../../core/problem.ts";
import { parseMoment } from "../../core/time.ts";
import { exists } from "../../ports/files.ts";
import { watchFolder } from "../../ports/watch.ts";
import { type AnyCommand, Command } from "../command.ts";
import { type Context, requireRoot } from "../context.ts";
import { renderRecord } from "../render.ts";
import type { MakeContext } from "./shared.ts";

interface Which {
  readonly vm?: string | undefined;
  readonly action?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export function auditCommand(context: MakeContext): AnyCommand {
  const audit = new Command("audit").description("the audit trail: read it, prove it whole");
  audit.command("tail").description("the last records, or with -f also those to come")
    .option("-f, --follow", "wait for more")
    .option("--vm <id>", "only of this guest")
    .option("-n, --lines <n>", "how many of the last ones", "20")
    .action(async (options, command) => {
      const c = context(command);
      await requireRoot(c);
      await tail(c, filterOf({ vm: options.vm }), linesOf(options.lines), options.follow ?? false);
    });
  audit.command("export").description("records as JSON Lines, each as it stands in the trail")
    .option("--since <when>", "from this time on: 2026-01-31, 2026-01-31T12:00Z, or a duration back: 24h")
    .option("--until <when>", "up to this time")
    .option("--vm <id>", "only of this guest")
    .option("--action <id>", "only of this action")
    .action(async (options, command) => {
      const c = context(command);
      await requireRoot(c);
      for (const { line } of recordsOf(c.layout.auditFile, filterOf(options))) c.output.line(line);
    });
  audit.command("verify").description("check the chain of hashes over all files, and that nothing is cut off")
    .action(async (_options, command) => {
      const c = context(command);
      await requireRoot(c);
      verify(c);
    });
  return audit;
}

function linesOf(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) {
    fail("usage", `--lines wants a whole number of at least 1, not '${text}'`);
  }
  return Number(text);
}

function filterOf({ vm, action, since, until }: Which): (record: AuditRecord) => boolean {
  const from = momentOf("--since", since);
  const to = momentOf("--until", until);
  return (record) =>
    (vm === undefined || record.vm === vm) && (action === undefined || record.action === action) &&
    (from === undefined || Date.parse(record.time) >= from) &&
    (to === undefined || Date.parse(record.time) <= to);
}

function momentOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return parseMoment(text, Date.now()) ??
    fail("usage", `${flag} wants a time or a duration, not '${text}'`, {
      hint: "as in 2026-01-31, 2026-01-31T12:00:00Z, or 24h (that long ago); without a zone a time is UTC",
    });
}

function verify(c: Context): void {
  const check = verifyAudit(c.layout.auditFile, c.layout.auditHead);
  if (!check.ok) {
    const { file, line, seq, why } = check.fault;
    const which = seq === undefined ? "" : ` (record ${seq})`;
    const at = line > 0 ? `${file}:${line}` : file;
    fail("audit_broken", `the audit trail is broken at ${at}${which}: ${why}`, {
      path: file,
      ...(line > 0 ? { place: { file, line, column: 1 } } : {}),
      hint: "keep the logs folder as evidence: copy it before anything else is done",
    });
  }
  c.output.result({ valid: true, ...check, ok: undefined }, () => renderCheck(check));
}

function renderCheck({ head, records, begins, unfinished }: Extract<ChainCheck, { ok: true }>): string {
  if (!begins) return "the audit trail is empty";
  return [
    `the chain holds: ${records} records, ${begins.seq} to ${head.seq}, head ${head.hash.slice(0, 16)}…`,
    begins.seq === 1
      ? "it is whole: record 1 is there"
      : `the kept trail begins at record ${begins.seq} of ${begins.time}; older files were rotated away`,
    ...(unfinished ? [`after it a crash left an unfinished write (${unfinished}); nothing rests on it`] : []),
  ].join("\n");
}

/** The last `limit` records; then, until the process is interrupted or the time is over, each that comes. */
async function tail(
  c: Context,
  filter: (record: AuditRecord) => boolean,
  limit: number,
  follow: boolean,
): Promise<void> {
  const { auditFile } = c.layout;
  const print = ({ record, line }: StoredRecord) =>
    c.output.json ? c.output.line(line) : c.output.item(record, (r) => renderRecord(c.output, r));
  const follower = new TrailFollower(auditFile); // before the last ones are read, so that none is missed between
  for (const record of readAudit(auditFile, { limit, filter })) {
    follower.skipTo(record.seq);
    print({ record, line: lineOf(record) });
  }
  try {
    if (follow) await followTrail(c, follower, (stored) => filter(stored.record) && print(stored));
  } finally {
    follower.close();
  }
}

async function followTrail(
  c: Context,
  follower: TrailFollower,
  take: (stored: StoredRecord) => void,
): Promise<void> {
  if (!await exists(follower.folder)) fail("not_found", `there is no folder ${follower.folder}`);
  const over = Promise.withResolvers<void>();
  const look = () => {
    for (const stored of follower.next()) take(stored);
  };
  const stop = watchFolder(follower.folder, (paths) => {
    if (!paths.some((path) => path.startsWith(c.layout.auditFile))) return;
    try {
      look();
    } catch (error) {
      over.reject(error);
    }
  });
  c.deadline?.addEventListener("abort", () => over.resolve(), { once: true });
  try {
    look(); // what came before the watch began
    await over.promise;
  } finally {
    stop();
  }
}
