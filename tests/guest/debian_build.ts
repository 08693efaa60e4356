/**
 * Builds a Debian cloud image from packages: a whole Debian with cloud-init and the guest agent, booted by Debian's signed loaders
 * and kernel. Nothing of it is ever started on the host: mmdebstrap sets packages up without services, in namespaces that end
 * with it, so that not even a killed build leaves a mount behind.
 */
import { fail } from "../../src/core/problem.ts";
import { PLAIN_ENV, run } from "../../src/ports/processes.ts";
import { type AptPlace, closureOf, download, isAptRefusal } from "./apt.ts";
import { distributionOf } from "./build.ts";
import { findByKey, findNewest, keepImage, keyOf, listsStamp, remember, removeLeftovers } from "./cache.ts";
import { writeCloudDisk } from "./debian_disk.ts";
import { cloudRecipeText, EARLY_FILES, INSTALLED, LATE_FILES, LINKS, LOADERS } from "./debian_recipe.ts";
import { extract, findOne } from "./packages.ts";

export interface DebianBuildOptions {
  /** Folder that images are kept in; made when missing. */
  readonly cacheDir: string;
  readonly onProgress?: (step: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The image, a qcow2 file that is not to be written to, from the cache or built, which takes minutes. Failure `missing` when this
 * is no Debian, this is not root, a program is not installed, or packages can't be fetched and no image is kept.
 */
export async function buildDebian(options: DebianBuildOptions): Promise<string> {
  const suite = await debianSuite();
  const report = options.onProgress ?? (() => {});
  await Deno.mkdir(options.cacheDir, { recursive: true });
  const cacheDir = await Deno.realPath(options.cacheDir);
  const recipe = await keyOf([cloudRecipeText(), suite]);
  const listsKey = await keyOf([recipe, await listsStamp()]);
  const quick = await findByKey(cacheDir, listsKey);
  if (quick) return quick.image;

  await removeLeftovers(cacheDir);
  const temporary = await Deno.makeTempDir({ dir: cacheDir, prefix: "building-" });
  try {
    const built = await build({ ...options, cacheDir, recipe, report, suite, temporary });
    await remember(cacheDir, listsKey, built.key);
    return built.image;
  } catch (error) {
    if (options.signal?.aborted) return fail("cancelled", "building the Debian image was cancelled");
    const kept = isAptRefusal(error) ? await findNewest(cacheDir, recipe) : undefined;
    if (kept) return kept.image;
    throw error;
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

interface Builder extends DebianBuildOptions {
  readonly recipe: string;
  readonly report: (step: string) => void;
  readonly suite: string;
  readonly temporary: string;
}

async function build(builder: Builder): Promise<{ image: string; key: string }> {
  const { cacheDir, recipe, report, signal, temporary } = builder;
  const place: AptPlace = { folder: `${temporary}/apt`, ownLists: false, settings: [] };
  report("name the packages");
  const closure = await closureOf(place, [...INSTALLED, ...LOADERS], signal);
  const key = await keyOf([recipe, ...closure.map((p) => p.file).sort()]);
  const kept = await findByKey(cacheDir, key);
  if (kept) return kept;
  if (Deno.uid() !== 0) {
    fail("missing", "the Debian image is built by root alone: its files belong to many users");
  }

  report("fetch the loaders");
  const loaders = `${temporary}/loaders`;
  await Deno.mkdir(`${temporary}/deb`);
  await download(place, LOADERS, `${temporary}/deb`, signal);
  await extract(`${temporary}/deb`, loaders, signal);

  report("install the packages");
  const tree = `${temporary}/tree`;
  await install(builder, tree);
  await finish(tree);

  report("write the disk");
  const folder = `${temporary}/image`;
  await Deno.mkdir(folder);
  await writeCloudDisk({
    image: `${folder}/disk.img`,
    temporary,
    tree,
    shim: await findOne(loaders, ["usr/lib/shim"], /^shimx64\.efi\.signed(\.latest)?$/),
    grub: await findOne(loaders, ["usr/lib/grub/x86_64-efi-signed"], /^grubx64\.efi\.signed$/),
    ...(signal ? { signal } : {}),
  });
  return await keepImage(cacheDir, folder, { key, recipe });
}

/** Debian's packages, set up in `tree` (mmdebstrap(1)). */
async function install({ signal, suite, temporary }: Builder, tree: string): Promise<void> {
  const early = `${temporary}/early`;
  for (const [path, text] of Object.entries(EARLY_FILES)) await writeBelow(early, path, text);
  const mmdebstrap = [
    ...["mmdebstrap", "--quiet", "--mode=root", "--variant=essential", "--format=directory"],
    `--include=${INSTALLED.join(",")}`,
    `--essential-hook=copy-in ${early}/etc /`,
    ...[
      'APT::Install-Recommends "false"',
      'Acquire::Languages "none"',
      'APT::Sandbox::User "root"',
      'Acquire::Retries "3"',
    ]
      .map((setting) => `--aptopt=${setting}`),
    ...[suite, tree, ...await debianSources()],
  ];
  const result = await run("unshare", {
    args: ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", ...mmdebstrap],
    env: { ...PLAIN_ENV, DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 1_800_000,
    ...(signal ? { signal } : {}),
  });
  if (result.code === 0) return;
  const said = result.stderr.trim().split("\n").filter((line) => line.startsWith("E:")).slice(0, 3).join(" ");
  fail("missing", `mmdebstrap could not install Debian: ${said || `exit code ${result.code}`}`);
}

async function finish(tree: string): Promise<void> {
  for (const [path, text] of Object.entries(LATE_FILES)) await writeBelow(tree, path, text);
  for (const [path, target] of Object.entries(LINKS)) {
    await Deno.mkdir(`${tree}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.symlink(target, `${tree}/${path}`);
  }
  // The host's name and its name servers, which mmdebstrap lends to the system while it is set up.
  for (const path of ["etc/hostname", "etc/resolv.conf"]) {
    await Deno.remove(`${tree}/${path}`).catch(() => {}); // it may not be there
  }
}

async function writeBelow(folder: string, path: string, text: string): Promise<void> {
  const target = `${folder}/${path}`;
  await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(target, text);
}

/** `bookworm` for Debian 12. Failure `missing` on another system, whose packages are other ones. */
async function debianSuite(): Promise<string> {
  const text = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const suite = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1];
  return distributionOf(text) === "debian" && /^ID=debian$/m.test(text) && suite
    ? suite
    : fail("missing", "the Debian cloud image is built on Debian alone", { path: "/etc/os-release" });
}

/** Where the host has its Debian packages from, one source a line (sources.list(5)); none: mmdebstrap's own. */
async function debianSources(): Promise<string[]> {
  const format = "$(ORIGIN) $(SITE) $(RELEASE) $(COMPONENT)";
  const result = await run("apt-get", {
    args: ["indextargets", "--format", format, "Created-By: Packages"],
    env: PLAIN_ENV,
  });
  return parseIndexTargets(result.stdout);
}

/** Sources of those index targets that are Debian's own. */
export function parseIndexTargets(text: string): string[] {
  const sources = text.split("\n").flatMap((line) => {
    const [origin, site, release, component, ...more] = line.split(" ");
    return origin === "Debian" && component && more.length === 0
      ? [`deb ${site} ${release} ${component}`]
      : [];
  });
  return [...new Set(sources)];
}
