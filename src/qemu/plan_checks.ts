/**
 * What must hold before a plan is made. Policy has decided already; these checks are the second lock: a plan that would give
 * less security than record or policy name is refused with the name of what is missing.
 */
import type { Problem } from "../core/problem.ts";
import type { GuestPlanInput } from "./plan_types.ts";

/** The first fault, or undefined. */
export function checkRequest(input: GuestPlanInput): Problem | undefined {
  return checkKind(input) ?? checkSizes(input) ?? checkTpm(input) ?? checkFirmware(input);
}

function checkKind({ record, rights }: GuestPlanInput): Problem | undefined {
  if (record.type === rights.kind) return undefined;
  return {
    code: "denied",
    message: `${record.id} is a ${record.type} guest and its rights are those of a ${rights.kind} guest`,
    path: "type",
  };
}

function checkSizes({ clamp, rights }: GuestPlanInput): Problem | undefined {
  const { vcpu, memoryMib } = clamp;
  if (!Number.isSafeInteger(vcpu) || vcpu < 1 || vcpu > rights.maxVcpu) {
    return {
      code: "denied",
      message: `${vcpu} vCPUs are not between 1 and the ${rights.maxVcpu} that policy allows`,
      path: "devices.vcpu",
    };
  }
  if (!Number.isSafeInteger(memoryMib) || memoryMib < 64 || memoryMib > rights.maxMemoryMib) {
    return {
      code: "denied",
      message:
        `${memoryMib} MiB of memory are not between 64 and the ${rights.maxMemoryMib} that policy allows`,
      path: "devices.memory_mb",
    };
  }
  return undefined;
}

function checkTpm({ record, rights, host, files }: GuestPlanInput): Problem | undefined {
  const path = "devices.tpm";
  if (!record.devices.tpm?.enabled) {
    return rights.tpm === "required"
      ? { code: "denied", message: `policy requires a TPM for ${record.id}, and its record has none`, path }
      : undefined;
  }
  if (rights.tpm === "denied") return { code: "denied", message: `policy allows ${record.id} no TPM`, path };
  if (!host.swtpm) {
    return {
      code: "missing",
      message: `${record.id} has a TPM, and swtpm is not installed`,
      hint: "install swtpm and swtpm-tools, then `rayvisor serve --stop` (guests go on) and ask again",
      path,
    };
  }
  if (!host.qemu.tpmModels.includes("tpm-crb") || !host.qemu.tpmTypes.includes("emulator")) {
    return { code: "missing", message: "this QEMU has no tpm-crb device with an emulator behind it", path };
  }
  if (files.tpmState === undefined || files.sockets.tpm === undefined) {
    return {
      code: "invalid_registry",
      message: `${record.id} has a TPM and no folder for its state`,
      hint: "set storage.tpm_state",
      path: "storage.tpm_state",
    };
  }
  return undefined;
}

function checkFirmware({ record, rights, firmware, files }: GuestPlanInput): Problem | undefined {
  const wanted = record.devices.secure_boot ?? false;
  if (rights.secureBoot === "required" && !wanted) {
    return {
      code: "denied",
      message: `policy requires Secure Boot for ${record.id}, and its record has it off`,
      path: "devices.secure_boot",
    };
  }
  if (wanted && !(firmware?.secureBoot && firmware.requiresSmm)) {
    return {
      code: "missing",
      message: `${record.id} wants Secure Boot, and ${
        firmware ? `${firmware.code.path} does not enforce it` : "no UEFI firmware was chosen"
      }`,
      path: "devices.secure_boot",
    };
  }
  // Windows 11 starts with UEFI alone, and Microsoft's keys are what its boot loader is signed with.
  if (record.type === "windows" && wanted && !firmware?.enrolledKeys) {
    return {
      code: "missing",
      message: `${record.id} needs firmware with enrolled keys`,
      path: "devices.secure_boot",
    };
  }
  if (record.type === "windows" && !firmware) {
    return {
      code: "missing",
      message: `${record.id} is a windows guest and needs UEFI firmware`,
      path: "type",
    };
  }
  if ((firmware === null) !== (files.ovmfVars === undefined)) {
    return {
      code: "invalid_registry",
      message: firmware
        ? `${record.id} has UEFI firmware and no file for its variables`
        : `${record.id} has a file for UEFI variables and no firmware was chosen`,
      path: "storage.ovmf_vars",
    };
  }
  return undefined;
}
