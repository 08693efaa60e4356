/** `rayvisor audit ...`: what was asked, decided, begun and ended. */
import { readAudit, verifyAudit } from "../../audit/files.ts";
import { fail } from "../../core/problem.ts";
import { watchFolder } from "../../ports/watch.ts";
import { dirname } from "../../ports/files.ts";
import { type AnyCommand, Command } from "../command.ts";
import { type Context, requireRoot } from "../context.ts";
import { renderRecord } from "../render.ts";
import type { MakeContext } from "./shared.ts";

export function auditCommand(context: MakeContext): AnyCommand {
  const audit = new Command("audit").description("the audit trail: read it, prove it whole");
  audit.command("tail").description("the last records, or with -f also those to come")
    .option("-f, --follow", "wait for more")
    .option("--vm <id>", "only of this guest")
    .option("-n, --lines <n>", "how many of the last ones", "20")
    .action(async (options, command) => {
      const c = context(command);
      await requireRoot(c);
      const seen = await show(c, 0, options.vm, Math.max(1, Number(options.lines) || 20));
      if (options.follow) await follow(c, seen, options.vm);
    });
  audit.command("verify").description("check the chain of hashes over all files, and that nothing is cut off")
    .action(async (_options, command) => {
      const c = context(command);
      await requireRoot(c);
      const check = await verifyAudit(c.layout.auditFile, c.layout.auditHead);
      if (!check.ok) {
        const { file, line, seq, why } = check.fault;
        fail(
          "audit_broken",
          `the audit trail is broken at ${file}:${line}${seq ? ` (record ${seq})` : ""}: ${why}`,
          {
            path: file,
            place: { file, line, column: 1 },
          },
        );
      }
      c.output.result(
        { valid: true, records: check.records, first: check.first, head: check.head },
        () =>
          `the chain holds: records ${check.first} to ${check.head.seq}, head ${
            check.head.hash.slice(0, 16)
          }…`,
      );
    });
  return audit;
}

async function show(c: Context, after: number, vm: string | undefined, limit?: number): Promise<number> {
  const records = await readAudit(c.layout.auditFile, {
    ...(limit === undefined ? {} : { limit }),
    filter: (record) => record.seq > after && (vm === undefined || record.vm === vm),
  });
  for (const record of records) c.output.item(record, (r) => renderRecord(c.output, r));
  return records.at(-1)?.seq ?? after;
}

/** Prints new records each time the log folder changes, until the process is interrupted or the time is over. */
async function follow(c: Context, after: number, vm: string | undefined): Promise<void> {
  let seen = after;
  let work = Promise.resolve();
  const stop = watchFolder(dirname(c.layout.auditFile), (paths) => {
    if (!paths.some((path) => path.startsWith(c.layout.auditFile))) return;
    work = work.then(async () => {
      seen = await show(c, seen, vm);
    });
  });
  await new Promise<void>((resolve) =>
    c.deadline?.addEventListener("abort", () => resolve(), { once: true })
  );
  stop();
  await work;
}
