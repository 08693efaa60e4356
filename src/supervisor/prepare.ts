/**
 * From a record to a plan that can be carried out: paths confined, images looked at, firmware chosen. Only reads; what a
 * guest still lacks on disk is named, and made by `makeFiles` and `prepareTpmState` when the action is carried out.
 */
import { type GuestLimits, guestLimits } from "../cgroup/limits.ts";
import { isObject } from "../core/json.ts";
import { fail, type Problem, problemOf } from "../core/problem.ts";
import { needSwtpm } from "../host/probe.ts";
import { exists } from "../ports/files.ts";
import { chooseFirmware, type FirmwareChoice } from "../qemu/firmware.ts";
import { firmwareFolders, readFirmwareDescriptors } from "../qemu/firmware_files.ts";
import { backingChain } from "../qemu/image_chain.ts";
import { resolveMachine } from "../qemu/machine.ts";
import { planGuest } from "../qemu/plan.ts";
import type { GuestFiles, GuestPlan, ImageFile, ImageFormat } from "../qemu/plan_types.ts";
import { planTpmSetup, prepareTpm } from "../tpm/setup.ts";
import type { HostCapabilities } from "../host/capabilities.ts";
import type { GuestRuntime } from "../../registry/layout.ts";
import { confine } from "../../registry/paths.ts";
import { effectiveRights } from "../../policy/rights.ts";
import type { Rights } from "../../policy/types.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Guest, Share } from "./guest.ts";
import { inForce } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

export interface PreparedGuest {
  readonly record: VmRecord;
  readonly rights: Rights;
  readonly plan: GuestPlan;
  readonly runtime: GuestRuntime;
  readonly logs: { readonly qemu: string; readonly swtpm: string; readonly serial: string };
  readonly share: Share;
  readonly limits: GuestLimits;
  readonly firmware: FirmwareChoice | null;
  readonly host: HostCapabilities;
  /** Absolute folder of the TPM's state, where the guest has a TPM. */
  readonly tpmState: string | undefined;
  readonly images: readonly { readonly path: string; readonly escape?: string }[];
  /** QEMU device models of the planned command line. */
  readonly deviceModels: readonly string[];
}

/** The format of an image by its name: only `.qcow2` is qcow2. Never guessed from what a guest can write. */
export function formatOf(path: string): ImageFormat {
  return path.endsWith(".qcow2") ? "qcow2" : "raw";
}

/** Failure with the first thing that stands in the way: `path_escape`, `missing`, `invalid_registry`, `denied`. */
export async function planFor(s: Supervisor, guest: Guest): Promise<PreparedGuest> {
  const record = guest.record ?? fail("wrong_state", `${guest.id} has no usable record`);
  const rights = rightsFor(s, record);
  const host = await s.parts.capabilities();
  const [files, firmware] = await Promise.all([filesOf(s, record), firmwareFor(record, host)]);
  const clamp = rights.clamp
    ? {
      vcpu: Math.min(record.devices.vcpu, rights.maxVcpu),
      memoryMib: Math.min(record.devices.memory_mb, rights.maxMemoryMib),
    }
    : { vcpu: record.devices.vcpu, memoryMib: record.devices.memory_mb };
  const planned = planGuest({ record, rights, host, firmware, files: files.files, clamp });
  if (!planned.ok) fail(planned.error.code, planned.error.message, planned.error);
  const { folder: _, qemuLog: qemu, swtpmLog: swtpm, serialLog: serial } = s.parts.layout.guest(
    record.type,
    record.id,
  );
  const deviceModels = deviceModelsOf(planned.value);
  const size = {
    ...clamp,
    accelerator: planned.value.accelerator,
    display: deviceModels.includes("virtio-vga"),
    tpm: planned.value.swtpm !== undefined,
  };
  return {
    record,
    rights,
    plan: planned.value,
    runtime: s.parts.layout.runtime(record.id),
    logs: { qemu, swtpm, serial },
    share: { ...clamp, cpuPercent: rights.cpuReservedPercent },
    limits: guestLimits(size, rights.cpuPercent),
    firmware,
    host,
    tpmState: files.files.tpmState,
    images: files.images,
    deviceModels,
  };
}

/** The models that a plan's command line names: `-device` takes JSON there. */
function deviceModelsOf(plan: GuestPlan): string[] {
  const { args } = plan.qemu;
  return args.flatMap((arg, i) => {
    if (args[i - 1] !== "-device") return [];
    const device: unknown = JSON.parse(arg);
    return [isObject(device) && typeof device.driver === "string" ? device.driver : arg];
  });
}

export function rightsFor(s: Supervisor, record: VmRecord): Rights {
  const loaded = inForce(s.policy);
  if (!loaded) {
    fail("denied", `nothing can be planned for ${record.id}: there is no policy`, {
      reasons: [{ rule: "safe_mode", why: "no policy was ever loaded" }],
    });
  }
  const rights = effectiveRights(loaded, record.type, record.policy_profile);
  if (!rights.ok) fail("denied", `${record.id}: ${rights.error.why}`, { reasons: [rights.error] });
  return rights.value.rights;
}

async function filesOf(
  s: Supervisor,
  record: VmRecord,
): Promise<{ files: GuestFiles; images: PreparedGuest["images"] }> {
  const { root, layout } = s.parts;
  const { storage } = record;
  const runtime = layout.runtime(record.id);
  const image = async (name: string, path: string) => ({
    name,
    path: await confine(root, path, { mustExist: true, kind: "file" }),
  });
  const [disks, cdroms, ovmfVars, tpmState] = await Promise.all([
    Promise.all(Object.entries(storage.disks).map(([name, path]) => image(name, path))),
    Promise.all(Object.entries(storage.cdroms ?? {}).map(([name, path]) => image(name, path))),
    storage.ovmf_vars === undefined
      ? undefined
      : confine(root, storage.ovmf_vars, { mustExist: true, kind: "file" }),
    storage.tpm_state === undefined || !record.devices.tpm?.enabled
      ? undefined
      : confine(root, storage.tpm_state, { mustExist: false, kind: "dir" }),
  ]);
  const chained = await Promise.all(
    disks.map((disk) => lookInto(root, { ...disk, format: formatOf(disk.path) })),
  );
  const variables = ovmfVars ? await lookInto(root, { path: ovmfVars, format: "qcow2" as const }) : undefined;
  return {
    files: {
      disks: chained.map(({ escape: _, ...disk }) => disk),
      cdroms,
      ...(ovmfVars ? { ovmfVars } : {}),
      ...(tpmState ? { tpmState } : {}),
      sockets: {
        qmp: runtime.qmp,
        agent: runtime.agent,
        serial: runtime.serial,
        ...(tpmState ? { tpm: runtime.tpm } : {}),
      },
      swtpmLog: layout.guest(record.type, record.id).swtpmLog,
    },
    images: [...chained, ...(variables ? [variables] : [])]
      .map(({ path, escape }) => ({ path, ...(escape === undefined ? {} : { escape }) })),
  };
}

/** The images that an image rests on, each inside the data root; what leads outside is told, for policy to refuse. */
async function lookInto<T extends { readonly path: string; readonly format: ImageFormat }>(
  root: string,
  image: T,
): Promise<T & { readonly backing: readonly ImageFile[]; readonly escape?: string }> {
  const inside = (path: string) => confine(root, path, { mustExist: true, kind: "file" });
  try {
    return { ...image, backing: await backingChain(image.path, image.format, inside) };
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code !== "path_escape") throw error;
    return { ...image, backing: [], escape: problem.message };
  }
}

/** Firmware for a record; null for a guest that boots by BIOS. */
export async function firmwareFor(record: VmRecord, host: HostCapabilities): Promise<FirmwareChoice | null> {
  if (record.storage.ovmf_vars === undefined) return null;
  const machine = record.machine ?? pinnedMachine(host);
  const secureBoot = record.devices.secure_boot ?? false;
  const choice = chooseFirmware(await readFirmwareDescriptors(firmwareFolders()), {
    architecture: "x86_64",
    machine,
    secureBoot,
    enrolledKeys: secureBoot,
    smm: host.kvm.usable ? host.kvm.smm : true, // TCG emulates it
  });
  return choice.ok ? choice.value : failWith(choice.error);
}

/** The versioned machine type that `q35` stands for on this host. */
export function pinnedMachine(host: HostCapabilities): string {
  const machine = resolveMachine(host.qemu.machines, "q35");
  return machine.ok ? machine.value.name : failWith(machine.error);
}

/** Gives the TPM its first contents when it has none. */
export async function prepareTpmState(
  s: Supervisor,
  prepared: Pick<PreparedGuest, "tpmState" | "host">,
  signal?: AbortSignal,
): Promise<void> {
  if (prepared.tpmState === undefined) return;
  const plan = planTpmSetup(needSwtpm(prepared.host), {
    stateDir: prepared.tpmState,
    authorityDir: s.parts.layout.tpmAuthority,
  });
  if (await exists(plan.stateFile)) return;
  await prepareTpm(plan, signal);
}

function failWith(problem: Problem): never {
  return fail(problem.code, problem.message, problem);
}
