/** What preflight asks of the host, as an interface: tests put a made-up host in its place. */
import type { Choice } from "../cgroup/choose.ts";
import type { KvmCapabilities, QemuCapabilities, SwtpmCapabilities } from "../host/capabilities.ts";
import type { Clock } from "../ports/clock.ts";
import type { DiskSpace } from "../ports/disk_space.ts";
import type { TargetFacts } from "../ports/paths.ts";
import type { GroupResult } from "../ports/run_group.ts";
import type { FirmwareDescriptor, FlashFile } from "../qemu/firmware.ts";
import type { MediumLook } from "./medium.ts";
import type { TpmTrial } from "./tpm_trial.ts";

export interface FoundProgram {
  readonly path: string;
  /** False when it lies in a folder for administrators that this user's PATH lacks, so that it can't be started. */
  readonly inPath: boolean;
}

/** A live process with the mark of a data root. */
export interface MarkedProcess {
  readonly pid: number;
  readonly vm: string;
  readonly role: string;
  /** Its command line, words joined by spaces. */
  readonly commandLine: string;
}

export interface HostPort {
  readonly uid: number;
  readonly clock: Pick<Clock, "now" | "monotonic" | "after">;
  /** Machine as the kernel names it, for example `x86_64`. */
  readonly machine: string;
  /** Runs a program in a group of its own, killed as a whole when `limitMs` are over. */
  run(program: string, args: readonly string[], limitMs: number, signal: AbortSignal): Promise<GroupResult>;
  find(program: string): Promise<FoundProgram | undefined>;
  /** A text of at most 1 MiB; of procfs and sysfs too. Undefined when it can't be read. */
  read(path: string): Promise<string | undefined>;
  /** Names in a folder, sorted; none when it is not there or may not be looked into. */
  list(folder: string): Promise<readonly string[]>;
  /** Symbolic links are followed; undefined when nothing is there. */
  stat(path: string): Promise<TargetFacts | undefined>;
  /** Whether this user may read and write, access lists included: access(2). */
  mayUse(path: string, signal: AbortSignal): Promise<boolean>;
  space(path: string): Promise<DiskSpace | undefined>;
  env(name: string): string | undefined;
  readonly probes: HostProbes;
}

/** What takes more than one question. All throw a Failure that says what went wrong. */
export interface HostProbes {
  qemu(program: string, signal: AbortSignal): Promise<QemuCapabilities>;
  /** Never throws unless `signal` aborts. */
  kvm(program: string, signal: AbortSignal): Promise<KvmCapabilities>;
  swtpm(): Promise<SwtpmCapabilities | null>;
  /** Makes a TPM in a temporary folder and has it test itself. */
  tpm(swtpm: SwtpmCapabilities, limitMs: number, signal: AbortSignal): Promise<TpmTrial>;
  firmware(): Promise<readonly FirmwareDescriptor[]>;
  /** The raw content of a variable store of at most 16 MiB. */
  variables(file: FlashFile, signal: AbortSignal): Promise<Uint8Array>;
  groups(): Promise<Choice>;
  marked(): Promise<readonly MarkedProcess[]>;
  medium(path: string): Promise<MediumLook>;
  /** Lower-case hex. */
  sha256(path: string, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<string>;
}
