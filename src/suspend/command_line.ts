/**
 * QEMU's command line as a description of the machine that a saved state belongs to: the same order of the same devices
 * with the same properties, or the state means something else. Pure.
 */
import { isObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";

/** What stands for the data root in a command line that is kept: a root that was moved is no other machine. */
const ROOT = "<root>";

/** Options that say how QEMU is started, not what it is. */
const ABOUT_THE_START: readonly string[] = ["-S", "-incoming"];

/** The arguments of `/proc/PID/cmdline`, without the program. proc(5): each ends with a NUL. */
export function parseCmdline(text: string): string[] {
  return text.replace(/\0$/, "").split("\0").slice(1);
}

/** QEMU's arguments without what differs from start to start, paths in the data root relative to it. */
export function comparable(args: readonly string[], root: string): string[] {
  const forms = [JSON.stringify(root).slice(1, -1), root.replaceAll(",", ",,"), root];
  const relative = (arg: string) => {
    for (const form of forms) arg = arg.replaceAll(`${form}/`, `${ROOT}/`);
    return arg;
  };
  return optionsOf(args).filter(([option]) => !ABOUT_THE_START.includes(option)).flatMap((option) =>
    option.map(relative)
  );
}

/** The command line of a QEMU that waits for a saved state instead of booting. */
export function awaitingState(args: readonly string[]): string[] {
  return [...args, "-incoming", "defer"];
}

/** Images in the data root that QEMU has open, as paths relative to it. `args` as `comparable()` gives them. */
export function imagesIn(args: readonly string[]): string[] {
  return optionsOf(args).flatMap(([option, value]) => {
    const node = option === "-blockdev" ? jsonOf(value) : undefined;
    const file = node?.["driver"] === "file" ? node["filename"] : undefined;
    return typeof file === "string" && file.startsWith(`${ROOT}/`) ? [file.slice(ROOT.length + 1)] : [];
  });
}

/** The value of an option that stands once; undefined when it does not stand there. */
export function optionIn(args: readonly string[], option: string): string | undefined {
  return optionsOf(args).find(([name]) => name === option)?.[1];
}

/**
 * The first thing in which two command lines differ, as a sentence; undefined when they describe the same machine. Both as
 * `comparable()` gives them.
 */
export function firstDifference(then: readonly string[], now: readonly string[]): string | undefined {
  const before = named(then), after = named(now);
  for (const [key, was] of before) {
    const is = after.get(key);
    if (is === undefined) return `${key} is gone`;
    if (is !== was) return `${key} is ${sanitizeLine(is, 160)}, it was ${sanitizeLine(was, 160)}`;
  }
  for (const [key] of after) if (!before.has(key)) return `${key} is new`;
  const order = [...after.keys()];
  const moved = [...before.keys()].find((key, i) => key !== order[i]);
  return moved === undefined ? undefined : `${moved} stands elsewhere on QEMU's command line`;
}

type Option = readonly [option: string] | readonly [option: string, value: string];

/** No value of an option begins with a dash. */
function optionsOf(args: readonly string[]): Option[] {
  const options: Option[] = [];
  for (let i = 0; i < args.length; i++) {
    const option = args[i] ?? "", value = args[i + 1];
    if (option.startsWith("-") && value !== undefined && !value.startsWith("-")) {
      options.push([option, value]);
      i++;
    } else options.push([option]);
  }
  return options;
}

/** What people call an option that stands once. */
const WORDS: Readonly<Record<string, string>> = {
  "-machine": "the machine",
  "-accel": "the accelerator",
  "-cpu": "the processor model",
  "-smp": "the number of processors",
  "-m": "the memory",
  "-uuid": "the machine's UUID",
};

/** Each option under a name of its own, in order. */
function named(args: readonly string[]): Map<string, string> {
  const all = new Map<string, string>();
  for (const [option, value = ""] of optionsOf(args)) {
    const name = nameOf(option, value);
    let key = name;
    for (let n = 2; all.has(key); n++) key = `${name} (${n})`;
    all.set(key, value);
  }
  return all;
}

function nameOf(option: string, value: string): string {
  const word = WORDS[option];
  if (word !== undefined) return word;
  const json = jsonOf(value);
  if (option === "-device") {
    return `device ${text(json?.["id"] ?? value)}${json ? ` (${text(json["driver"])})` : ""}`;
  }
  if (option === "-blockdev") return `block node ${text(json?.["node-name"] ?? value)}`;
  const id = json?.["id"] ?? /(?:^|,)id=([^,]*)/.exec(value)?.[1];
  if (id !== undefined) return `${option} ${text(id)}`;
  return option === "-global" ? `${option} ${text(value.replace(/=[^=]*$/, ""))}` : option;
}

function jsonOf(value: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!value?.startsWith("{")) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  return sanitizeLine(String(value), 80);
}
