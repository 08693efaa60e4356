/** `iso inspect`: what a medium is, read from the medium itself. Needs no supervisor and no data root. */
import { fail, type Problem } from "../../core/problem.ts";
import { formatBytes } from "../../core/units.ts";
import type { MediumProblem, MediumReport } from "../../media/report.ts";
import { type AnyCommand, Command, ExitWith } from "../command.ts";
import type { Context } from "../context.ts";
import type { MakeContext } from "./shared.ts";

const EXIT_DAMAGED = 1;

export function isoCommand(context: MakeContext): AnyCommand {
  const iso = new Command("iso").description("installation media and images: say what a file really is");
  iso.command("inspect <file>")
    .description(
      "edition, build, language, architecture of a Windows medium; kind of any other (docs/media.md)",
    )
    .option("--sha256", "read all of it and give its SHA-256")
    .option("--expect-sha256 <hex>", "as --sha256, and fail when it is another one")
    .action(async (file, options, command) => {
      const c = context(command);
      await inspect(c, file, options.sha256 ?? false, options.expectSha256);
    });
  return iso;
}

async function inspect(c: Context, file: string, hash: boolean, expected: string | undefined): Promise<void> {
  const { inspectMedium } = await import("../../media/inspect.ts");
  const { parseSha256 } = await import("../../media/hash.ts");
  const wanted = expected === undefined ? undefined : parseSha256(expected);
  if (expected !== undefined && wanted === undefined) {
    fail("usage", `--expect-sha256 wants 64 hexadecimal digits, not '${expected}'`);
  }
  const signal = c.deadline;
  const report = await timed(c, file, () => inspectMedium(file, signal ? { signal } : {}));
  const sha256 = (hash || wanted !== undefined) && report.kind !== "not-a-medium"
    ? await timed(c, file, () => hashWithProgress(c, file, report.bytes))
    : undefined;
  const problems = [...report.problems, ...mismatch(sha256, wanted)];
  const whole = { ...report, ...(sha256 === undefined ? {} : { sha256 }), problems };
  await tell(c, whole);
  if (problems.length > 0) throw new ExitWith(EXIT_DAMAGED);
}

/** A document with `error` where something is wrong, as every command has it; the report stands beside it. */
async function tell(c: Context, report: MediumReport & { readonly sha256?: string }): Promise<void> {
  const { renderMedium } = await import("../render_medium.ts");
  c.output.result(
    report.problems.length === 0 ? report : { ...report, error: sumOf(report) },
    () => renderMedium(c.output, report),
  );
}

function sumOf({ path, problems }: MediumReport): Problem {
  const [first] = problems;
  const asProblem = ({ message, hint }: MediumProblem): Problem => ({
    code: "failed",
    message,
    ...(hint === undefined ? {} : { hint }),
  });
  if (first && problems.length === 1) return { ...asProblem(first), path };
  return {
    code: "failed",
    message: `${path} has ${problems.length} faults`,
    path,
    problems: problems.map(asProblem),
  };
}

function mismatch(found: string | undefined, wanted: string | undefined): MediumProblem[] {
  if (found === undefined || wanted === undefined || found === wanted) return [];
  return [{
    code: "hash_mismatch",
    message: `its SHA-256 is ${found}, and ${wanted} was expected`,
    hint: "it is another file, or the download is damaged",
  }];
}

/** `--timeout` ends the reading; a file that answers that slowly lies on a network, or its disk is ill. */
async function timed<T>(c: Context, file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (c.deadline?.aborted) {
      fail("outcome_unknown", `${file} was not read in the time that was given`, { path: file });
    }
    throw error;
  }
}

async function hashWithProgress(c: Context, file: string, size: number): Promise<string> {
  const { hashFile } = await import("../../media/hash.ts");
  const { terminal, options } = c.output;
  const shown = terminal.errIsTerminal && !options.quiet && !options.json;
  let last = "";
  const progress = (bytes: number) => {
    const line = `SHA-256: ${formatBytes(bytes)} of ${formatBytes(size)} (${
      size === 0 ? 100 : Math.floor(bytes / size * 100)
    } %)`;
    if (shown && line !== last) terminal.err(`\r${line}\x1b[K`);
    last = line;
  };
  try {
    return await hashFile(file, progress, c.deadline);
  } finally {
    if (shown) terminal.err("\r\x1b[K");
  }
}
