/**
 * Confinement of paths to the data root (contract, section 2): first as text, then on the file system.
 *
 * Between the look at a path and its use by another program the file system can change. That window can't be closed here:
 * QEMU opens its images by name. It is closed by who can write: the root and its folders are 0700 and belong to the user
 * that runs the supervisor, so the one who could swap a file is the one whose files these are. A guest has no way to write
 * names in there. For the same reason hard links are not looked for.
 */
import { err, ok, type Result } from "../src/core/result.ts";
import { fail, type Problem } from "../src/core/problem.ts";
import { isObject } from "../src/core/json.ts";
import { parsePath } from "../src/core/relative_path.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import { lookAt, realPath } from "../src/ports/paths.ts";

function quoted(path: string): string {
  return `'${sanitizeLine(path, 120)}'`;
}

function escapeProblem(path: string, why: string, rule = "path_escape"): Problem {
  const message = `the path ${quoted(path)} is refused: ${why}`;
  return {
    code: "path_escape",
    message,
    path: sanitizeLine(path, 256),
    hint: "use a path below the data root",
    reasons: [{ rule, why: message }],
  };
}

/**
 * The relative normal form of a path, as text alone. An absolute path is accepted where it lies inside `root` (itself an
 * absolute path); `..`, control characters and the empty path are refused, and so is the root itself.
 */
export function normaliseInRoot(root: string, path: string): Result<string, Problem> {
  const parsed = parsePath(path);
  if (!parsed.ok) return err(escapeProblem(path, parsed.error));
  const { absolute, parts } = parsed.value;
  if (!absolute) {
    return parts.length > 0 ? ok(parts.join("/")) : err(escapeProblem(path, "it names the root itself"));
  }
  const base = parsePath(root);
  const rootParts = base.ok ? base.value.parts : undefined;
  if (rootParts === undefined || !rootParts.every((part, i) => parts[i] === part)) {
    return err(escapeProblem(path, `it lies outside the data root ${root}`));
  }
  const rest = parts.slice(rootParts.length);
  return rest.length > 0 ? ok(rest.join("/")) : err(escapeProblem(path, "it names the root itself"));
}

export interface ConfineOptions {
  /** Whether something must be there; a Failure `not_found` when it isn't. */
  readonly mustExist: boolean;
  /** What it must be where it is there. Devices, fifos and sockets are refused whatever is asked for. */
  readonly kind: "file" | "dir" | "any";
}

/**
 * The real absolute path of a path below `root`, every component looked at. A symbolic link is followed only where it ends
 * inside the root; one that leads nowhere is refused, for a file made through it could be anywhere. Failure `path_escape`,
 * `not_found`, or `invalid_registry` where a file stands for a folder or the other way round.
 */
export async function confine(root: string, path: string, options: ConfineOptions): Promise<string> {
  const normal = normaliseInRoot(root, path);
  if (!normal.ok) fail(normal.error.code, normal.error.message, normal.error);
  const realRoot = await realPath(root) ??
    fail("not_found", `the data root ${root} is not there`, { path: root });
  const parts = normal.value.split("/");
  let at = realRoot;
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const next = await step(realRoot, `${at}/${part}`, path, isLast ? options.kind : "dir");
    if (next === undefined) {
      if (options.mustExist) {
        fail("not_found", `there is nothing at ${quoted(path)} in the data root`, { path });
      }
      return [at, ...parts.slice(i)].join("/");
    }
    at = next;
  }
  return at;
}

/** One component further: its real path, or undefined when nothing is there. */
async function step(
  realRoot: string,
  candidate: string,
  asked: string,
  wanted: ConfineOptions["kind"],
): Promise<string | undefined> {
  let facts = await lookAt(candidate);
  if (facts === undefined) return undefined;
  let real = candidate;
  if (facts.kind === "symlink") {
    const target = await realPath(candidate);
    if (target === undefined) throwEscape(asked, "a symbolic link in it leads nowhere");
    if (!isInside(realRoot, target)) throwEscape(asked, "a symbolic link in it leads out of the data root");
    real = target;
    facts = await lookAt(target) ?? throwEscape(asked, "a symbolic link in it leads nowhere");
  }
  if (facts.kind === "other" || facts.kind === "symlink") {
    throwEscape(asked, "it is a device, a fifo or a socket");
  }
  if (wanted !== "any" && facts.kind !== wanted) {
    const [is, should] = facts.kind === "file" ? ["a file", "a folder"] : ["a folder", "a file"];
    fail("invalid_registry", `${quoted(asked)} needs ${should}, and ${is} is there`, { path: asked });
  }
  return real;
}

function throwEscape(path: string, why: string): never {
  const problem = escapeProblem(path, why);
  return fail(problem.code, problem.message, problem);
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

/** One thing that an image refers to and must not. */
export interface ImageEscape {
  readonly path: string;
  readonly why: string;
}

/** Formats that are read as named. Anything else can name further files in ways that are not looked at here. */
const FORMATS: readonly unknown[] = ["qcow2", "raw"];

/**
 * What is wrong with a chain of images, as `qemu-img info --output=json --backing-chain` tells it (QEMU,
 * docs/tools/qemu-img.rst; `ImageInfo` of qapi/block-core.json): a backing or data file outside the root, one reached by a
 * protocol, or a format that is guessed. Text alone: each file found is to be confined as well.
 */
export function backingEscapes(info: unknown, root: string): readonly ImageEscape[] {
  const images: readonly unknown[] = Array.isArray(info) ? info : [info];
  if (images.length === 0) return [{ path: "", why: "nothing is known about the image" }];
  return images.flatMap((image) => imageEscapes(image, root));
}

function imageEscapes(image: unknown, root: string): readonly ImageEscape[] {
  if (!isObject(image) || typeof image["filename"] !== "string") {
    return [{ path: "", why: "nothing is known about the image" }];
  }
  const own = image["filename"];
  const escapes: ImageEscape[] = [];
  const refuse = (why: string) => escapes.push({ path: sanitizeLine(own, 256), why });
  if (!FORMATS.includes(image["format"])) {
    refuse(`its format is ${quoted(String(image["format"]))}; only qcow2 and raw are used`);
  }
  const refer = (what: string, name: unknown) => {
    if (name === undefined) return;
    const why = referenceFault(name, own, root);
    if (why !== undefined) refuse(`its ${what} ${quoted(String(name))} ${why}`);
  };
  refer("name", own);
  const backing = image["full-backing-filename"] ?? image["backing-filename"];
  refer("backing file", backing);
  if (backing !== undefined && !FORMATS.includes(image["backing-filename-format"])) {
    refuse("the format of its backing file is not named, so it would be guessed");
  }
  const specific = image["format-specific"];
  const data = isObject(specific) ? specific["data"] : undefined;
  if (isObject(data)) refer("data file", data["data-file"]);
  return escapes;
}

/** Why a file that an image names can't be used, or undefined. A relative name starts at the image's own folder. */
function referenceFault(name: unknown, image: string, root: string): string | undefined {
  if (typeof name !== "string") return "is no text";
  // QEMU reads `json:{..}`, `nbd://..`, `fat:..` as protocols; a file name with a colon can't be told from one.
  if (/^[^/]*:/.test(name)) return "names a protocol, not a file";
  const folder = image.slice(0, image.lastIndexOf("/") + 1);
  const normal = normaliseInRoot(root, name.startsWith("/") ? name : `${folder}${name}`);
  return normal.ok ? undefined : "lies outside the data root";
}

/** Failure `path_escape` (rule `image_backing_escape`) with the first thing that {@link backingEscapes} finds, and all. */
export function assertNoBackingEscape(info: unknown, root: string): void {
  const escapes = backingEscapes(info, root);
  const [first] = escapes;
  if (first === undefined) return;
  fail("path_escape", `the image ${quoted(first.path)} is refused: ${first.why}`, {
    path: first.path,
    hint:
      "make it whole with `qemu-img convert`, or rebase it with its format named onto a file below the data root",
    reasons: escapes.map(({ path, why }) => ({
      rule: "image_backing_escape",
      why: `${quoted(path)}: ${why}`,
    })),
  });
}

/** Every file that a chain of images consists of, for {@link confine}. */
export function imageFiles(info: unknown): readonly string[] {
  const images: readonly unknown[] = Array.isArray(info) ? info : [info];
  return images.flatMap((image) => {
    if (!isObject(image)) return [];
    const specific = image["format-specific"];
    const data = isObject(specific) ? specific["data"] : undefined;
    return [image["filename"], isObject(data) ? data["data-file"] : undefined].filter((f) =>
      typeof f === "string"
    );
  });
}
