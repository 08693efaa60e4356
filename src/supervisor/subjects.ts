/** The supervisor's guests as the sampler sees them. */
import { readSomeKernelFiles } from "../ports/proc_files.ts";
import { Sampler } from "./sampler.ts";
import type { Supervisor } from "./supervisor.ts";

export function samplerOf(s: Supervisor): Sampler {
  return new Sampler({
    clock: s.parts.clock,
    readKernelFiles: readSomeKernelFiles,
    subjects: () =>
      [...s.guests.values()].sort((a, b) => a.id < b.id ? -1 : 1).map((guest) => ({
        known: {
          id: guest.id,
          state: guest.state,
          ready: guest.readySince !== undefined,
          presented: s.presented === guest.id,
          vcpus: guest.share?.vcpu ?? guest.record?.devices.vcpu ?? null,
          memoryMib: guest.share?.memoryMib ?? null,
        },
        ...(guest.run ? { run: guest.run } : {}),
        ...(guest.network ? { network: guest.network } : {}),
      })),
  });
}
