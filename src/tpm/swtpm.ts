/** The command line of `swtpm socket` (swtpm(8)), the TPM 2.0 emulator behind QEMU's `tpmdev emulator`. */
import { fail } from "../core/problem.ts";
import type { SwtpmCapabilities } from "../host/capabilities.ts";
import { PLAIN_ENV } from "../ports/processes.ts";
import type { CommandLine } from "../qemu/options.ts";

export interface SwtpmPlace {
  /** Folder of the TPM's state; swtpm locks it. */
  readonly stateDir: string;
  /** Control socket, made by swtpm and used by QEMU. */
  readonly socket: string;
  /**
   * Log file. Level 1 is errors only: from level 2 on swtpm writes every command as hex (50 kB at each boot of the firmware), so that a
   * guest could fill the host's disk.
   */
  readonly log?: string;
}

/**
 * swtpm for one guest. `--terminate` ends it when QEMU's connection ends, also when QEMU is killed: without, it would
 * stay and hold the lock of the state. Failure `usage` when a path can't stand in an swtpm option.
 */
export function swtpmCommand(capabilities: SwtpmCapabilities, place: SwtpmPlace): CommandLine {
  const has = (feature: string) => capabilities.features.includes(feature);
  return {
    program: capabilities.program,
    args: [
      "socket",
      "--tpm2",
      "--tpmstate",
      `dir=${swtpmValue(place.stateDir)},mode=0600`,
      "--ctrl",
      `type=unixio,path=${swtpmValue(place.socket)},mode=0600`,
      "--terminate",
      ...(place.log === undefined ? [] : ["--log", `file=${swtpmValue(place.log)},level=1`]),
      // The default where it is built in; named so that it can't be lost by a changed default.
      ...(has("cmdarg-seccomp") ? ["--seccomp", "action=kill"] : []),
    ],
    env: PLAIN_ENV,
  };
}

/** swtpm knows no way to write a comma inside a value, so a path with one is refused, as are control characters. */
export function swtpmValue(path: string): string {
  // deno-lint-ignore no-control-regex
  if (!path.startsWith("/") || /[,\x00-\x1f\x7f]/.test(path)) {
    fail("usage", `swtpm can't take the path ${JSON.stringify(path)}`, {
      hint: "it must be absolute and without commas and control characters",
      path,
    });
  }
  return path;
}
