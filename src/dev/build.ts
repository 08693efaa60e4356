// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * Makes dist/rayvisor: bundles main.ts into one file, says what it is made of, and compiles it with the permissions of
 * `permissions.ts`. Does nothing when neither the sources nor Deno have changed.
 * Usage: build.ts [--root DIR], DIR being the source tree; default the one that this file is in.
 */
import { type BaseSource, BuildError, recoverBase, sha256 } from "./base.ts";
import { permissionFlags } from "./permissions.ts";
import { sourceFiles } from "./sources.ts";

/** Longest time that `deno compile` may take, download included, before the base is taken from elsewhere. */
const COMPILE_TIMEOUT_MS = 180_000;
/** Optional for what imports them, not installed, and replaced by `undefined`: debugging tools of Ink. */
const NOT_BUNDLED = ["react-devtools-core"];

/**
 * The runtime lets its heap grow far beyond what is in use before it tidies up, and gives nothing back: after 10,000 requests
 * the supervisor held 180 MiB of which it used 40. With these it holds 100, for a quarter more of processor time a request.
 * Neither is a limit: a program that needs more gets it.
 */
const V8_FLAGS = ["--max-semi-space-size=4", "--heap-growing-percent=20"];

/** What the program knows about its own making: `globalThis.__RAYVISOR_BUILD__`. */
export interface BuildFacts {
  readonly version: string;
  readonly commit: string;
  readonly base: BaseSource;
  readonly deno: string;
}

async function main(): Promise<number> {
  const at = Deno.args.indexOf("--root");
  const root = (at >= 0 ? Deno.args[at + 1] : undefined) ?? new URL("../..", import.meta.url).pathname;
  try {
    await build(root.replace(/\/$/, ""));
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`build: ${error.message}`);
    return 1;
  }
}

async function build(root: string): Promise<void> {
  const began = performance.now();
  const work = `${root}/dist/build`, output = `${root}/dist/rayvisor`, stampFile = `${work}/stamp.json`;
  const stamp = await stampOf(root);
  const before = await Deno.readTextFile(stampFile).catch(() => "");
  if (before.startsWith(`${stamp}\n`) && await Deno.stat(output).then((i) => i.isFile, () => false)) {
    say(`dist/rayvisor is up to date (${before.split("\n")[1]})`);
    return;
  }
  await Deno.mkdir(work, { recursive: true });
  await Deno.remove(stampFile).catch(() => {});
  await bundle(root, `${work}/bundle`);
  const base = await compile(root, work, output);
  await Deno.writeTextFile(stampFile, `${stamp}\n${describe(base)}\n`);
  const size = (await Deno.stat(output)).size;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`made dist/rayvisor, ${Math.round(size / 1e6)} MB, in ${seconds} s (${describe(base)})`);
}

function describe(base: BaseSource): string {
  switch (base) {
    case "DENORT_BIN":
      return "base runtime from DENORT_BIN";
    case "official":
      return "base runtime as downloaded by deno compile";
    case "unofficial base":
      return "unofficial base runtime, recovered from an npm package and checked by its SHA-256";
  }
}

/** Changes when the sources, the settings, Deno or the chosen base change. */
async function stampOf(root: string): Promise<string> {
  const parts = [
    Deno.version.deno,
    Deno.build.target,
    Deno.env.get("DENORT_BIN") ?? "",
    ...permissionFlags(),
    ...V8_FLAGS,
  ];
  for (const path of [...await sourceFiles(root), "deno.json", "import_map.json", "deno.lock"]) {
    const bytes = await Deno.readFile(`${root}/${path}`).catch(() => new Uint8Array(0));
    parts.push(path, await sha256(bytes));
  }
  return await sha256(new TextEncoder().encode(JSON.stringify(parts)));
}

/** One file for what every command needs, and further ones for what is imported when it is needed. */
async function bundle(root: string, folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const external = NOT_BUNDLED.flatMap((name) => ["--external", name]);
  const isLocked = await Deno.stat(`${root}/deno.lock`).then((i) => i.isFile, () => false);
  const lock = isLocked ? ["--lock=deno.lock", "--frozen"] : [];
  const args = [
    "bundle",
    "--quiet",
    "--platform",
    "deno",
    ...lock,
    ...external,
    "--code-splitting",
    "--outdir",
    folder,
    "main.ts",
  ];
  for (let attempt = 1;; attempt++) {
    const result = await deno(root, args);
    if (result.success) return;
    // Packages and the bundler itself may have to be fetched first.
    if (attempt < 3 && /error sending request|client error|connection/i.test(result.said)) continue;
    throw new BuildError(`deno bundle failed:\n${result.said}`);
  }
}

/** Compiles with the first base that can be had. */
async function compile(root: string, work: string, output: string): Promise<BaseSource> {
  if (Deno.env.get("DENORT_BIN")) {
    const result = await compileWith(root, work, output, "DENORT_BIN", {});
    if (!result.success) throw new BuildError(`deno compile with DENORT_BIN failed:\n${result.said}`);
    return "DENORT_BIN";
  }
  const official = await compileWith(root, work, output, "official", {});
  if (official.success) return "official";
  if (!isBaseUnreachable(official)) throw new BuildError(`deno compile failed:\n${official.said}`);
  say("deno compile could not download its base runtime from Deno's host");
  const path = await recoverBase(`${root}/dist/base`, say);
  const result = await compileWith(root, work, output, "unofficial base", { DENORT_BIN: path });
  if (!result.success) throw new BuildError(`deno compile failed:\n${result.said}`);
  return "unofficial base";
}

/** Whether deno compile failed before it had a base, as against over the program itself. */
export function isBaseUnreachable(result: { readonly said: string; readonly timedOut: boolean }): boolean {
  return result.timedOut || /Setting up base binary|denort-[\w-]+\.zip/.test(result.said);
}

async function compileWith(
  root: string,
  work: string,
  output: string,
  base: BaseSource,
  env: Record<string, string>,
): Promise<RunOutcome> {
  const facts: BuildFacts = {
    version: await versionOf(root),
    commit: await commitOf(root),
    base,
    deno: Deno.version.deno,
  };
  const folder = `${work}/program`, made = `${work}/rayvisor`;
  await writeProgram(`${work}/bundle`, folder, facts);
  const args = [
    "compile",
    "--quiet",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-remote",
    // It would keep compiled code in a file of a name that is known beforehand, in a folder that everyone can write.
    "--no-code-cache",
    `--v8-flags=${V8_FLAGS.join(",")}`,
    ...permissionFlags(),
  ];
  const result = await deno(root, [...args, "--output", made, `${folder}/main.js`], env, COMPILE_TIMEOUT_MS);
  // Renamed, not overwritten: the program may be running.
  if (result.success) await Deno.rename(made, output);
  return result;
}

/** The files that are compiled: the bundle's, and before all of them one that says what the program is made of. */
async function writeProgram(bundle: string, folder: string, facts: BuildFacts): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name } of Deno.readDir(bundle)) {
    const text = chunkText(await Deno.readTextFile(`${bundle}/${name}`));
    // Modules are run in the order of their imports: the facts are there before anything looks for them.
    await Deno.writeTextFile(
      `${folder}/${name}`,
      name === "main.js" ? `import "./facts.js";\n${text}` : text,
    );
  }
  await Deno.writeTextFile(`${folder}/facts.js`, factsText(facts));
}

/** Says what the program is made of. */
export function factsText(facts: BuildFacts): string {
  return `globalThis.__RAYVISOR_BUILD__ = ${JSON.stringify(facts)};\n`;
}

/** A file of the bundle without imports of what is not bundled. */
export function chunkText(bundle: string): string {
  return NOT_BUNDLED.reduce(
    (text, name) => text.replace(new RegExp(`^import (\\w+) from "${name}";$`, "m"), "const $1 = undefined;"),
    bundle,
  );
}

async function versionOf(root: string): Promise<string> {
  const config: unknown = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  const isKnown = typeof config === "object" && config !== null && "version" in config;
  return isKnown ? String(config.version) : "0.0.0";
}

/** Short hash of the commit, with `+` when the tree has changes; `unknown` without git. */
async function commitOf(root: string): Promise<string> {
  const git = async (...args: string[]) => {
    try {
      const command = new Deno.Command("git", {
        args: ["-C", root, ...args],
        stdout: "piped",
        stderr: "null",
      });
      const result = await command.output();
      return result.success ? new TextDecoder().decode(result.stdout).trim() : undefined;
    } catch {
      return undefined;
    }
  };
  const commit = await git("rev-parse", "--short=12", "HEAD");
  if (!commit) return "unknown";
  return await git("status", "--porcelain", "--untracked-files=no") === "" ? commit : `${commit}+`;
}

interface RunOutcome {
  readonly success: boolean;
  /** Standard error. */
  readonly said: string;
  readonly timedOut: boolean;
}

async function deno(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  timeoutMs = 300_000,
): Promise<RunOutcome> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { DENO_TLS_CA_STORE: Deno.env.get("DENO_TLS_CA_STORE") ?? "mozilla,system", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: timeout,
  });
  const result = await command.output();
  const said = new TextDecoder().decode(result.stderr).trim();
  return { success: result.success, said, timedOut: timeout.aborted };
}

function say(text: string): void {
  console.error(`build: ${text}`);
}

if (import.meta.main) Deno.exit(await main());
