/**
 * A real qemu-ga that runs on this host without being installed: program, libraries and dynamic linker unpacked from the
 * distribution's packages into a folder, and started from there.
 */
import { fail, problemOf } from "../../src/core/problem.ts";
import { run } from "../../src/ports/processes.ts";
import { type AptPlace, closureOf, download, isAptRefusal, updateLists } from "./apt.ts";
import { isLibrary } from "./build.ts";
import { removeLeftovers } from "./cache.ts";
import { libraryFiles } from "./initrd.ts";
import { extract, findOne } from "./packages.ts";

/** How to start a program: its own arguments come after `args`. */
export interface ProgramStart {
  readonly program: string;
  readonly args: readonly string[];
}

const PACKAGE = "qemu-guest-agent";
/** Counts up when what is kept is put together in another way. */
const LAYOUT = 1;

/**
 * qemu-ga from `cacheDir`, or from the packages. What is kept is kept until the folder is removed, whatever newer packages
 * there are. Failure `missing` when the packages can't be had or what they hold does not run here.
 */
export async function agentProgram(cacheDir: string): Promise<ProgramStart> {
  await Deno.mkdir(cacheDir, { recursive: true });
  const kept = `${await Deno.realPath(cacheDir)}/qemu-ga-${LAYOUT}`;
  if (!await Deno.stat(kept).then(() => true, () => false)) await keep(cacheDir, kept);
  const start = {
    program: `${kept}/linker`,
    args: ["--library-path", `${kept}/lib`, `${kept}/qemu-ga`],
  };
  const version = await run(start.program, { args: [...start.args, "--version"] });
  if (version.code !== 0) {
    fail("missing", `qemu-ga does not run here: ${version.stderr.trim()}`, { path: kept });
  }
  return start;
}

/** Makes the folder `kept` in one step; two that do it at once end with one of both. */
async function keep(cacheDir: string, kept: string): Promise<void> {
  await removeLeftovers(cacheDir);
  const temporary = await Deno.makeTempDir({ dir: cacheDir, prefix: "building-" });
  try {
    const place: AptPlace = { folder: `${temporary}/apt`, ownLists: false, settings: [] };
    const made = await collect(place, temporary).catch(async (error: unknown) => {
      if (!isAptRefusal(error)) throw error;
      await updateLists(place);
      return await collect({ ...place, ownLists: true }, temporary);
    });
    await Deno.rename(made, kept).catch(async (error: unknown) => {
      if (!(await Deno.stat(`${kept}/qemu-ga`).then(() => true, () => false))) throw error;
    });
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

async function collect(place: AptPlace, temporary: string): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: temporary });
  const tree = `${folder}/tree`, made = `${folder}/made`;
  const names = (await closureOf(place, [PACKAGE])).map((file) => file.name);
  const fetchInto = async (packages: readonly string[]) => {
    const debs = await Deno.makeTempDir({ dir: folder });
    await download(place, packages, debs);
    await extract(debs, tree);
  };
  await fetchInto([PACKAGE]);
  const agent = await findOne(tree, ["usr/sbin", "usr/bin"], /^qemu-ga$/);
  const found = await libraryFiles(
    { tree, addLibraries: fetchInto, libraryPackages: names.filter(isLibrary) },
    await Deno.readFile(agent),
  );
  await Deno.mkdir(`${made}/lib`, { recursive: true });
  await Deno.copyFile(agent, `${made}/qemu-ga`);
  await Deno.copyFile(found.linker.file, `${made}/linker`);
  for (const [soname, file] of found.libraries) await Deno.copyFile(file, `${made}/lib/${soname}`);
  return made;
}

/** Why there is no qemu-ga, in words for a skipped test; other failures are thrown on. */
export function whyNoAgent(error: unknown): string {
  const problem = problemOf(error);
  if (problem.code !== "missing") throw error;
  return problem.message;
}
