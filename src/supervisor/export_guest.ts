/** `vm.export`: a guest as another tool's description, from the plan by which it would be started. Only looks. */
import type { ExportView } from "../actions/views.ts";
import { fail } from "../core/problem.ts";
import { atLeast, type LibvirtVersion, OLDEST_LIBVIRT, toLibvirt } from "../interop/to_libvirt.ts";
import type { Guest } from "./guest.ts";
import { planFor } from "./prepare.ts";
import type { Supervisor } from "./supervisor.ts";

/** Failure as of {@link planFor}; `usage` for a libvirt that is too old. `version` as `9.0`; default is the oldest. */
export async function exportGuest(
  s: Supervisor,
  guest: Guest,
  version: string | undefined,
): Promise<ExportView> {
  const { record, plan, rights, firmware, share, deviceModels } = await planFor(s, guest);
  const { text, notes } = toLibvirt({
    record,
    root: s.parts.root,
    emulator: plan.qemu.program,
    uuid: plan.uuid,
    machine: plan.machine,
    cpu: plan.cpu,
    accelerator: plan.accelerator,
    hyperv: plan.hyperv,
    vcpu: share.vcpu,
    memoryMib: share.memoryMib,
    firmware,
    formats: Object.fromEntries(plan.disks.map(({ name, format }) => [name, format])),
    display: deviceModels.includes("virtio-vga"),
    input: rights.input,
    onReboot: rights.onReboot,
    libvirt: version === undefined ? OLDEST_LIBVIRT : versionOf(version),
  });
  return { vm: record.id, format: "libvirt", text, notes };
}

function versionOf(text: string): LibvirtVersion {
  const [major = 0, minor = 0] = text.split(".").map(Number);
  const version = { major, minor };
  if (atLeast(version, OLDEST_LIBVIRT.major, OLDEST_LIBVIRT.minor)) return version;
  return fail("usage", `domains are written for libvirt 9.0 and newer, not for ${text}`);
}
