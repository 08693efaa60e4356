/** What every command has: the global flags, read once. */
import { parseDuration } from "../core/units.ts";
import { fail } from "../core/problem.ts";
import { type Layout, layoutOf } from "../../registry/layout.ts";
import { exists, isPermissionDenied } from "../ports/files.ts";
import { envVar, type Terminal } from "../ports/terminal.ts";
import { Output } from "./output.ts";

/** Global flags as commander gives them. */
export interface GlobalFlags {
  readonly root?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** False with `--no-color`. */
  readonly color?: boolean | undefined;
  /** Seconds. */
  readonly timeout?: string | undefined;
}

export interface Context {
  readonly root: string;
  readonly layout: Layout;
  readonly output: Output;
  /** Aborts when `--timeout` is over; undefined without one. */
  readonly deadline: AbortSignal | undefined;
  /** Words of the command that runs, without its arguments: `vm start`. */
  readonly command: string;
}

const DEFAULT_ROOT = "/var/rayos";

/** Output settings from the flags, also for failures before a context exists. */
export function outputOf(terminal: Terminal, flags: GlobalFlags): Output {
  const color = flags.color !== false && envVar("NO_COLOR") === undefined && terminal.outIsTerminal &&
    envVar("TERM") !== "dumb";
  return new Output(terminal, { json: flags.json ?? false, quiet: flags.quiet ?? false, color });
}

export function contextOf(terminal: Terminal, flags: GlobalFlags, command: string): Context {
  const given = flags.root ?? envVar("RAYOS_ROOT") ?? DEFAULT_ROOT;
  const root = absolutePath(given);
  return {
    root,
    layout: layoutOf(root),
    command,
    output: outputOf(terminal, flags),
    deadline: flags.timeout === undefined ? undefined : AbortSignal.timeout(secondsOf(flags.timeout) * 1000),
  };
}

/** A path that the operator gave, from the working folder where it is relative; `..` is taken out as text. */
export function absolutePath(path: string): string {
  const whole = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function secondsOf(text: string): number {
  const ms = parseDuration(text);
  const seconds = ms === undefined ? Number(text) : ms / 1000;
  if (!Number.isFinite(seconds) || seconds <= 0) fail("usage", `--timeout wants seconds, not '${text}'`);
  return seconds;
}

/** Failure `not_found` when there is no data root here yet, `failed` when this user may not look into it. */
export async function requireRoot(context: Context): Promise<void> {
  try {
    if (await exists(context.layout.policyFile) || await exists(context.layout.registryFile)) return;
  } catch (error) {
    if (!isPermissionDenied(error)) throw error;
    fail("failed", `the data root ${context.root} can't be looked into: permission denied`, {
      path: context.root,
      hint: "run as the user that it belongs to, or choose another root (--root)",
    });
  }
  fail("not_found", `there is no data root at ${context.root}`, {
    path: context.root,
    hint: `make one with \`rayvisor --root ${context.root} init\``,
  });
}
