/** The guest's root file system: busybox, the guest agent with its libraries, a few kernel modules, our scripts. */
import { fail } from "../../src/core/problem.ts";
import { packageOfLibrary } from "./apt.ts";
import { cpioArchive, type CpioEntry, withParents } from "./cpio.ts";
import { dynamicNeeds, moduleNeeds } from "./elf.ts";
import { findOne, moduleFiles, readModule } from "./packages.ts";
import { APPLETS, type GuestRecipe } from "./recipe.ts";

/** Where the libraries of a program come from. */
export interface LibrarySource {
  /** Folder with the unpacked packages. */
  readonly tree: string;
  /** Fetches and unpacks more packages into `tree`. */
  readonly addLibraries: (packages: readonly string[]) => Promise<void>;
  /** Packages that may hold a library. */
  readonly libraryPackages: readonly string[];
}

export interface InitrdOptions extends LibrarySource, Pick<GuestRecipe, "modules" | "files"> {
  readonly temporary: string;
  readonly signal?: AbortSignal;
}

/** A program's libraries in the unpacked packages. */
export interface LibraryFiles {
  /** Path of the dynamic linker as the program names it, and the file that it is. */
  readonly linker: { readonly path: string; readonly file: string };
  /** File by name, without the dynamic linker. */
  readonly libraries: ReadonlyMap<string, string>;
}

const LIBRARY_FOLDERS = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib64", "lib64"];

/** A gzip-compressed cpio archive. */
export async function buildInitrd(options: InitrdOptions): Promise<Uint8Array> {
  const utf8 = new TextEncoder();
  const busybox = await Deno.readFile(await findOne(options.tree, ["usr/bin", "bin"], /^busybox$/));
  const agentPath = await findOne(options.tree, ["usr/sbin", "usr/bin"], /^qemu-ga$/);
  const agent = await Deno.readFile(agentPath);
  const folders = ["dev", "proc", "sys", "run", "tmp", "disk", "seed", "var"];
  const entries: CpioEntry[] = [
    ...folders.map((path): CpioEntry => ({ kind: "folder", path })),
    { kind: "device", path: "dev/console", major: 5, minor: 1 },
    { kind: "link", path: "var/run", target: "/run" },
    { kind: "file", path: "bin/busybox", data: busybox, executable: true },
    ...APPLETS.map((name): CpioEntry => ({ kind: "link", path: `bin/${name}`, target: "busybox" })),
    { kind: "file", path: "usr/sbin/qemu-ga", data: agent, executable: true },
    ...await libraries(options, agent),
    ...await modules(options),
    ...Object.entries(options.files).map(([path, { text, executable }]): CpioEntry => ({
      kind: "file",
      path,
      data: utf8.encode(text),
      executable: executable ?? false,
    })),
  ];
  return await gzip(cpioArchive(withParents(entries)));
}

/** The shared libraries that a program needs, and the dynamic linker, as files of the guest. */
async function libraries(options: InitrdOptions, program: Uint8Array): Promise<CpioEntry[]> {
  const found = await libraryFiles(options, program);
  const entries: CpioEntry[] = [{
    kind: "file",
    path: found.linker.path.slice(1),
    data: await Deno.readFile(found.linker.file),
    executable: true,
  }];
  for (const [soname, file] of found.libraries) {
    entries.push({ kind: "file", path: `lib/x86_64-linux-gnu/${soname}`, data: await Deno.readFile(file) });
  }
  return entries;
}

/** Every library that a program needs, the needs of its libraries included. Nothing of the host is used. */
export async function libraryFiles(source: LibrarySource, program: Uint8Array): Promise<LibraryFiles> {
  const needs = dynamicNeeds(program);
  const interpreter = needs?.interpreter;
  if (!needs || !interpreter) return fail("io", "not a 64-bit ELF program with a dynamic linker");
  const done = new Map<string, string>();
  let open = needs.libraries;
  while (open.length > 0) {
    const more: string[] = [];
    await addMissing(source, open);
    for (const soname of open) {
      if (done.has(soname)) continue;
      const found = await findLibrary(source.tree, soname);
      const further = found === undefined ? undefined : dynamicNeeds(await Deno.readFile(found));
      if (found === undefined || !further) return fail("missing", `no package holds the library ${soname}`);
      done.set(soname, found);
      more.push(...further.libraries);
    }
    open = [...new Set(more)].filter((soname) => !done.has(soname));
  }
  const linker = interpreter.slice(interpreter.lastIndexOf("/") + 1);
  const file = await findLibrary(source.tree, linker);
  if (file === undefined) return fail("missing", `no package holds the dynamic linker ${interpreter}`);
  done.delete(linker);
  return { linker: { path: interpreter, file }, libraries: done };
}

/** Fetches the packages of the libraries that are not unpacked yet, all at once. */
async function addMissing(options: LibrarySource, sonames: readonly string[]): Promise<void> {
  const packages = new Set<string>();
  for (const soname of sonames) {
    if (await findLibrary(options.tree, soname) !== undefined) continue;
    const name = packageOfLibrary(soname, options.libraryPackages);
    if (name !== undefined) packages.add(name);
  }
  if (packages.size > 0) await options.addLibraries([...packages]);
}

async function findLibrary(tree: string, soname: string): Promise<string | undefined> {
  for (const folder of LIBRARY_FOLDERS) {
    const path = `${tree}/${folder}/${soname}`;
    // A link with an absolute target would lead out of the tree, to the host's own file.
    const info = await Deno.lstat(path).catch(() => undefined);
    if (!info) continue;
    if (info.isSymlink && (await Deno.readLink(path)).startsWith("/")) continue;
    return path;
  }
  return undefined;
}

/** The modules of the recipe with those that they need, in an order in which they load. */
async function modules(options: InitrdOptions): Promise<CpioEntry[]> {
  const files = await moduleFiles(options.tree);
  const order: { file: string; data: Uint8Array }[] = [];
  const seen = new Set<string>();
  const add = async (name: string): Promise<void> => {
    const plain = name.replaceAll("-", "_");
    const path = files.get(plain);
    if (path === undefined || seen.has(plain)) return; // built in, or not part of this kernel
    seen.add(plain);
    const data = await readModule(path, options.temporary, options.signal);
    for (const need of moduleNeeds(data) ?? []) await add(need);
    order.push({ file: `${plain}.ko`, data });
  };
  for (const name of options.modules) await add(name);
  const list = order.map(({ file }) => `${file}\n`).join("");
  return [
    { kind: "file", path: "lib/modules/order", data: new TextEncoder().encode(list) },
    ...order.map(({ file, data }): CpioEntry => ({ kind: "file", path: `lib/modules/${file}`, data })),
  ];
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
