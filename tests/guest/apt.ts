/**
 * Debian packages, asked for and fetched by apt-get without touching the host's own system: apt is given an empty
 * list of installed packages, keeps its caches in memory and writes only to folders of ours.
 */
import { fail, Failure } from "../../src/core/problem.ts";
import { PLAIN_ENV, run, type RunResult } from "../../src/ports/processes.ts";

/** A package file as apt names it. `file` holds name, version and architecture, so it stands for the content. */
export interface PackageFile {
  readonly name: string;
  readonly file: string;
  /** Bytes to download. */
  readonly size: number;
}

/** How apt-get is called: where it may keep things, and which lists of packages it reads. */
export interface AptPlace {
  /** Folder of ours, for the empty status file and, with `ownLists`, the lists of packages. */
  readonly folder: string;
  /** Read the lists in `folder` instead of the host's. */
  readonly ownLists: boolean;
  /** More `-o` settings, for example other sources. */
  readonly settings: readonly string[];
}

/** Lines of `apt-get --print-uris`: 'URI' file size hash. Lines of another form are skipped. */
export function parsePrintUris(text: string): PackageFile[] {
  return text.split("\n").flatMap((line) => {
    const match = /^'[^']+' (([a-z0-9][a-z0-9+.-]*)_[^ /]+\.deb) (\d+)/.exec(line);
    return match?.[1] && match[2] ? [{ name: match[2], file: match[1], size: Number(match[3]) }] : [];
  });
}

/**
 * The package among `names` that holds library `soname` by Debian's naming rule (Policy 8.1: `libfoo.so.1` is in
 * `libfoo1`, with a hyphen where the name ends in a digit, and `t64` after the change to 64-bit time).
 */
export function packageOfLibrary(soname: string, names: Iterable<string>): string | undefined {
  const plain = (text: string) => text.replaceAll("-", "").replaceAll("_", "").toLowerCase();
  const wanted = plain(soname.replace(".so.", "").replace(/\.so$/, ""));
  for (const name of names) if (plain(name.replace(/t64$/, "")) === wanted) return name;
  return undefined;
}

/** The packages that are needed to install `names` on an empty system, with the versions of today. */
export async function closureOf(
  place: AptPlace,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<PackageFile[]> {
  const result = await apt(place, ["-y", "--print-uris", "--no-install-recommends", "install", ...names], {
    ...(signal ? { signal } : {}),
  });
  return parsePrintUris(result.stdout);
}

/** Fetches packages into `folder`. apt checks them against the signed lists. */
export async function download(
  place: AptPlace,
  names: readonly string[],
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  await apt(place, ["download", ...names], { cwd: folder, ...(signal ? { signal } : {}) });
}

/** Fetches the lists of packages into `place.folder`, whatever the host has. */
export async function updateLists(place: AptPlace, signal?: AbortSignal): Promise<void> {
  await apt({ ...place, ownLists: true }, ["update"], signal ? { signal } : {});
}

async function apt(
  place: AptPlace,
  args: readonly string[],
  options: { readonly cwd?: string; readonly signal?: AbortSignal },
): Promise<RunResult> {
  await Deno.mkdir(`${place.folder}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${place.folder}/archives/partial`, { recursive: true });
  await Deno.writeTextFile(`${place.folder}/status`, "");
  const settings = [
    `Dir::State::status=${place.folder}/status`,
    ...(place.ownLists ? [`Dir::State::lists=${place.folder}/lists`] : []),
    "Dir::Cache::pkgcache=",
    `Dir::Cache::archives=${place.folder}/archives`, // --print-uris leaves out what is there already
    "Dir::Cache::srcpkgcache=",
    "APT::Sandbox::User=root", // the user _apt can't read a private folder; means nothing to other users
    "Acquire::Retries=3",
    "Acquire::Languages=none",
    ...place.settings,
  ];
  const result = await run("apt-get", {
    args: ["-qq", ...settings.flatMap((setting) => ["-o", setting]), ...args],
    env: { ...PLAIN_ENV, DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 600_000,
    ...options,
  });
  if (result.code !== 0) {
    const said = result.stderr.trim().split("\n").filter((line) => line.startsWith("E:")).slice(0, 3).join(
      " ",
    );
    fail("missing", `apt-get could not ${verbOf(args)}: ${said || `exit code ${result.code}`}`, {
      hint: "check the network and the sources in /etc/apt, then run apt-get update",
    });
  }
  return result;
}

function verbOf(args: readonly string[]): string {
  if (args.includes("update")) return "fetch the lists of packages";
  return args.includes("download")
    ? "download the packages of the test guest"
    : "name the packages of the test guest";
}

/** Whether a failure means that apt-get had no answer, as against that it was cancelled or is not there. */
export function isAptRefusal(error: unknown): boolean {
  return error instanceof Failure && error.code === "missing" &&
    error.message.startsWith("apt-get could not");
}
