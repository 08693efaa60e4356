/** What the setup step has to do, decided from facts about the host. */
import { distributionOf, installCommand, type Need, packagesFor } from "../host/distribution.ts";

export type { Need } from "../host/distribution.ts";

const DEMO: readonly Need[] = [
  "qemu-system-x86_64",
  "qemu-img",
  "swtpm",
  "swtpm_setup",
  "firmware",
  "mformat",
  "mcopy",
];

/** What each purpose needs. */
export const NEEDS: Readonly<Record<"demo" | "test" | "cloud", readonly Need[]>> = {
  demo: DEMO,
  test: [
    ...DEMO,
    "tmux",
    "faketime",
    "xorriso",
    "genisoimage",
    "openssl",
    "xmllint",
    "python3",
    "wimlib-imagex",
    "libvirtd",
    "virsh",
    "virt-install",
    "virt-xml-validate",
    "ip",
  ],
  cloud: [...DEMO, "xorriso", "mke2fs", "mmdebstrap"],
};

export interface HostFacts {
  /** Text of os-release(5), empty when there is none. */
  readonly osRelease: string;
  readonly isRoot: boolean;
  readonly missing: readonly Need[];
}

export type SetupPlan =
  | { readonly kind: "ready" }
  /** To be installed by this program, with apt-get. */
  | { readonly kind: "install"; readonly packages: readonly string[] }
  /** To be installed by the reader; without `command` the distribution is not known. */
  | { readonly kind: "tell"; readonly missing: readonly Need[]; readonly command?: string };

/** Installs only what is missing, and only as root on Debian or a distribution like it; names the command otherwise. */
export function planSetup({ osRelease, isRoot, missing }: HostFacts): SetupPlan {
  if (missing.length === 0) return { kind: "ready" };
  const distribution = distributionOf(osRelease);
  if (!distribution) return { kind: "tell", missing };
  if (distribution.family === "debian" && isRoot) {
    return { kind: "install", packages: packagesFor(distribution, missing) };
  }
  return { kind: "tell", missing, command: installCommand(distribution, missing, isRoot) };
}
