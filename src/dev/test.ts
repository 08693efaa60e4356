// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Runs the tests and ends with one line: `N passed, N failed, N skipped`. Arguments are files, folders or options for
 * `deno test`; without any, all tests run.
 */
import { TextLineStream } from "../core/lines.ts";
import { TestOutput } from "./test_summary.ts";

const ROOMS = ["src", "policy", "registry", "tui", "tests"];

async function main(): Promise<number> {
  const root = new URL("../..", import.meta.url).pathname;
  const wanted = Deno.args.some((arg) => !arg.startsWith("-")) ? [] : await roomsOf(root);
  const child = new Deno.Command(Deno.execPath(), {
    // Types are the business of `deno task check`.
    args: ["test", "--allow-all", "--no-check", "--lock=deno.lock", "--frozen", ...wanted, ...Deno.args],
    cwd: root,
    env: { ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }) },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = new TestOutput();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    output.line(line);
    console.log(line);
  }
  const { success } = await child.status;
  const counts = output.counts();
  if (output.skips.length > 0) console.log("Skipped:");
  for (const { test, why } of output.skips) console.log(`  ${test}: ${why}`);
  if (!counts) {
    console.error("test: the run ended without a result");
    return 1;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return success && counts.failed === 0 ? 0 : 1;
}

async function roomsOf(root: string): Promise<string[]> {
  const rooms: string[] = [];
  for (const room of ROOMS) {
    if (await Deno.stat(`${root}/${room}`).then((i) => i.isDirectory, () => false)) rooms.push(room);
  }
  return rooms;
}

if (import.meta.main) Deno.exit(await main());
