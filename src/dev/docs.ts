// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Writes the pages of docs/ that are made from tables in the code. Usage: docs.ts [--check]; with --check nothing is
 * written, and the exit code is 1 when a page is not what it would be.
 */
import { markersMarkdown } from "../audit/markers.ts";
import { cliMarkdown } from "../cli/reference.ts";
import { buildProgram } from "../cli/program.ts";
import { lifecyclePage } from "../lifecycle/page.ts";
import { metricsMarkdown } from "../metrics/table.ts";
import { preflightPage } from "../preflight/page.ts";
import { systemTerminal } from "../ports/terminal.ts";
import { casesMarkdown } from "../../policy/cases_doc.ts";
import { rulesMarkdown } from "../../policy/rules.ts";
import { policyMarkdown } from "../../policy/granting.ts";
import { answersMarkdown } from "../provision/answers_text.ts";
import { permissionsPage } from "./permissions.ts";

const PAGES: Readonly<Record<string, () => string>> = {
  "docs/answers.md": () => answersMarkdown(),
  "docs/cli.md": () => cliMarkdown(buildProgram(systemTerminal)),
  "docs/lifecycle.md": () => lifecyclePage(),
  "docs/markers.md": () => markersMarkdown(),
  "docs/metrics.md": () => metricsMarkdown(),
  "docs/permissions.md": () => permissionsPage(),
  "docs/policy.md": () => policyMarkdown(),
  "docs/policy-cases.md": () => casesMarkdown(),
  "docs/preflight.md": () => preflightPage(),
  "docs/rules.md": () => rulesMarkdown(),
};

async function main(): Promise<number> {
  const root = new URL("../../", import.meta.url);
  const isCheck = Deno.args.includes("--check");
  const stale: string[] = [];
  for (const [path, make] of Object.entries(PAGES)) {
    const file = new URL(path, root);
    const text = await formatted(make());
    if (await Deno.readTextFile(file).catch(() => "") === text) continue;
    stale.push(path);
    if (!isCheck) await Deno.writeTextFile(file, text);
  }
  for (const path of stale) {
    console.error(isCheck ? `docs: ${path} is out of date: run deno task docs` : `docs: wrote ${path}`);
  }
  return isCheck && stale.length > 0 ? 1 : 0;
}

/** As `deno fmt` leaves it, so that a page is never both fresh and badly formatted. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", "md", "-"],
    cwd: new URL("../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

if (import.meta.main) Deno.exit(await main());
