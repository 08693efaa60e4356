/** The program's source files. */

const ROOMS = ["src", "policy", "registry", "tui", "tests"];
const SKIPPED = new Set(["node_modules", "dist", "fixtures"]);

/** Paths of all TypeScript files of a source tree, relative to it and sorted. */
export async function sourceFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(`${root}/${folder}`)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory && !SKIPPED.has(entry.name)) await walk(path);
      if (entry.isFile && /\.tsx?$/.test(entry.name)) files.push(path);
    }
  };
  for (const room of ROOMS) {
    await walk(room).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  if (await Deno.stat(`${root}/main.ts`).then((i) => i.isFile, () => false)) files.push("main.ts");
  return files.sort();
}
