/** Tries files of policy cases and tells what came of each. */
import type { Layout } from "../../registry/layout.ts";
import {
  type CaseFile,
  type CaseOutcome,
  differenceText,
  parseCases,
  type PolicyText,
  runCase,
} from "../../policy/cases.ts";
import { MAX_POLICY_BYTES } from "../../policy/load.ts";
import { POLICY_TEMPLATE } from "../../policy/template.ts";
import { EXIT_OF, fail, Failure } from "../core/problem.ts";
import { err, ok } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { dirname, isNotFound, isPermissionDenied, readTextBounded } from "../ports/files.ts";
import { ExitWith } from "./command.ts";
import type { Output } from "./output.ts";

const MOST_CASE_BYTES = 16 * 1024 * 1024;
/** What a case calls the policy that `rayvisor init` writes. */
const TEMPLATE = "template";

type NamedCaseFile = CaseFile & { readonly file: string };

/** What `--json` gives for a file of cases. */
interface FileResult {
  readonly file: string;
  readonly cases: readonly CaseOutcome[];
}

/**
 * Tries every case of the files. `policy`: the file for cases that name no policy. Ends with `ExitWith` 3 when one fails;
 * a file that can't be used is a Failure before the first case is tried.
 */
export async function tryCaseFiles(
  output: Output,
  layout: Layout,
  files: readonly string[],
  policy: string | undefined,
): Promise<void> {
  const read: NamedCaseFile[] = [];
  for (const file of files) read.push(await readCases(file));
  const results: FileResult[] = [];
  for (const one of read) {
    const fallback = policy ?? (one.policy === undefined ? layout.policyFile : beside(one.file, one.policy));
    results.push(await tryFile(one, fallback, layout.root));
  }
  report(output, results);
}

async function readCases(file: string): Promise<NamedCaseFile> {
  const parsed = parseCases(await textOf(file, MOST_CASE_BYTES), file);
  if (parsed.ok) return { ...parsed.value, file };
  const [first, ...more] = parsed.error;
  if (first && more.length === 0) throw new Failure(first);
  return fail("invalid_policy", `${file} has ${parsed.error.length} faults`, {
    path: file,
    problems: parsed.error,
  });
}

/** The path of a policy that a file of cases names: relative to that file. */
function beside(file: string, policy: string): string {
  return policy === TEMPLATE || policy.startsWith("/") ? policy : `${dirname(file)}/${policy}`;
}

async function tryFile({ file, cases }: NamedCaseFile, fallback: string, root: string): Promise<FileResult> {
  const pathOf = (name: string | undefined) => name === undefined ? fallback : beside(file, name);
  const texts = new Map<string, string>([[TEMPLATE, POLICY_TEMPLATE]]);
  for (const { policy } of cases) {
    const path = pathOf(policy);
    if (policy?.includes("\n") || texts.has(path)) continue;
    texts.set(path, await textOf(path, MAX_POLICY_BYTES));
  }
  const textFor = (name: string | undefined): PolicyText => {
    const found = texts.get(pathOf(name));
    return found === undefined ? err(`${pathOf(name)} was not read`) : ok(found);
  };
  return { file, cases: cases.map((one) => runCase(one, textFor, root)) };
}

async function textOf(path: string, most: number): Promise<string> {
  try {
    return await readTextBounded(path, most);
  } catch (error) {
    if (isNotFound(error)) fail("not_found", `there is no file ${path}`, { path });
    if (isPermissionDenied(error)) fail("io", `${path} can't be read: permission denied`, { path });
    // Too large, no text, no file: what it holds can't be used.
    if (error instanceof Failure) fail("invalid_policy", error.problem.message, { path });
    throw error;
  }
}

function report(output: Output, results: readonly FileResult[]): void {
  const all = results.flatMap(({ cases }) => cases);
  const failed = all.filter((one) => !one.ok).length;
  const passed = all.length - failed;
  // A mismatch is a failure, and a failure has an `error`; the results stand beside it.
  const error = failed === 0
    ? {}
    : { error: { code: "case_mismatch", message: `${failed} of ${all.length} cases failed` } };
  output.result({ ...error, passed, failed, files: results }, () => {
    const lines = results.flatMap((result) => fileText(output, result));
    const end = failed === 0 ? output.style("green", "all passed") : output.style("red", `${failed} FAILED`);
    return [...lines, `${all.length} cases, ${passed} ok, ${end}`].join("\n");
  });
  if (failed > 0) throw new ExitWith(EXIT_OF.case_mismatch);
}

function fileText(output: Output, { file, cases }: FileResult): readonly string[] {
  const lines = cases.length === 0 ? ["  no cases"] : cases.flatMap((one) => caseText(output, one));
  return [output.style("bold", sanitizeLine(file, 500)), ...lines];
}

function caseText(output: Output, one: CaseOutcome): readonly string[] {
  const name = sanitizeLine(one.name, 200);
  if (one.ok) return [`  ${output.style("green", "ok")}      ${name}`];
  const details = "unusable" in one
    ? [`can't be tried: ${one.unusable}`]
    : differenceText(one.difference, one.actual);
  return [
    `  ${output.style("red", "FAILED")}  ${name}`,
    ...details.map((line) => `          ${sanitizeLine(line, 500)}`),
  ];
}
