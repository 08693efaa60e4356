/**
 * Files of procfs and sysfs. Deno lets a program open these only with every right there is (`--allow-all`), because some
 * of them, `/proc/PID/mem` for one, undo the other rights. This program keeps its few rights and has cat(1) read and
 * tee(1) write for it.
 */
import { fail } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { searchPath } from "./search_path.ts";
import { envVar } from "./terminal.ts";

const MAX_BYTES = 1024 * 1024;

/** The text of files of procfs or sysfs, one after the other; undefined when one can't be read. Failure `missing` without cat. */
export async function readKernelFiles(...paths: readonly string[]): Promise<string | undefined> {
  const { success, text } = await cat(paths);
  return success ? text : undefined;
}

/** As {@link readKernelFiles}, of those that can be read: processes come and go. */
export async function readSomeKernelFiles(paths: readonly string[]): Promise<string> {
  return (await cat(paths)).text;
}

/**
 * As {@link readSomeKernelFiles}, each text by its path: one grep(1) reads all. What can't be read, and what is empty, is left out;
 * a text without a line feed at its end is given one. Failure `missing` without grep.
 */
export async function readKernelFilesApart(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  checkKernelFiles(paths);
  if (paths.length === 0) return new Map();
  const command = new Deno.Command("grep", {
    // -H: the path before each line; -a: whatever bytes there are; the empty pattern is in every line.
    args: ["-Has", "-e", "", "--", ...paths],
    env: PROGRAM_ENV,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const { stdout } = await command.output().catch((error: unknown) => notThere("grep", error));
  return textsByPath(paths, new TextDecoder().decode(stdout.subarray(0, MAX_BYTES)));
}

/** Takes lines `path:line` apart; the files come one after the other, in the order in which they were named. */
export function textsByPath(paths: readonly string[], lines: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let at = 0;
  for (const line of lines.split("\n").slice(0, -1)) {
    while (at < paths.length && !line.startsWith(`${paths[at]}:`)) at++;
    const path = paths[at];
    if (path === undefined) break;
    texts.set(path, `${texts.get(path) ?? ""}${line.slice(path.length + 1)}\n`);
  }
  return texts;
}

function checkKernelFiles(paths: readonly string[]): void {
  if (!paths.every((path) => /^\/(proc|sys)\//.test(path))) throw new TypeError(`not kernel files: ${paths}`);
}

async function cat(paths: readonly string[]): Promise<{ readonly success: boolean; readonly text: string }> {
  checkKernelFiles(paths);
  const command = new Deno.Command("cat", {
    args: ["--", ...paths],
    env: PROGRAM_ENV,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const { success, stdout } = await command.output().catch((error: unknown) => notThere("cat", error));
  return { success, text: new TextDecoder().decode(stdout.subarray(0, MAX_BYTES)) };
}

/**
 * Writes `text` into each of these files of cgroupfs, in their order. Failure `io` with the kernel's words when one did not
 * take it (the others may have), `missing` without tee.
 */
export async function writeCgroupFiles(text: string, ...paths: readonly string[]): Promise<void> {
  if (!paths.every((path) => /^\/sys\/fs\/cgroup\//.test(path) && !path.split("/").includes(".."))) {
    throw new TypeError(`not files of cgroupfs: ${paths}`);
  }
  let tee: Deno.ChildProcess;
  try {
    tee = new Deno.Command("tee", {
      args: ["--", ...paths],
      env: PROGRAM_ENV,
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    return notThere("tee", error);
  }
  const feed = async () => {
    const writer = tee.stdin.getWriter();
    // A file system takes a number whole or not at all: one short write is one write(2) of tee's.
    await writer.write(new TextEncoder().encode(text)).then(() => writer.close()).catch(() => {}); // it tells by its exit
  };
  const [{ success, stderr }] = await Promise.all([tee.output(), feed()]);
  if (success) return;
  const words = sanitizeLine(new TextDecoder().decode(stderr).trim(), 300);
  fail("io", `the kernel did not take ${JSON.stringify(text)}: ${words}`, { path: paths[0] ?? "" });
}

const PROGRAM_ENV = { PATH: searchPath(envVar("PATH")), LANG: "C.UTF-8" };

function notThere(program: string, error: unknown): never {
  if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) throw error;
  return fail("missing", `${program} is not in PATH`, {
    hint: "start rayvisor with a PATH that has the system's programs",
  });
}

let bootIdOnce: Promise<string> | undefined;

/** Identity of this boot of the kernel: `/proc/sys/kernel/random/boot_id`. random(4) */
export function bootId(): Promise<string> {
  return bootIdOnce ??= readKernelFiles("/proc/sys/kernel/random/boot_id").then((text) =>
    (text ?? "unknown").trim()
  );
}
