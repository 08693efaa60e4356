/** cloud-init's own check of a seed, run on the host out of Debian's packages. Nothing is installed, and nothing of it is started. */
import { run, type RunResult } from "../../src/ports/processes.ts";
import { closureOf, download, updateLists } from "./apt.ts";
import { keyOf } from "./cache.ts";

/** Where the packages are kept, unpacked. */
const CACHE = new URL("../../dist/guest", import.meta.url).pathname;

/** What cloud-init imports when it only reads a file; the rest of what it depends on is for a system that runs it. */
const WANTED = /^(cloud-init$|python3-(?!minimal|pkg-resources|distutils|lib2to3|dbus|gi))/;

/** What `cloud-init schema` says of each file (a cloud-config or not), all in one process; exit code 0 when all are good. */
export async function checkCloudConfigs(files: readonly string[]): Promise<RunResult> {
  tree ??= unpacked();
  return await run("python3", {
    args: ["-I", "-c", START, `${await tree}/usr/lib/python3/dist-packages`, ...files],
  });
}

let tree: Promise<string> | undefined;

/** Isolated, so that no package of the host is taken for one of cloud-init's. */
const START = `
import sys
sys.path.insert(0, sys.argv[1])
from cloudinit.cmd.main import main
worst = 0
for file in sys.argv[2:]:
    try:
        code = main(["cloud-init", "schema", "--config-file", file])
    except SystemExit as end:
        code = end.code
    worst = worst or code or 0
sys.exit(worst)
`;

async function unpacked(): Promise<string> {
  const temporary = await Deno.makeTempDir({ prefix: "cloud-init-" });
  try {
    return await fetchInto(temporary);
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

async function fetchInto(temporary: string): Promise<string> {
  const host = { folder: `${temporary}/apt`, ownLists: false, settings: [] };
  const named = await closureOf(host, ["cloud-init"]).then((packages) => ({ place: host, packages })).catch(
    async () => {
      // The host's lists are too old, or not there.
      const own = { ...host, ownLists: true };
      await updateLists(own);
      return { place: own, packages: await closureOf(own, ["cloud-init"]) };
    },
  );
  const packages = named.packages.filter(({ name }) => WANTED.test(name));
  const tree = `${CACHE}/cloud-init-${await keyOf(packages.map(({ file }) => file))}`;
  if (await Deno.stat(tree).catch(() => undefined)) return tree;
  await Deno.mkdir(`${temporary}/debs`);
  await download(named.place, packages.map(({ name }) => name), `${temporary}/debs`);
  await Deno.mkdir(CACHE, { recursive: true });
  const making = await Deno.makeTempDir({ dir: CACHE, prefix: "cloud-init-new-" });
  for await (const { name } of Deno.readDir(`${temporary}/debs`)) {
    const result = await run("dpkg-deb", { args: ["-x", `${temporary}/debs/${name}`, making] });
    if (result.code !== 0) throw new Error(result.stderr);
  }
  // Another process may have been faster: its tree is as good.
  await Deno.rename(making, tree).catch(() => Deno.remove(making, { recursive: true }));
  return tree;
}
