/** Machine, processor, memory and process-wide options. */
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { createHash } from "node:crypto";
import type { VmId } from "../core/ids.ts";
import type {
  Accelerator,
  CpuModel,
  HostCapabilities,
  MachineType,
  QemuCapabilities,
} from "../host/capabilities.ts";
import type { Rights } from "../../policy/types.ts";
import { classicOption } from "./options.ts";
import type { GuestPlanInput } from "./plan_types.ts";

/**
 * The versioned name behind `wanted` (an alias such as `q35`, or a versioned name): what a record pins at creation, so that a
 * later QEMU builds the same machine and takes its snapshots. Problem `missing` when this QEMU has no such machine.
 */
export function resolveMachine(
  machines: readonly MachineType[],
  wanted: string,
): Result<MachineType, Problem> {
  const found = machines.find((m) => m.alias === wanted) ?? machines.find((m) => m.name === wanted);
  if (found?.name.startsWith("pc-q35-")) return ok(found);
  const known = machines.filter((m) => m.name.startsWith("pc-q35-")).map((m) => m.name).sort();
  return err({
    code: "missing",
    message: found
      ? `machine type ${wanted} is not a q35 machine`
      : `this QEMU has no machine type ${JSON.stringify(wanted)}`,
    hint: known.length > 0 ? `it offers ${known.join(", ")}` : "install qemu-system-x86",
    path: "machine",
  });
}

/** KVM where it really runs guests (with system management mode where that is wanted), else software emulation. */
export function chooseAccelerator(
  host: HostCapabilities,
  smm: boolean,
): { accelerator: Accelerator; why: string } {
  if (!host.kvm.usable) return { accelerator: "tcg", why: host.kvm.why };
  if (smm && !host.kvm.smm) return { accelerator: "tcg", why: "KVM here offers no system management mode" };
  return { accelerator: "kvm", why: host.kvm.why };
}

/**
 * Memory for the code that emulation makes of a guest's; when it is full it is thrown away and made anew. Left to itself
 * QEMU takes up to 1 GiB, which would be a multiple of a small guest.
 */
export const TRANSLATION_CACHE_MIB = 256;

/** The value of `-accel`. */
export function acceleratorOption(accelerator: Accelerator): string {
  return classicOption(
    accelerator,
    accelerator === "tcg" ? { "tb-size": TRANSLATION_CACHE_MIB } : {},
  );
}

/**
 * Processor models, best first. All are named models that mean the same in every QEMU: `max` and `host` change with QEMU
 * and host, so a saved guest would wake up on another processor. Westmere is the newest model that QEMU 7.2 to 10 emulate whole
 * (later ones want AVX-512, PCID or a TSC deadline timer that TCG has not), runs on every AMD and Intel processor under KVM, and has what
 * Windows 11 demands (SSE4.2, POPCNT) and AES. Its version 2 adds the controls for branch prediction, where there are any.
 */
export const CPU_MODELS: Readonly<Record<Accelerator, readonly string[]>> = {
  kvm: ["Westmere-v2", "Westmere-v1"],
  tcg: ["Westmere-v1"],
};

/** The first model of the list that the accelerator provides whole; a guest never gets a part of one unsaid. */
export function chooseCpu(host: HostCapabilities, accelerator: Accelerator): Result<string, Problem> {
  const offered: readonly CpuModel[] = accelerator === "tcg"
    ? host.qemu.cpuModels
    : host.kvm.usable
    ? host.kvm.cpuModels
    : [];
  const models = CPU_MODELS[accelerator].map((name) => ({
    name,
    found: offered.find((m) => m.name === name),
  }));
  const fit = models.find(({ found }) => found?.migrationSafe && found.missing.length === 0);
  if (fit) return ok(fit.name);
  const why = models.map(({ name, found }) =>
    found ? `${name} lacks ${found.missing.join(" ")}` : `${name} is unknown`
  );
  return err({
    code: "missing",
    message: `no suitable processor model under ${accelerator}: ${why.join("; ")}`,
    hint: "rayvisor needs QEMU 7.2 or newer on x86-64",
  });
}

/** Namespace of the UUIDs below; made once, must never change. */
const UUID_NAMESPACE = "5d1f6a0e-3c0b-5b8e-9f53-6f7c1f2b7a41";

/** The guest's UUID, the same for ever: version 5 (SHA-1) of its id, RFC 9562 section 5.5. `query-uuid` answers it. */
export function guestUuid(id: VmId): string {
  const hash = createHash("sha1").update(UUID_NAMESPACE.replaceAll("-", ""), "hex").update(id).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.subarray(0, 16).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Options of `-machine` beside type and flash. `usable` are those that this QEMU has. */
export function machineOptions(
  input: GuestPlanInput,
  machine: MachineType,
  smm: boolean,
): Record<string, string | boolean | undefined> {
  const has = (property: string) => input.host.qemu.machineProperties.includes(property);
  return {
    // Off without Secure Boot: one mode of the processor less for a guest to play with.
    smm,
    // VMware's back door I/O port, also a way to put pointer events.
    vmport: has("vmport") ? false : undefined,
    // The PS/2 controller serves firmware and boot loaders that drive no virtio or USB input.
    i8042: has("i8042") ? input.rights.input : undefined,
    // Windows keeps time by Hyper-V's or the processor's clock; each HPET interrupt costs a way out of the guest.
    hpet: has("hpet") && input.record.type === "windows" ? false : undefined,
    // A crashed QEMU must not leave the guest's memory in a core file; merging pages leaks between guests.
    "dump-guest-core": false,
    "mem-merge": false,
    "memory-backend": machine.ramId,
  };
}

/** The guest's memory as an object. Shared only where a virtio-fs daemon has to see it. */
export function memoryBackend(machine: MachineType, mib: number, shared: boolean) {
  const size = mib * 1024 * 1024;
  return shared
    ? { "qom-type": "memory-backend-memfd", id: machine.ramId, size, share: true }
    : { "qom-type": "memory-backend-ram", id: machine.ramId, size };
}

/**
 * What QEMU does by itself when the guest reboots, powers itself off, panics or lets its watchdog run out. A guest that failed
 * stands still whatever policy says: the supervisor writes its report first and then does the rest. Problem when the QEMU
 * at hand can't be told: by itself it would end a guest that panics, and reset one whose watchdog ran out.
 */
export function actionOption(qemu: QemuCapabilities, onReboot: Rights["onReboot"]): Result<string, Problem> {
  if (!qemu.options.includes("action")) {
    return err({
      code: "missing",
      message: `${qemu.program} knows no -action: a guest that panics would end without a report`,
      hint: "rayvisor needs QEMU 7.2 or newer on x86-64",
    });
  }
  const reboot = REBOOT_ACTION[onReboot];
  return ok(classicOption(undefined, { reboot, shutdown: "poweroff", panic: "pause", watchdog: "pause" }));
}

/** QEMU's word (also for QMP `set-action`) for what policy makes of a reboot. `shutdown` ends it at any reset of the machine. */
export const REBOOT_ACTION = { reset: "reset", stop: "shutdown" } as const;

/** Problem when the QEMU at hand can't confine itself: it is refused, not run without. */
export function sandboxOption(qemu: QemuCapabilities): Result<string, Problem> {
  if (!qemu.options.includes("sandbox")) {
    return err({
      code: "missing",
      message: `${qemu.program} was built without seccomp, so -sandbox is not there`,
      hint: "install the distribution's own QEMU package",
    });
  }
  return ok("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}
