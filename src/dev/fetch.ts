// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Fetches every dependency of import_map.json, as deno.lock has it. Usage: fetch.ts [--update]; with --update the lock
 * file is made to fit the import map, without it a difference between them is an error.
 *
 * The lock file is named on each command line and not in deno.json, and the imports stand in a file of their own:
 * otherwise `deno task` itself would fetch packages before a task could say which certificates to trust.
 */
const ATTEMPTS = 3;

async function main(): Promise<number> {
  const root = new URL("../../", import.meta.url);
  const map: { imports: Record<string, string> } = JSON.parse(
    await Deno.readTextFile(new URL("import_map.json", root)),
  );
  const packages = Object.values(map.imports).filter((target) => target.startsWith("npm:"));
  const isUpdate = Deno.args.includes("--update");
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", "--lock=deno.lock", `--frozen=${!isUpdate}`, ...packages],
      cwd: root,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    if ((await child.status).success) return 0;
    console.error(`fetch: attempt ${attempt} of ${ATTEMPTS} failed`);
  }
  return 1;
}

if (import.meta.main) Deno.exit(await main());
