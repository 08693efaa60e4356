/** A disc: its file systems read, checked against the file's size, and looked through for what it is. */
import { formatBytes } from "../core/units.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { damageOf, type RandomAccess } from "./access.ts";
import { AGAIN } from "./disk_image.ts";
import { bootFaults, type BootImage, readBootCatalog } from "./el_torito.ts";
import { hasRockRidge, type IsoDescriptors, isoExtents, isoTree, readIsoDescriptors } from "./iso9660.ts";
import { inspectLinux } from "./linux.ts";
import {
  type DiscFacts,
  type Found,
  type MediumProblem,
  type MediumWarning,
  problem,
  warning,
} from "./report.ts";
import { type Survey, survey, type Tree } from "./tree.ts";
import { remembered } from "./tree_memory.ts";
import { readUdf, udfTree, type UdfVolume } from "./udf.ts";
import { inspectVirtio } from "./virtio_win.ts";
import { inspectWindows } from "./windows.ts";

interface Kinds {
  readonly iso: boolean;
  readonly udf: boolean;
}

interface Said {
  readonly problems: MediumProblem[];
  readonly warnings: MediumWarning[];
}

/** What the disc is. `today` is `YYYY-MM-DD`; `fileName` is used for what it says of the version. */
export async function inspectDisc(
  access: RandomAccess,
  kinds: Kinds,
  today: string,
  fileName: string,
): Promise<Found> {
  const said: Said = { problems: [], warnings: [] };
  const attempt = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      said.problems.push(problem("damaged", `${what}: ${damageOf(error)}`));
      return undefined;
    }
  };
  const iso = kinds.iso ? await attempt("ISO 9660", () => readIsoDescriptors(access)) : undefined;
  const udf = kinds.udf ? await attempt("UDF", () => readUdf(access)) : undefined;
  const trees = await treesOf(access, iso, udf);
  const boot = iso?.bootCatalog === undefined
    ? []
    : await attempt("boot images", () => readBoot(access, iso.bootCatalog ?? 0, said)) ?? [];
  const disc = await lookThrough(trees, access.size, said, {
    label: sanitizeLine(udf?.label || (iso ? labelOf(iso) : ""), 128),
    file_systems: trees.map((tree) => tree.kind),
    volume_bytes: Math.max(iso?.primary.volumeBytes ?? 0, udf?.endBytes ?? 0),
    boot,
  });
  checkSize(disc, access.size, said);
  const [tree] = trees;
  const found = tree &&
    await attempt(
      "files",
      async () =>
        await inspectWindows(tree, disc, access.size, today, fileName) ?? await inspectVirtio(tree, disc) ??
          await inspectLinux(tree, disc),
    );
  const rest: Found = found ?? { kind: "iso", title: titleOf(disc), disc, problems: [], warnings: [] };
  return {
    ...rest,
    problems: [...said.problems, ...rest.problems],
    warnings: [...rest.warnings, ...said.warnings],
  };
}

/** Joliet keeps the case of letters, but has room for 16 characters only. */
function labelOf({ primary, joliet }: IsoDescriptors): string {
  if (!joliet || primary.label.toLowerCase().startsWith(joliet.label.toLowerCase())) return primary.label;
  return joliet.label;
}

function titleOf({ label, file_systems: [kind] }: DiscFacts): string {
  const name = kind === "udf" ? "UDF" : "ISO 9660";
  return label === "" ? `disc (${name})` : `disc '${label}' (${name})`;
}

/** The trees, the one with the most faithful names first. Windows' media have nothing but a notice outside of UDF. */
async function treesOf(
  access: RandomAccess,
  iso: IsoDescriptors | undefined,
  udf: UdfVolume | undefined,
): Promise<Tree[]> {
  const trees: Tree[] = udf ? [udfTree(udf)] : [];
  if (iso?.joliet) trees.push(isoTree(access, iso.joliet, false));
  if (iso) trees.push(isoTree(access, iso.primary, await hasRockRidge(access, iso.primary)));
  return trees.map(remembered);
}

async function readBoot(access: RandomAccess, block: number, said: Said): Promise<readonly BootImage[]> {
  const images = await readBootCatalog(access, block);
  said.problems.push(...(await bootFaults(access, images)).map((fault) => problem("damaged", fault)));
  return images;
}

/** Counts files and directories, and says what is odd about them. */
async function lookThrough(
  trees: readonly Tree[],
  end: number,
  said: Said,
  facts: Omit<DiscFacts, "files" | "directories">,
): Promise<DiscFacts> {
  let files = 0, directories = 0;
  for (const tree of trees) {
    const seen = await survey(tree, end, isoExtents);
    files = Math.max(files, seen.files);
    directories = Math.max(directories, seen.directories);
    tellSurvey(tree, seen, said);
  }
  return { ...facts, files, directories };
}

function tellSurvey({ kind }: Tree, seen: Survey, { problems, warnings }: Said): void {
  for (const why of seen.damage) problems.push(problem("damaged", `${NAMES[kind]}: ${why}`));
  if (seen.beyondEnd.length > 0) {
    problems.push(problem("truncated", `files lie beyond the end: ${seen.beyondEnd.join(", ")}`, AGAIN));
  }
  if (seen.hostileCount > 0) {
    const shown = seen.hostileNames.map((name) => `'${name}'`).join(", ");
    warnings.push(warning(
      "hostile_names",
      `${seen.hostileCount} ${
        seen.hostileCount === 1 ? "name is" : "names are"
      } made to lead out of a folder: ${shown}`,
      "rayvisor unpacks no medium; another program might be led astray",
    ));
  }
  if (seen.loops > 0) {
    warnings.push(
      warning(
        "directory_loop",
        `${seen.loops} directories of ${NAMES[kind]} lead back into themselves or have no end`,
      ),
    );
  }
  if (!seen.whole) {
    warnings.push(warning("not_all_looked_at", `${NAMES[kind]} has more files than were looked at`));
  }
}

const NAMES: Readonly<Record<Tree["kind"], string>> = {
  "udf": "UDF",
  "joliet": "Joliet",
  "rock-ridge": "ISO 9660",
  "iso9660": "ISO 9660",
};

function checkSize(disc: DiscFacts, size: number, { problems }: Said): void {
  if (disc.volume_bytes <= size) return;
  const share = Math.floor(size / disc.volume_bytes * 100);
  problems.unshift(problem(
    "truncated",
    `it should be ${disc.volume_bytes} bytes long (${
      formatBytes(disc.volume_bytes)
    }), and ${size} are there (${share} %): ` +
      "the download was cut off",
    AGAIN,
  ));
}
