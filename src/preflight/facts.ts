/** Facts that checks ask for, each asked at most once in a run however many checks want it. */
import type { KvmCapabilities, QemuCapabilities, SwtpmCapabilities } from "../host/capabilities.ts";
import { dirname } from "../core/file_names.ts";
import { problemOf } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { TargetFacts } from "../ports/paths.ts";
import type { GroupResult } from "../ports/run_group.ts";
import { chooseFirmware, type FirmwareChoice } from "../qemu/firmware.ts";
import type { FoundProgram, HostPort } from "./host_port.ts";
import type { PreflightOptions } from "./types.ts";

/** An answer, or why there is none. */
export type Answer<T> = Result<T, string>;

/** Longest time of virsh: its daemon asks QEMU first when it has not yet, which takes seconds. */
export const VIRSH_LIMIT_MS = 15_000;
/** For making a TPM with its certificates: about 1 s, much more on a loaded host. */
export const TPM_LIMIT_MS = 30_000;
/** For programs that answer at once. */
export const SHORT_LIMIT_MS = 5_000;

export interface Facts {
  readonly port: HostPort;
  readonly options: PreflightOptions;
  readonly signal: AbortSignal;
  /** Tells how far a long check is. */
  readonly say: (detail: string) => void;
  osRelease(): Promise<string>;
  meminfo(): Promise<string>;
  cpuinfo(): Promise<string>;
  /** /proc/self/status of a process that has inherited our user, groups and filters. */
  status(): Promise<string>;
  groupFile(): Promise<string>;
  devKvm(): Promise<{ readonly stat: TargetFacts | undefined; readonly usable: boolean }>;
  program(name: string): Promise<FoundProgram | undefined>;
  qemu(): Promise<Answer<QemuCapabilities>>;
  kvm(): Promise<Answer<KvmCapabilities>>;
  swtpm(): Promise<Answer<SwtpmCapabilities>>;
  /** Firmware with Secure Boot and enrolled keys, chosen as for a guest. */
  secureFirmware(): Promise<Answer<FirmwareChoice>>;
  /** `virsh version`: whether there is a libvirt to talk to. */
  libvirt(): Promise<Answer<string>>;
  domainCapabilities(): Promise<Answer<string>>;
  defaultNetwork(): Promise<Answer<string>>;
  /** The nearest folder at or above the storage path that is there. */
  storageFolder(): Promise<string>;
}

export function factsOf(
  port: HostPort,
  options: PreflightOptions,
  signal: AbortSignal,
  say: (detail: string) => void = () => {},
): Facts {
  const text = (path: string) => once(async () => await port.read(path) ?? "");
  const programs = new Map<string, Promise<FoundProgram | undefined>>();
  const program = (name: string) => {
    const asked = programs.get(name) ?? port.find(name);
    programs.set(name, asked);
    return asked;
  };
  const virsh = (...args: readonly string[]) => () => askVirsh(port, options.connectUri, args, signal);
  const withQemu = <T>(ask: (path: string) => Promise<T>) => async (): Promise<Answer<T>> => {
    const found = await program("qemu-system-x86_64");
    return found ? await attempt(() => ask(found.path), signal) : err("qemu-system-x86_64 is not installed");
  };
  const qemu = once(withQemu((path) => port.probes.qemu(path, signal)));
  return {
    port,
    options,
    signal,
    say,
    osRelease: once(async () =>
      await port.read("/etc/os-release") ?? await port.read("/usr/lib/os-release") ?? ""
    ),
    meminfo: text("/proc/meminfo"),
    cpuinfo: text("/proc/cpuinfo"),
    status: text("/proc/self/status"),
    groupFile: text("/etc/group"),
    devKvm: once(async () => {
      const stat = await port.stat("/dev/kvm");
      return { stat, usable: stat !== undefined && await port.mayUse("/dev/kvm", signal) };
    }),
    program,
    qemu,
    kvm: once(withQemu((path) => port.probes.kvm(path, signal))),
    swtpm: once(async () => {
      const found = await attempt(() => port.probes.swtpm(), signal);
      if (!found.ok) return found;
      return found.value
        ? ok(found.value)
        : err("swtpm, swtpm_setup or swtpm_localca is not installed, or has no TPM 2.0");
    }),
    secureFirmware: once(() => secureFirmware(port, qemu, signal)),
    libvirt: once(virsh("version")),
    domainCapabilities: once(virsh("domcapabilities", "--machine", "q35", "--arch", "x86_64")),
    defaultNetwork: once(virsh("net-info", "default")),
    storageFolder: once(() => nearestFolder(port, options.storagePath)),
  };
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => asked ??= ask();
}

/** A Failure becomes a reason; a cancelled run is no answer. */
export async function attempt<T>(work: () => Promise<T>, signal: AbortSignal): Promise<Answer<T>> {
  try {
    return ok(await work());
  } catch (error) {
    if (signal.aborted) throw error;
    return err(problemOf(error).message);
  }
}

async function secureFirmware(
  port: HostPort,
  qemu: () => Promise<Answer<QemuCapabilities>>,
  signal: AbortSignal,
): Promise<Answer<FirmwareChoice>> {
  const [descriptors, asked] = await Promise.all([attempt(() => port.probes.firmware(), signal), qemu()]);
  if (!descriptors.ok) return descriptors;
  const machines = asked.ok ? asked.value.machines : [];
  const choice = chooseFirmware(descriptors.value, {
    architecture: "x86_64",
    machine: machines.find(({ alias }) => alias === "q35")?.name ?? "pc-q35-7.2",
    secureBoot: true,
    enrolledKeys: true,
    smm: true, // whether KVM has it is another check
  });
  if (choice.ok) return choice;
  const { message, problems = [] } = choice.error;
  return err([message, ...problems.map((problem) => problem.message)].join("; "));
}

async function askVirsh(
  port: HostPort,
  uri: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Answer<string>> {
  const result = await port.run("virsh", ["-q", "-c", uri, ...args], VIRSH_LIMIT_MS, signal);
  return answerOf("virsh", result, VIRSH_LIMIT_MS);
}

/** What a program said, or in words why not. */
export function answerOf(program: string, result: GroupResult, limitMs: number): Answer<string> {
  switch (result.kind) {
    case "missing":
      return err(`${program} is not installed`);
    case "timed_out":
      return err(`${program} did not answer within ${limitMs / 1000} s and was ended`);
    case "ended": {
      if (result.code === 0) return ok(result.stdout);
      const lines = result.stderr.split("\n").map((line) => line.replace(/^error:\s*/, "").trim());
      const words = sanitizeLine(lines.filter((line) => line !== "").join("; "), 300);
      return err(words || `${program} ended with ${result.signal ?? `exit code ${result.code}`}`);
    }
  }
}

async function nearestFolder(port: HostPort, path: string): Promise<string> {
  for (let at = path; at !== "/"; at = dirname(at)) {
    if ((await port.stat(at))?.kind === "dir") return at;
  }
  return "/";
}
