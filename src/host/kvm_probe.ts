/**
 * Whether KVM really runs guests. An open /dev/kvm, `query-kvm` and even a guest that halts prove nothing: there are kernels whose
 * KVM emulates each instruction and takes seconds for what hardware does in milliseconds, or aborts QEMU. So a guest of a few
 * instructions has to run through a loop in time, and a q35 machine with system management mode has to start.
 */
import { isObject } from "../core/json.ts";
import { problemOf } from "../core/problem.ts";
import { run } from "../ports/processes.ts";
import { exists, makeTemporaryFolder, removeTree, writeFileAtomic } from "../ports/files.ts";
import { askQemu, cpuModels } from "../qemu/probe.ts";
import type { KvmCapabilities } from "./capabilities.ts";

const ROM_BYTES = 64 * 1024;
/** Where a PC starts: the last 16 bytes of its ROM. */
const RESET_VECTOR = ROM_BYTES - 16;
const LOOPS = 4_000_000;
/** Port of QEMU's isa-debug-exit: writing V ends QEMU with exit code 2 V + 1. */
const EXIT_PORT = 0xf4;
const EXIT_VALUE = 0x10;
export const ROM_EXIT_CODE = 2 * EXIT_VALUE + 1;

/** A ROM that counts down from four million in real mode and then ends QEMU with {@link ROM_EXIT_CODE}. */
export function probeRom(): Uint8Array {
  const rom = new Uint8Array(ROM_BYTES).fill(0xf4); // hlt
  const count = [LOOPS & 0xff, (LOOPS >> 8) & 0xff, (LOOPS >> 16) & 0xff, (LOOPS >> 24) & 0xff];
  rom.set([
    ...[0xfa], //                        cli
    ...[0x66, 0xb9, ...count], //        mov ecx, LOOPS        (66: 32-bit operand in 16-bit code)
    ...[0x66, 0x49], //            loop: dec ecx
    ...[0x75, 0xfc], //                  jnz loop              (-4: back over both instructions)
    ...[0xb0, EXIT_VALUE], //            mov al, EXIT_VALUE
    ...[0xe6, EXIT_PORT], //             out EXIT_PORT, al
    ...[0xf4], //                        hlt
  ], 0);
  // The processor starts at F000:FFF0; a near jump goes to offset 0 of this segment: 0 - (0xfff0 + 3) = 0x000d.
  rom.set([0xe9, 0x0d, 0x00], RESET_VECTOR);
  return rom;
}

/** Milliseconds for the loop, start of QEMU included: hardware needs about 0.1 s, emulating KVM more than 4 s. */
const ROM_TIMEOUT_MS = 1_000;

export interface KvmProbeOptions {
  readonly accelerator?: string;
  readonly device?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const NO = (why: string): KvmCapabilities => ({ usable: false, smm: false, why });

/**
 * Runs the probe. What can't be found out counts as unusable, with the reason; throws only when `signal` aborts, after the
 * probe's guest has ended. `device` and `timeoutMs` are for tests.
 */
export async function probeKvm(
  program: string,
  { accelerator = "kvm", device = "/dev/kvm", timeoutMs = ROM_TIMEOUT_MS, signal }: KvmProbeOptions = {},
): Promise<KvmCapabilities> {
  if (!await exists(device)) return NO(`${device} is not there`);
  try {
    const loop = await runRom(program, accelerator, timeoutMs, signal);
    if (loop !== undefined) return NO(loop);
    const smm = await starts(program, [
      "-machine",
      "q35,smm=on",
      "-accel",
      accelerator,
      "-cpu",
      cpuFor(accelerator),
      "-S",
    ], signal);
    return {
      usable: true,
      smm: smm.ok,
      why: smm.ok ? "a probe guest ran" : `a probe guest ran, without SMM: ${smm.words}`,
      ...await kvmOffers(program, accelerator, signal),
    };
  } catch (error) {
    if (signal?.aborted) throw error;
    return NO(problemOf(error).message);
  }
}

/** `host` is what a later named model is cut from, and where broken KVMs show; TCG (in tests) has no such model. */
function cpuFor(accelerator: string): string {
  return accelerator === "kvm" ? "host" : "max";
}

/** Undefined when the ROM ran to its end in time, else why not. */
async function runRom(
  program: string,
  accelerator: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const folder = await makeTemporaryFolder("rayvisor-kvm-");
  try {
    const rom = `${folder}/probe.rom`;
    await writeFileAtomic(rom, probeRom());
    const result = await run(program, {
      args: [
        ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", "-accel", accelerator],
        ...["-cpu", cpuFor(accelerator), "-m", "16M", "-bios", rom],
        ...["-device", `isa-debug-exit,iobase=${EXIT_PORT},iosize=4`],
      ],
      timeoutMs,
      ...(signal ? { signal } : {}),
    });
    if (result.code === ROM_EXIT_CODE) return undefined;
    const words = result.stderr.trim().split("\n").at(-1) ?? "";
    return `a probe guest did not run (${result.signal ?? `exit code ${result.code}`}): ${
      words.slice(0, 200)
    }`;
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code !== "outcome_unknown") throw error;
    return `a probe guest was not through its loop within ${
      timeoutMs / 1000
    } s: this kernel's KVM has no hardware behind it`;
  } finally {
    await removeTree(folder);
  }
}

async function starts(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ ok: boolean; words: string }> {
  const questions = { status: { execute: "query-status" } };
  const { code, answers, words } = await askQemu(program, args, questions, signal);
  return { ok: code === 0 && answers.has("status"), words };
}

/**
 * CPU models as KVM can run them, and Hyper-V properties as kernel and QEMU offer them together. `hv-passthrough` stands here in a
 * question only (what would be on?), as libvirt asks it; no guest is ever given it.
 */
async function kvmOffers(program: string, accelerator: string, signal: AbortSignal | undefined) {
  const { answers } = await askQemu(program, [
    "-machine",
    "q35",
    "-accel",
    accelerator,
    "-cpu",
    cpuFor(accelerator),
    "-S",
  ], {
    models: { execute: "query-cpu-definitions" },
    host: {
      execute: "query-cpu-model-expansion",
      arguments: { type: "full", model: { name: cpuFor(accelerator), props: { "hv-passthrough": true } } },
    },
  }, signal);
  return { cpuModels: cpuModels(answers.get("models")), hyperv: hypervOffered(answers.get("host")) };
}

/** The `hv-*` properties that an answer of query-cpu-model-expansion has turned on. */
export function hypervOffered(answer: unknown): string[] {
  const model = isObject(answer) ? answer["model"] : undefined;
  const props = isObject(model) ? model["props"] : undefined;
  if (!isObject(props)) return [];
  return Object.entries(props)
    // hv-spinlocks is a count: 0xffffffff means never.
    .filter(([name, value]) =>
      name.startsWith("hv-") && name !== "hv-passthrough" &&
      (value === true || (name === "hv-spinlocks" && typeof value === "number"))
    )
    .map(([name]) => name)
    .sort();
}
