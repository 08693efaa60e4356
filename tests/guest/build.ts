/**
 * Builds the test guest: a small Linux system from Debian packages on a disk that boots by UEFI, with Secure Boot
 * enforced or not. Built once and kept; the same recipe and package versions give the same image.
 */
import { fail } from "../../src/core/problem.ts";
import { formatBytes } from "../../src/core/units.ts";
import { type AptPlace, closureOf, download, isAptRefusal, type PackageFile, updateLists } from "./apt.ts";
import { findByKey, findNewest, keepImage, keyOf, listsStamp, remember, removeLeftovers } from "./cache.ts";
import { writeDisk } from "./disk.ts";
import { buildInitrd } from "./initrd.ts";
import { extract, findOne } from "./packages.ts";
import { type GuestRecipe, PLAIN, recipeText } from "./recipe.ts";

export interface BuildProgress {
  readonly step: "find" | "lists" | "download" | "unpack" | "initrd" | "disk" | "done";
  readonly detail?: string;
}

export interface BuildOptions {
  /** Folder that images are kept in; made when missing. */
  readonly cacheDir: string;
  /** What the guest is made of; default the plain test guest. */
  readonly recipe?: GuestRecipe;
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
  /** Settings of apt.conf(5) as `Name=value`, to build from other sources than the host's. */
  readonly aptSettings?: readonly string[];
  /** Text of os-release(5); default the host's. */
  readonly osRelease?: string;
}

/** A raw disk image, not to be written to: copy it, or put an overlay on it. */
export interface BuiltGuest {
  readonly image: string;
  readonly key: string;
}

/**
 * The test guest's image, from the cache or built. Failure `missing` when this is no Debian or Ubuntu, a program is not
 * installed, or the packages can't be fetched and no image is kept; `cancelled` when `signal` aborts.
 */
export async function buildGuest(options: BuildOptions): Promise<BuiltGuest> {
  const report = options.onProgress ?? (() => {});
  const distribution = distributionOf(options.osRelease ?? await osRelease());
  const guestRecipe = options.recipe ?? PLAIN;
  const roots = guestRecipe.packages[distribution];
  if (!roots) return fail("missing", `the test guest can't be built from packages of ${distribution}`);
  options.signal?.throwIfAborted();
  await Deno.mkdir(options.cacheDir, { recursive: true });
  const cacheDir = await Deno.realPath(options.cacheDir);

  report({ step: "find" });
  const recipeKey = await keyOf([recipeText(guestRecipe), distribution, ...options.aptSettings ?? []]);
  const listsKey = await keyOf([recipeKey, await listsStamp()]);
  const quick = await findByKey(cacheDir, listsKey);
  if (quick) return quick;

  await removeLeftovers(cacheDir);
  const temporary = await Deno.makeTempDir({ dir: cacheDir, prefix: "building-" });
  try {
    const builder: Builder = { ...options, cacheDir, recipe: guestRecipe, recipeKey, report, temporary };
    const built = await buildFrom(builder, [roots.kernel, ...roots.others]);
    await remember(cacheDir, listsKey, built.key);
    report({ step: "done", detail: built.image });
    return built;
  } catch (error) {
    if (options.signal?.aborted) return fail("cancelled", "building the test guest was cancelled");
    throw error;
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

interface Builder extends BuildOptions {
  readonly recipe: GuestRecipe;
  readonly recipeKey: string;
  readonly report: (progress: BuildProgress) => void;
  readonly temporary: string;
}

/** Tries with the host's lists of packages; where they are missing or out of date, with lists of its own. */
async function buildFrom(builder: Builder, roots: readonly string[]): Promise<BuiltGuest> {
  const place: AptPlace = {
    folder: `${builder.temporary}/apt`,
    ownLists: false,
    settings: builder.aptSettings ?? [],
  };
  try {
    return await buildWith(builder, place, roots);
  } catch (error) {
    if (!isAptRefusal(error)) throw error;
    const kept = await findNewest(builder.cacheDir, builder.recipeKey);
    if (kept) return kept;
  }
  builder.report({ step: "lists" });
  await updateLists(place, builder.signal);
  return await buildWith(builder, { ...place, ownLists: true }, roots);
}

async function buildWith(builder: Builder, place: AptPlace, roots: readonly string[]): Promise<BuiltGuest> {
  const closure = await closureOf(place, roots, builder.signal);
  const relevant = closure.filter((p) => roots.includes(p.name) || isKernel(p.name) || isLibrary(p.name));
  const key = await keyOf([builder.recipeKey, ...relevant.map((p) => p.file).sort()]);
  const kept = await findByKey(builder.cacheDir, key);
  if (kept) return kept;

  const tree = `${builder.temporary}/tree`;
  const fetchPackages = (packages: readonly PackageFile[]) => fetchAndExtract(builder, place, packages, tree);
  await fetchPackages(
    closure.filter((p) => (roots.includes(p.name) && p.name !== roots[0]) || isKernel(p.name)),
  );
  builder.report({ step: "initrd" });
  const initrd = await buildInitrd({
    tree,
    modules: builder.recipe.modules,
    files: builder.recipe.files,
    temporary: builder.temporary,
    addLibraries: (names) => fetchPackages(closure.filter((p) => names.includes(p.name))),
    libraryPackages: closure.map((p) => p.name).filter(isLibrary),
    ...(builder.signal ? { signal: builder.signal } : {}),
  });
  builder.report({ step: "disk", detail: `initrd ${formatBytes(initrd.length)}` });
  const folder = `${builder.temporary}/image`;
  await Deno.mkdir(folder);
  await writeDisk({
    image: `${folder}/disk.img`,
    temporary: builder.temporary,
    kernel: await findOne(tree, ["boot"], /^vmlinuz-/),
    shim: await findOne(tree, ["usr/lib/shim"], /^shimx64\.efi\.signed(\.latest)?$/),
    grub: await findOne(tree, ["usr/lib/grub/x86_64-efi-signed"], /^grubx64\.efi\.signed$/),
    initrd,
    ...(builder.signal ? { signal: builder.signal } : {}),
  });
  return await keepImage(builder.cacheDir, folder, { key, recipe: builder.recipeKey });
}

async function fetchAndExtract(
  builder: Builder,
  place: AptPlace,
  packages: readonly PackageFile[],
  tree: string,
): Promise<void> {
  if (packages.length === 0) return;
  const folder = await Deno.makeTempDir({ dir: builder.temporary, prefix: "deb-" });
  const names = packages.map((p) => p.name);
  const size = formatBytes(packages.reduce((sum, p) => sum + p.size, 0));
  builder.report({ step: "download", detail: `${names.join(" ")} (${size})` });
  await download(place, names, folder, builder.signal);
  builder.report({ step: "unpack", detail: names.join(" ") });
  await extract(folder, tree, builder.signal);
}

/** The packages that hold a kernel and its modules, as against those that only name the newest one. */
export function isKernel(name: string): boolean {
  return /^linux-(image|modules)-\d/.test(name);
}

export function isLibrary(name: string): boolean {
  return /^lib/.test(name) && !/-(perl|data|bin|common)$/.test(name);
}

/** `debian` or `ubuntu` for os-release(5) `text`; Failure `missing` for another distribution. */
export function distributionOf(text: string): string {
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  const id = value("ID");
  const like = [id, ...value("ID_LIKE").split(" ")];
  // Ubuntu says that it is like Debian; what is like Ubuntu has Ubuntu's packages.
  const found = ["ubuntu", "debian"].find((name) => like.includes(name));
  return found ??
    fail("missing", `the test guest is made of Debian packages; this is ${id || "an unknown system"}`, {
      hint: "run it on Debian or Ubuntu, or put a built image into the cache folder",
      path: "/etc/os-release",
    });
}

async function osRelease(): Promise<string> {
  return await Deno.readTextFile("/etc/os-release").catch(() => "");
}
