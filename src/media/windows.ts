/** Installation media of Windows: where the images are, and what there is to say of them. */
import { damageOf, type FileData } from "./access.ts";
import {
  type DiscFacts,
  type EditionReport,
  type Found,
  type MediumProblem,
  type MediumWarning,
  problem,
  warning,
  type WindowsMedium,
} from "./report.ts";
import {
  familyOf,
  type Is23H2,
  is23H2OrLater,
  isWindows11,
  SERVICED_FOR,
  SERVICING_AS_OF,
  SERVICING_SOURCE,
  servicingEnd,
  versionOf,
} from "./servicing.ts";
import { find, type Tree } from "./tree.ts";
import { readWim, type WimFacts, type WimImage } from "./wim.ts";

/** Where Setup looks; media for both 32 and 64 bits have one of each. */
const IMAGES = ["", "x64/", "x86/"].flatMap((folder) =>
  ["install.wim", "install.esd", "install.swm"].map((name) => `${folder}sources/${name}`)
);
const SIGNS = ["sources/boot.wim", "x64/sources/boot.wim"];

/** What the medium is for Windows; undefined when it is no such medium. `today` is `YYYY-MM-DD`. */
export async function inspectWindows(
  tree: Tree,
  disc: DiscFacts,
  end: number,
  today: string,
  fileName: string,
): Promise<Found<WindowsMedium> | undefined> {
  const problems: MediumProblem[] = [];
  const at = await firstOf(tree, IMAGES);
  if (!at && !await firstOf(tree, SIGNS)) return undefined;
  let facts: WimFacts | undefined;
  if (!at) {
    problems.push(problem(
      "install_image_missing",
      "it starts like a medium of Windows, but sources/install.wim, .esd or .swm is missing",
      "download it again from https://www.microsoft.com/software-download/windows11",
    ));
  } else {
    try {
      const file = await at.entry.open();
      problems.push(...beyondEnd(at.path, file, end));
      facts = await readWim(file);
      problems.push(...facts.faults.map((fault) => problem("install_image_damaged", `${at.path}: ${fault}`)));
      problems.push(...await missingParts(tree, at.path, facts));
    } catch (error) {
      problems.push(problem("install_image_damaged", `${at.path}: ${damageOf(error)}`));
    }
  }
  const { images, faults: _, ...rest } = facts ?? { images: [] as readonly WimImage[], faults: [] };
  const editions = images.map(editionOf);
  return {
    kind: "windows",
    title: titleOf(editions),
    disc,
    image: facts && at && "bytes" in rest ? { path: at.path, ...rest } : undefined,
    editions,
    windows_11_23h2_or_later: sumOf(editions),
    problems,
    warnings: judge(editions, disc, today, `${disc.label} ${fileName}`),
  };
}

async function firstOf(tree: Tree, paths: readonly string[]) {
  for (const path of paths) {
    const entry = await find(tree, path);
    if (entry && !entry.directory) return { path, entry };
  }
  return undefined;
}

function beyondEnd(path: string, file: FileData, end: number): MediumProblem[] {
  const last = Math.max(0, ...file.extents.filter((one) => !one.blank).map((one) => one.offset + one.length));
  return last <= end
    ? []
    : [problem("truncated", `${path} should end at byte ${last}, and the medium is ${end} bytes long`)];
}

/** `install.swm` comes with `install2.swm` and so on. */
async function missingParts(tree: Tree, path: string, { part, parts }: WimFacts): Promise<MediumProblem[]> {
  if (parts <= 1 || parts > 99 || part !== 1) return [];
  const missing: string[] = [];
  for (let n = 2; n <= parts; n++) {
    const name = path.replace(/\.(\w+)$/, `${n}.$1`);
    if (!await find(tree, name)) missing.push(name);
  }
  return missing.length === 0 ? [] : [
    problem(
      "install_image_damaged",
      `${path} is in ${parts} parts, and these are missing: ${missing.join(", ")}`,
    ),
  ];
}

function editionOf(image: WimImage): EditionReport {
  const { build, revision, edition } = image;
  const version = build === undefined ? undefined : versionOf(build);
  const client = isClient(image);
  const family = edition === undefined || !client ? undefined : familyOf(edition);
  const ends = build === undefined || edition === undefined || !client
    ? undefined
    : servicingEnd(build, edition);
  return {
    ...image,
    ...(version && client ? { release: `Windows ${version.windows} ${version.version}` } : {}),
    ...(family ? { family } : {}),
    windows_11_23h2_or_later: client ? is23H2OrLater(build, revision) : "no",
    ...(ends === undefined
      ? {}
      : { servicing_ends: ends.day, ...(ends.derived ? { servicing_derived: true } : {}) }),
  };
}

/** Server and the preinstallation environment have builds of their own. */
function isClient({ installation }: WimImage): boolean {
  return installation === undefined || installation === "Client";
}

function sumOf(editions: readonly EditionReport[]): Is23H2 | "some" {
  const each = new Set(editions.map((one) => one.windows_11_23h2_or_later));
  const [only] = each;
  if (only === undefined) return "no";
  return each.size === 1 ? only : each.has("unsure") ? "unsure" : "some";
}

function titleOf(editions: readonly EditionReport[]): string {
  const [first] = editions;
  if (!first) return "medium of Windows without a readable image";
  const names = [...new Set(editions.map((one) => one.release ?? one.name))];
  const build = first.build === undefined
    ? ""
    : `, build ${first.build}${first.revision === undefined ? "" : `.${first.revision}`}`;
  return names.length === 1
    ? `installation medium of ${names[0]}${build}`
    : `installation medium of ${
      names.length === 2 ? names.join(" and ") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
    }`;
}

/** Days before the end of servicing from which on it is warned of. */
const SOON_DAYS = 90;

/** What to be warned of, from the facts alone. `names` are label and file name, for what they say of themselves. */
export function judge(
  editions: readonly EditionReport[],
  disc: Pick<DiscFacts, "boot">,
  today: string,
  names: string,
): MediumWarning[] {
  const warnings: MediumWarning[] = [];
  const listed = (some: readonly EditionReport[]) => some.map((one) => `${one.index} ${one.name}`).join(", ");
  const old = editions.filter((one) => one.windows_11_23h2_or_later === "no");
  const unnamed = old.filter((one) => one.build === undefined);
  if (unnamed.length > 0) {
    warnings.push(warning("version_unknown", `these do not say which build they are: ${listed(unnamed)}`));
  }
  const other = old.filter((one) => one.build !== undefined && (!isWindows11(one.build) || !isClient(one)));
  if (other.length > 0) warnings.push(warning("not_windows_11", `no Windows 11: ${builds(other)}`));
  const early = old.filter((one) => !unnamed.includes(one) && !other.includes(one));
  if (early.length > 0) {
    warnings.push(warning("older_than_23h2", `older than Windows 11 23H2 (build 22631): ${builds(early)}`));
  }
  const unsure = editions.filter((one) => one.windows_11_23h2_or_later === "unsure");
  if (unsure.length > 0) {
    const says = /23h2/i.test(names) ? "; its name says 23H2" : "";
    warnings.push(warning(
      "perhaps_older_than_23h2",
      `build ${unsure[0]?.build} may be Windows 11 22H2 or 23H2: media of both say so${says}`,
      "the installed system tells: 23H2 calls itself build 22631",
    ));
  }
  const foreign = editions.filter((one) => one.architecture !== undefined && one.architecture !== "amd64");
  if (foreign.length > 0) {
    warnings.push(
      warning("other_architecture", `not for amd64, so no guest here runs it: ${listed(foreign)}`),
    );
  }
  if (!disc.boot.some((image) => image.platform === "efi" && image.bootable)) {
    warnings.push(warning("no_efi_boot", "it has no boot image for EFI, and guests of Windows start by EFI"));
  }
  return [...warnings, ...servicingWarnings(editions, today)];
}

function builds(editions: readonly EditionReport[]): string {
  return editions.map((one) => `${one.index} ${one.name} (build ${one.build})`).join(", ");
}

function servicingWarnings(editions: readonly EditionReport[], today: string): MediumWarning[] {
  const soon = new Date(Date.parse(today) + SOON_DAYS * 86_400_000).toISOString().slice(0, 10);
  const groups = new Map<string, { names: string[]; ends: string; release: string; rule: string }>();
  for (const { servicing_ends: ends, servicing_derived: derived, family, name, release } of editions) {
    if (ends === undefined || ends > soon) continue;
    const key = `${ends} ${family} ${release}`;
    const rule = derived && family ? ` by Microsoft's rule of ${SERVICED_FOR[family]}` : "";
    const group = groups.get(key) ?? { names: [], ends, release: release ?? "", rule };
    group.names.push(name);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ names, ends, release, rule }) =>
    warning(
      ends < today ? "servicing_ended" : "servicing_ends_soon",
      `Microsoft's updates for ${release} ${ends < today ? "ended" : "end"} on ${ends}${rule}: ${
        names.join(", ")
      }`,
      rule === ""
        ? `by ${SERVICING_SOURCE} as of ${SERVICING_AS_OF}`
        : `the day is reckoned; look it up: ${SERVICING_SOURCE}`,
    )
  );
}
