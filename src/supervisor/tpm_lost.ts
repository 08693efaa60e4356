/** A TPM emulator that ends under a running guest: QEMU says nothing and the guest would run on without its TPM. */
import type { Guest, GuestRun } from "./guest.ts";
import type { Supervisor } from "./supervisor.ts";

/** Watches a run's TPM emulator. Its end is the guest's stand-still, unless QEMU ends too. */
export function watchTpm(s: Supervisor, guest: Guest, run: GuestRun): void {
  void run.tpmGone.then(() => standStill(s, guest, run)).catch(() => {}); // QEMU is gone: its end is dealt with elsewhere
}

/** Makes a guest stand still that has a TPM device with nothing behind it. */
export async function standStill(s: Supervisor, guest: Guest, run: GuestRun): Promise<void> {
  // swtpm ends with QEMU: what has ended, or is about to, is no guest without a TPM.
  if (guest.run !== run || guest.shutdownSeen || run.qmp.isClosed) return;
  guest.pauseReason = "tpm_lost"; // QEMU's STOP comes before its answer
  await run.qmp.execute("stop");
  if (guest.run !== run || guest.state === "stopping") return;
  guest.apply("paused");
  guest.pauseReason = "tpm_lost";
  guest.lastError = TPM_LOST;
  s.emit({
    event: "RAYOS_VM:tpm_lost",
    fields: { vm: guest.id, kind: guest.kind ?? "linux", reason: "swtpm ended", pid: run.swtpm?.pid ?? 0 },
  });
}

const TPM_LOST =
  "its TPM emulator has ended, so it stands still: QEMU can't be given another one; stop it and start it anew";
