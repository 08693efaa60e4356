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
