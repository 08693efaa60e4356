/** `rayvisor preflight`: is this host ready for guests? Needs no supervisor and no data root. */
import { absolutePath } from "../context.ts";
import { jsonLine } from "../../core/json.ts";
import { fail } from "../../core/problem.ts";
import { onSignal } from "../../ports/terminal.ts";
import type { PreflightReport, Profile } from "../../preflight/types.ts";
import { type AnyCommand, Command, ExitWith, Option } from "../command.ts";
import type { Context } from "../context.ts";
import type { MakeContext } from "./shared.ts";

const PROFILE_NAMES = ["windows", "linux"] as const satisfies readonly Profile[];

/** The flags as they were given. */
interface Flags {
  readonly connectUri?: string | undefined;
  readonly storagePath?: string | undefined;
  readonly windowsIso?: string | undefined;
  readonly virtioIso?: string | undefined;
  readonly windowsIsoSha256?: string | undefined;
  readonly virtioIsoSha256?: string | undefined;
  readonly minTotalRamGib?: string | undefined;
  readonly recommendedTotalRamGib?: string | undefined;
  readonly minFreeDiskGib?: string | undefined;
  readonly strictWarn?: true | undefined;
  readonly reportJson?: string | undefined;
  readonly only?: string | undefined;
  readonly profile?: Profile | undefined;
}

export function preflightCommand(context: MakeContext): AnyCommand {
  return new Command("preflight").description(
    "whether this host is ready for guests: found, why it matters, what to do",
  )
    .addOption(
      new Option("--profile <kind>", "guests to be ready for; default windows").choices(PROFILE_NAMES),
    )
    .option(
      "--only <names>",
      "these checks or groups of checks alone, with commas between (docs/preflight.md)",
    )
    .option("--windows-iso <file>", "install medium of Windows")
    .option("--virtio-iso <file>", "medium with the virtio drivers for Windows")
    .option("--windows-iso-sha256 <hash>", "what its SHA-256 must be; else FILE.sha256 beside it says")
    .option("--virtio-iso-sha256 <hash>", "as above")
    .option("--storage-path <dir>", "where guests' disks will lie; default the data root")
    .option("--connect-uri <uri>", "of libvirt; given, libvirt counts as needed; default qemu:///system")
    .option("--min-total-ram-gib <n>", "less memory is a failure; default 8, for linux 2")
    .option("--recommended-total-ram-gib <n>", "less memory is warned of; default 16, for linux 4")
    .option("--min-free-disk-gib <n>", "less room for disks is a failure; default 64, for linux 8")
    .option("--strict-warn", "exit code 1 for warnings too")
    .option("--report-json <file>", "write the report there too")
    .action(async (options, command) => await preflight(context(command), options));
}

async function preflight(c: Context, flags: Flags): Promise<void> {
  const [
    { preflightOptions },
    { runPreflight },
    { systemPort },
    { exitCodeOfReport },
    { progressFor, renderReport },
  ] = await Promise.all([
    import("../../preflight/options.ts"),
    import("../../preflight/run.ts"),
    import("../../preflight/system_port.ts"),
    import("../../preflight/report.ts"),
    import("../render_preflight.ts"),
  ]);
  const options = preflightOptions(wishesOf(c, flags));
  const progress = progressFor(c.output);
  const interrupted = new AbortController();
  const ends = (["SIGINT", "SIGTERM"] as const).map((signal) => onSignal(signal, () => interrupted.abort()));
  let report: PreflightReport;
  try {
    report = await runPreflight(options, systemPort, {
      onProgress: progress.show,
      signal: c.deadline ? AbortSignal.any([c.deadline, interrupted.signal]) : interrupted.signal,
    });
  } catch (error) {
    if (c.deadline?.aborted) {
      fail("outcome_unknown", "preflight was not through before the time was over (--timeout)");
    }
    throw error;
  } finally {
    progress.end();
    for (const end of ends) end();
  }
  if (flags.reportJson !== undefined) await writeReport(absolutePath(flags.reportJson), report);
  c.output.result(report, (value) => renderReport(c.output, value));
  const code = exitCodeOfReport(report, flags.strictWarn ?? false);
  if (code !== 0) throw new ExitWith(code);
}

function wishesOf(c: Context, flags: Flags) {
  const path = (value: string | undefined) => value === undefined ? undefined : absolutePath(value);
  const all = {
    profile: flags.profile,
    only: flags.only?.split(",").map((name) => name.trim()).filter((name) => name !== ""),
    connectUri: flags.connectUri,
    storagePath: path(flags.storagePath),
    windowsIso: path(flags.windowsIso),
    virtioIso: path(flags.virtioIso),
    windowsIsoSha256: sha256Of("--windows-iso-sha256", flags.windowsIsoSha256),
    virtioIsoSha256: sha256Of("--virtio-iso-sha256", flags.virtioIsoSha256),
    minTotalRamGib: gibOf("--min-total-ram-gib", flags.minTotalRamGib),
    recommendedTotalRamGib: gibOf("--recommended-total-ram-gib", flags.recommendedTotalRamGib),
    minFreeDiskGib: gibOf("--min-free-disk-gib", flags.minFreeDiskGib),
  };
  const { minTotalRamGib: least, recommendedTotalRamGib: good } = all;
  if (least !== undefined && good !== undefined && good < least) {
    fail("usage", `--recommended-total-ram-gib ${good} is less than --min-total-ram-gib ${least}`);
  }
  if (all.only?.length === 0) {
    fail("usage", "--only names nothing", { hint: "docs/preflight.md lists the checks" });
  }
  return { ...given(all), root: c.root };
}

/** An object without the members that are undefined. */
function given<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  // Object.entries() loses the types of the members, and nothing but members of T is in the result.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function gibOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return value <= 1_048_576 ? value : fail("usage", `${flag} wants a number of GiB, not '${text}'`);
}

function sha256Of(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/i.test(text)) return text?.toLowerCase();
  return fail("usage", `${flag} wants 64 hexadecimal digits, not '${text}'`);
}

async function writeReport(path: string, report: PreflightReport): Promise<void> {
  const { writeFileAtomic } = await import("../../ports/files.ts");
  try {
    await writeFileAtomic(path, jsonLine(report) + "\n");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    fail("io", `the report could not be written to ${path}: ${why}`, { path });
  }
}
