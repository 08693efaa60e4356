// deno-lint-ignore-file no-console -- a program for the terminal
/** Checks every source file against `import_rules.ts`. Exit code 1 when a file breaks a rule. */
import { findFaults, HOST_FILES, LONG_FILES } from "./import_rules.ts";
import { sourceFiles } from "./sources.ts";

async function main(): Promise<number> {
  const root = new URL("../..", import.meta.url).pathname;
  const paths = await sourceFiles(root);
  const faults: string[] = [];
  for (const path of paths) {
    faults.push(...findFaults({ path, text: await Deno.readTextFile(`${root}/${path}`) }));
  }
  for (const listed of [...Object.keys(HOST_FILES), ...Object.keys(LONG_FILES)]) {
    if (!paths.includes(listed)) {
      faults.push(`${listed}: is an exception in import_rules.ts, but not there any more`);
    }
  }
  for (const fault of faults) console.error(fault);
  console.error(`check_imports: ${paths.length} files, ${faults.length} faults`);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
