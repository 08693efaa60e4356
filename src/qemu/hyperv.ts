/**
 * Hyper-V enlightenments for Windows guests (QEMU docs/system/i386/hyperv.rst): a list of our own, each checked against the
 * host. Never `hv-passthrough`, which QEMU calls a debugging feature and which blocks saved state.
 *
 * They are KVM's. Under TCG QEMU takes most of them in silence and does nothing, and ends with "kernel doesn't allow setting HyperV
 * VP_INDEX" on hv-vpindex; so without KVM the list is empty and the plan says so.
 */
import type { KvmCapabilities } from "../host/capabilities.ts";

interface Enlightenment {
  readonly property: string;
  /** Value when it isn't a switch. */
  readonly value?: string;
  /** What QEMU demands beside it; a member without all of its needs is left out. */
  readonly needs?: readonly string[];
}

/** In an order in which needs come first. */
const WANTED: readonly Enlightenment[] = [
  { property: "hv-relaxed" },
  { property: "hv-vapic" },
  // Tries before a spinning vCPU tells the host: Microsoft's own figure for guests that share processors.
  { property: "hv-spinlocks", value: "0x1fff" },
  { property: "hv-vpindex" },
  { property: "hv-runtime" },
  { property: "hv-time" },
  { property: "hv-frequencies" },
  { property: "hv-reset" },
  { property: "hv-synic", needs: ["hv-vpindex"] },
  { property: "hv-stimer", needs: ["hv-synic", "hv-time"] },
  { property: "hv-tlbflush", needs: ["hv-vpindex"] },
  { property: "hv-ipi", needs: ["hv-vpindex"] },
];

export const HYPERV_PROPERTIES: readonly string[] = WANTED.map((e) => e.property);

/** The switches for `-cpu`, for example `hv-relaxed=on`, and what of the list this host lacks. */
export function hypervSwitches(kvm: KvmCapabilities): { switches: string[]; lacking: string[] } {
  const offered: readonly string[] = kvm.usable ? kvm.hyperv : [];
  const taken = new Set<string>();
  const switches: string[] = [];
  for (const { property, value, needs = [] } of WANTED) {
    if (!offered.includes(property) || !needs.every((need) => taken.has(need))) continue;
    taken.add(property);
    switches.push(`${property}=${value ?? "on"}`);
  }
  return { switches, lacking: HYPERV_PROPERTIES.filter((property) => !taken.has(property)) };
}
