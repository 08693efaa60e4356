/** The unpacked packages: finding files in them, and the content of compressed kernel modules. */
import { fail } from "../../src/core/problem.ts";
import { run, runForBytes } from "../../src/ports/processes.ts";

/** Unpacks every .deb of `folder` into `tree`, without running any script of theirs. */
export async function extract(folder: string, tree: string, signal?: AbortSignal): Promise<void> {
  await Deno.mkdir(tree, { recursive: true });
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.name.endsWith(".deb")) continue;
    const path = `${folder}/${entry.name}`;
    const result = await run("dpkg-deb", {
      args: ["-x", path, tree],
      timeoutMs: 300_000,
      ...(signal ? { signal } : {}),
    });
    if (result.code !== 0) {
      fail("io", `dpkg-deb could not unpack ${entry.name}: ${result.stderr.trim()}`, { path });
    }
  }
}

/** Path of the one file in `folders` of `tree` whose name matches; a failure when there is none. */
export async function findOne(tree: string, folders: readonly string[], name: RegExp): Promise<string> {
  for (const folder of folders) {
    try {
      for await (const entry of Deno.readDir(`${tree}/${folder}`)) {
        if (name.test(entry.name)) return `${tree}/${folder}/${entry.name}`;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return fail("missing", `the packages hold no file like ${name.source} in ${folders.join(", ")}`);
}

/** Kernel modules of the tree: path by name, `_` for `-` as the kernel counts them the same. */
export async function moduleFiles(tree: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      const match = /^(.+)\.ko(\.xz|\.zst|\.gz)?$/.exec(entry.name);
      if (match?.[1]) files.set(match[1].replaceAll("-", "_"), path);
    }
  };
  for (const folder of ["lib/modules", "usr/lib/modules"]) {
    await walk(`${tree}/${folder}`).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  return files;
}

/** Content of a kernel module, whatever it is compressed with. */
export async function readModule(path: string, temporary: string, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = await Deno.readFile(path);
  const suffix = /\.(xz|zst|gz)$/.exec(path)?.[1];
  return suffix ? await decompress(bytes, suffix, temporary, signal) : bytes;
}

/**
 * dpkg-deb knows xz, zstd and gzip, and gives the data member of a package without looking into it: the bytes are
 * dressed as a package, and no other program is needed.
 */
async function decompress(
  bytes: Uint8Array,
  suffix: string,
  temporary: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const path = await Deno.makeTempFile({ dir: temporary, suffix: ".deb" });
  await Deno.writeFile(
    path,
    arArchive([
      { name: "debian-binary", data: new TextEncoder().encode("2.0\n") },
      { name: "control.tar", data: new Uint8Array(1024) },
      { name: `data.tar.${suffix}`, data: bytes },
    ]),
  );
  const result = await runForBytes("dpkg-deb", {
    args: ["--fsys-tarfile", path],
    ...(signal ? { signal } : {}),
  });
  await Deno.remove(path);
  if (result.code !== 0) fail("io", `dpkg-deb could not decompress a kernel module: ${result.stderr.trim()}`);
  return result.stdout;
}

/** The archive format of deb(5) and ar(5). */
export function arArchive(
  members: readonly { readonly name: string; readonly data: Uint8Array }[],
): Uint8Array {
  const utf8 = new TextEncoder();
  const parts: Uint8Array[] = [utf8.encode("!<arch>\n")];
  for (const { name, data } of members) {
    const header = name.padEnd(16) + "0".padEnd(12) + "0".padEnd(6) + "0".padEnd(6) + "100644".padEnd(8) +
      String(data.length).padEnd(10) + "`\n";
    parts.push(utf8.encode(header), data, utf8.encode(data.length % 2 ? "\n" : ""));
  }
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}
