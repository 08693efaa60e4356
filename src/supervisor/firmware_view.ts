/** What is proven from outside about a guest's firmware, read from its physical memory over QMP. */
import type { FirmwareView } from "../actions/views.ts";
import { fail } from "../core/problem.ts";
import { bootEvidence, type PhysicalRange, TPM_BUFFER, variableStoreRange } from "../efi/evidence.ts";
import { fileSize } from "../ports/append_file.ts";
import { readFileBounded, removeTree } from "../ports/files.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { planFor } from "./prepare.ts";
import type { Supervisor } from "./supervisor.ts";

const MAX_FIRMWARE_BYTES = 16 * 1024 * 1024;

/** Failure `wrong_state` for a guest that does not run or has no UEFI firmware. */
export async function firmwareView(s: Supervisor, guest: Guest): Promise<FirmwareView> {
  const run = guest.run ??
    fail("wrong_state", `${guest.id} does not run: nothing can be read from its memory`);
  const { firmware, runtime, tpmState } = await planFor(s, guest);
  if (!firmware) fail("wrong_state", `${guest.id} boots by BIOS: it has no UEFI variables`);
  if (firmware.code.format !== "raw" || firmware.varsTemplate.format !== "raw") {
    fail(
      "wrong_state",
      `${firmware.descriptor} names images that are not raw; where they lie in memory is not known`,
    );
  }
  const range = variableStoreRange(fileSize(firmware.code.path), fileSize(firmware.varsTemplate.path));
  const storeBefore = await readFileBounded(firmware.varsTemplate.path, MAX_FIRMWARE_BYTES);
  const storeNow = await physical(run, range, `${runtime.folder}/store.mem`);
  const tpmBuffer = tpmState === undefined
    ? undefined
    : await physical(run, TPM_BUFFER, `${runtime.folder}/tpm.mem`);
  const seen = bootEvidence({ storeBefore, storeNow, ...(tpmBuffer ? { tpmBuffer } : {}) });
  return {
    vm: guest.id,
    firmware_ran: seen.firmwareRan,
    secure_boot_enforced: seen.secureBootEnforced,
    certificates: seen.certificates,
    tpm_answered: seen.tpmAnswered,
    tpm_recorded: seen.tpmRecorded,
  };
}

/** A stretch of the guest's physical memory. QEMU writes it to a file in the guest's run folder (0700). */
async function physical(run: GuestRun, range: PhysicalRange, file: string): Promise<Uint8Array> {
  try {
    await run.qmp.executeRaw("pmemsave", { val: range.address, size: range.bytes, filename: file });
    return await readFileBounded(file, range.bytes);
  } finally {
    await removeTree(file);
  }
}
