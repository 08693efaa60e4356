// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Runs the tests and ends with one line: `N passed, N failed, N skipped`. Arguments are files, folders or options for
 * `deno test`, for one run of it; without any, all tests run, two parts at a time: each a process of its own, because tests set
 * variables of the environment.
 */
import { TextLineStream } from "../core/lines.ts";
import { planParts } from "./test_parts.ts";
import { type Skip, type TestCounts, TestOutput } from "./test_summary.ts";

const ROOMS = ["src", "policy", "registry", "tui", "tests"];
/** QEMU without KVM takes a processor whole: more at a time than this only wait for each other. */
const MOST_AT_ONCE = 2;

interface Done {
  readonly counts: TestCounts | undefined;
  readonly skips: readonly Skip[];
  readonly success: boolean;
}

/** Runs `deno test` on files or folders; `say` takes each line of its output as it comes. */
async function runPart(root: string, args: readonly string[], say: (line: string) => void): Promise<Done> {
  const child = new Deno.Command(Deno.execPath(), {
    // Types are the business of `deno task check`.
    args: ["test", "--allow-all", "--no-check", "--lock=deno.lock", "--frozen", ...args],
    cwd: root,
    env: { ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }) },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new TestOutput();
  const read = async (stream: ReadableStream<Uint8Array>, take: (line: string) => void) => {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      take(line);
      say(line);
    }
  };
  await Promise.all([read(child.stdout, (line) => output.line(line)), read(child.stderr, () => {})]);
  const { success } = await child.status;
  return { counts: output.counts(), skips: output.skips, success };
}

async function runAll(root: string): Promise<Done[]> {
  const files: string[] = [];
  for (const room of ROOMS) files.push(...await testFiles(root, room));
  const parts = planParts(files);
  const done: Done[] = [];
  const work = async () => {
    for (let part = parts.shift(); part; part = parts.shift()) {
      const lines: string[] = [];
      const came = await runPart(root, part, (line) => lines.push(line));
      console.log(lines.join("\n")); // together, so that two parts don't mix
      if (!came.counts) console.error(`test: no result of ${part.join(" ")}`);
      done.push(came);
    }
  };
  const atOnce = Math.min(MOST_AT_ONCE, navigator.hardwareConcurrency);
  await Promise.all(Array.from({ length: atOnce }, work));
  return done;
}

/** Files of tests below a folder; none where there is no such folder. */
async function testFiles(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(`${root}/${folder}`)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) found.push(...await testFiles(root, path));
      else if (/_test\.tsx?$/.test(entry.name)) found.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

async function main(): Promise<number> {
  const root = new URL("../..", import.meta.url).pathname;
  const done = Deno.args.some((arg) => !arg.startsWith("-"))
    ? [await runPart(root, Deno.args, (line) => console.log(line))]
    : await runAll(root);
  const skips = done.flatMap((part) => part.skips);
  if (skips.length > 0) console.log("Skipped:");
  for (const { test, why } of skips) console.log(`  ${test}: ${why}`);
  const all = { passed: 0, failed: 0, skipped: 0 };
  for (const { counts } of done) {
    all.passed += counts?.passed ?? 0;
    all.failed += counts?.failed ?? 0;
    all.skipped += counts?.skipped ?? 0;
  }
  console.log(`${all.passed} passed, ${all.failed} failed, ${all.skipped} skipped`);
  return all.failed === 0 && done.every(({ success, counts }) => success && counts) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
