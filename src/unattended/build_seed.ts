/** A seed written to disk as a medium. Secrets are in files of mode 0600 in a folder of mode 0700 meanwhile, and nowhere else. */
import { fail } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { dirname, removeTree, writeFileAtomic } from "../ports/files.ts";
import { findProgram, makeOneFolder, moveFile } from "../ports/folders.ts";
import { flushFile } from "../ports/large_files.ts";
import { systemFiles } from "../ports/file_ops.ts";
import { setMode } from "../ports/paths.ts";
import { PLAIN_ENV, run } from "../ports/processes.ts";
import { type Random, systemRandom } from "../ports/random.ts";
import type { Seed } from "./files.ts";
import { MEDIUM_TOOLS, mediumArguments, type MediumTool } from "./medium.ts";

export interface BuildSeedOptions {
  readonly signal?: AbortSignal;
  readonly random?: Random;
  /** Where programs are looked for; default the PATH of this program. */
  readonly path?: string;
}

/** A medium of this size takes tools a fraction of a second. */
const LONGEST_MS = 60_000;

/** Name ending of the folder that a seed is made in; what a killed run leaves behind ends in it. */
export const SEED_FOLDER_END = ".seed.tmp";

/**
 * Makes the medium `out` (absolute path; its folder must be there, and what is at `out` is replaced as one step) with mode 0600.
 * The plain files are gone at the end, however it ends. Failures: `missing` when neither tool is there, `cancelled`, `failed`
 * with what the tool said.
 */
export async function buildSeed(seed: Seed, out: string, options: BuildSeedOptions = {}): Promise<void> {
  const tool = await findMediumTool(options.path);
  const folder = `${out}.${(options.random ?? systemRandom).uuid().slice(0, 8)}${SEED_FOLDER_END}`;
  try {
    await makeOneFolder(folder);
    await makeOneFolder(`${folder}/files`);
    for (const file of seed.files) await writeFileAtomic(`${folder}/files/${file.name}`, file.text);
    const image = `${folder}/seed.iso`;
    await make(tool, mediumArguments(tool.name, seed.volume, `${folder}/files`, image), options.signal);
    await setMode(image, 0o600);
    await flushFile(image);
    await moveFile(image, out);
    systemFiles.flushFolder(dirname(out));
  } finally {
    await removeTree(folder);
  }
}

interface FoundTool {
  readonly name: MediumTool;
  readonly program: string;
}

/** The tool that media are made with here. Failure `missing` names the package. */
export async function findMediumTool(path: string = PLAIN_ENV["PATH"] ?? ""): Promise<FoundTool> {
  for (const name of MEDIUM_TOOLS) {
    const program = await findProgram(name, path);
    if (program !== undefined) return { name, program };
  }
  return fail("missing", `no seed medium can be made: ${MEDIUM_TOOLS.join(" and ")} are not in PATH`, {
    hint: "install xorriso (Debian: apt-get install xorriso)",
    path: "xorriso",
  });
}

async function make(
  tool: FoundTool,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const result = await run(tool.program, { args, timeoutMs: LONGEST_MS, ...(signal ? { signal } : {}) });
  if (result.code === 0) return;
  const said = sanitizeLine(result.stderr.trim().split("\n").at(-1) ?? "", 200);
  fail(
    "failed",
    `${tool.name} could not make the seed medium: exit code ${result.code}${said ? `: ${said}` : ""}`,
  );
}
