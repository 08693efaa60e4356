/**
 * What is known of a provisioning run: pure. It is on disk from before the first effect to the end of the run, so that
 * whoever comes next can go on where it was.
 */
import * as z from "zod";
import { GUEST_KINDS, parseVmId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { STEPS } from "./steps.ts";

const MAX_WORDS = 200;
/** What a guest says of itself: sanitised and cut before it comes here. */
const words = z.string().max(MAX_WORDS);

const schema = z.strictObject({
  version: z.literal(0),
  /** Names the run; the instance id of the guest's first boot. */
  run: z.uuid(),
  vm: z.string().refine((id) => parseVmId(id) !== undefined, "not a guest id"),
  type: z.enum(GUEST_KINDS),
  begun_at: z.string(),
  /** The answers as they were given; other ones are another run. */
  answers: z.string(),
  /** Folder that paths in the answers are relative to. */
  folder: z.string(),
  /** The user's password, where one is needed; only until the medium that carries it is built. */
  password: z.string().nullable(),
  step: z.enum(STEPS),
  /** Whether a baseline is kept, and by which name. */
  baseline: z.string().nullable(),
  install: z.strictObject({
    /** How often the guest was let run to install itself. More than once: it was begun anew, on a new disk. */
    starts: z.int().nonnegative(),
    /** It has booted from its install medium, which asks for a key. Only where it asks. */
    booted: z.boolean(),
    /** Resets of the machine since then. */
    resets: z.int().nonnegative(),
    /** Its agent has answered. */
    agent: z.boolean(),
    /** It has shut itself down: it is installed. */
    done: z.boolean(),
  }),
  /** What its agent says that it is. */
  os: z.strictObject({ name: words, version: words }).nullable(),
  /** Why the last attempt ended; null as long as it goes on. */
  failed: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
});
export type RunState = z.output<typeof schema>;

export const MAX_RUN_BYTES = 1024 * 1024;

const NOT_INSTALLED: RunState["install"] = {
  starts: 0,
  booted: false,
  resets: 0,
  agent: false,
  done: false,
};

/** A run that has done nothing yet. */
export function newRun(
  of: Pick<RunState, "run" | "vm" | "type" | "begun_at" | "answers" | "folder" | "password" | "baseline">,
): RunState {
  return { version: 0, ...of, step: "media", install: NOT_INSTALLED, os: null, failed: null };
}

export function runText(run: RunState): string {
  return JSON.stringify(run, null, 2) + "\n";
}

/** The error is half a sentence: why it is none. */
export function parseRun(text: string, vm: string): Result<RunState, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err("it is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return err(sanitizeLine(`${issue?.path.join(".") || "it"}: ${issue?.message ?? "wrong"}`, MAX_WORDS));
  }
  if (parsed.data.vm !== vm) return err(`it belongs to ${sanitizeLine(parsed.data.vm, 80)}`);
  return ok(parsed.data);
}

/** What is seen of a guest while it installs itself. */
export type Sight =
  | { readonly kind: "started" }
  | { readonly kind: "booted" }
  | { readonly kind: "reset" }
  | { readonly kind: "agent" }
  | { readonly kind: "os"; readonly name: string; readonly version: string }
  | { readonly kind: "shut_down" };

/** The run after a sight; the same object where it changes nothing. */
export function seen(run: RunState, sight: Sight): RunState {
  const { install } = run;
  switch (sight.kind) {
    case "started":
      return { ...run, install: { ...NOT_INSTALLED, starts: install.starts + 1 } };
    case "booted":
      return install.booted ? run : { ...run, install: { ...install, booted: true } };
    case "reset":
      return { ...run, install: { ...install, resets: install.resets + 1, agent: false } };
    case "agent":
      return install.agent ? run : { ...run, install: { ...install, agent: true } };
    case "os": {
      const os = {
        name: sanitizeLine(sight.name, MAX_WORDS),
        version: sanitizeLine(sight.version, MAX_WORDS),
      };
      return os.name === run.os?.name && os.version === run.os.version ? run : { ...run, os };
    }
    case "shut_down":
      return install.done ? run : { ...run, install: { ...install, done: true } };
  }
}

/** What the guest runs, in words: many a name has the version in it. */
export function osText({ name, version }: NonNullable<RunState["os"]>): string {
  return version === "" || name.split(" ").includes(version) ? name : `${name} ${version}`;
}

/** What the guest is at while it installs itself, in one or two words. */
export function phaseOf({ install, os }: RunState, wrote: boolean): string {
  if (install.done) return "shut down";
  if (install.agent) return os ? `agent answers: ${osText(os)}` : "agent answers";
  if (install.resets > 0) return `after restart ${install.resets}`;
  if (install.starts === 0) return "not started";
  if (wrote) return "writes to its disk";
  return install.booted ? "setup" : "firmware";
}

/** What is to be done about the guest when the step `install` is entered, or entered again. */
export type InstallMove =
  /** It has installed itself. */
  | "over"
  /** It runs and goes on. */
  | "watch"
  | "start"
  /** It ended unseen: how far it came nobody knows, so it begins anew, on a new disk. */
  | "start_anew";

export function installMove({ install }: RunState, runs: boolean): InstallMove {
  if (install.done) return "over";
  if (runs) return install.starts > 0 ? "watch" : "start";
  return install.starts > 0 ? "start_anew" : "start";
}
