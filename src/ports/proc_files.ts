/**
 * Files of procfs and sysfs. Deno lets a program open these only with every right there is (`--allow-all`), because some
 * of them, `/proc/PID/mem` for one, undo the other rights. This program keeps its few rights and has cat(1) read for it.
 */
import { fail } from "../core/problem.ts";
import { searchPath } from "./search_path.ts";
import { envVar } from "./terminal.ts";

const MAX_BYTES = 1024 * 1024;

/** The text of files of procfs or sysfs, one after the other; undefined when one can't be read. Failure `missing` without cat. */
export async function readKernelFiles(...paths: readonly string[]): Promise<string | undefined> {
  if (!paths.every((path) => /^\/(proc|sys)\//.test(path))) throw new TypeError(`not kernel files: ${paths}`);
  const cat = new Deno.Command("cat", {
    args: ["--", ...paths],
    env: { PATH: searchPath(envVar("PATH")), LANG: "C.UTF-8" },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const { success, stdout } = await cat.output().catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) throw error;
    return fail("missing", "cat is not in PATH", {
      hint: "start rayvisor with a PATH that has the system's programs",
    });
  });
  return success ? new TextDecoder().decode(stdout.subarray(0, MAX_BYTES)) : undefined;
}

let bootIdOnce: Promise<string> | undefined;

/** Identity of this boot of the kernel: `/proc/sys/kernel/random/boot_id`. random(4) */
export function bootId(): Promise<string> {
  return bootIdOnce ??= readKernelFiles("/proc/sys/kernel/random/boot_id").then((text) =>
    (text ?? "unknown").trim()
  );
}
