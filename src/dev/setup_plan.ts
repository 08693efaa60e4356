/** What the setup step has to do, decided from facts about the host. */

/** What must be there: a program in PATH, or firmware that QEMU's descriptors name. */
export type Need =
  | "qemu-system-x86_64"
  | "qemu-img"
  | "swtpm"
  | "swtpm_setup"
  | "firmware"
  | "mformat"
  | "mcopy"
  | "tmux"
  | "faketime"
  | "xorriso"
  | "genisoimage"
  | "openssl"
  | "xmllint"
  | "python3"
  | "wimlib-imagex";

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
export const NEEDS: Readonly<Record<"demo" | "test", readonly Need[]>> = {
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
  ],
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

interface Distribution {
  /** Ids of os-release(5) that mean this family. */
  readonly ids: readonly string[];
  readonly install: string;
  readonly packages: Readonly<Record<Need, string>>;
}

const DEBIAN: Distribution = {
  ids: ["debian", "ubuntu"],
  install: "apt-get install -y --no-install-recommends",
  packages: {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "swtpm": "swtpm",
    "swtpm_setup": "swtpm-tools",
    "firmware": "ovmf",
    "mformat": "mtools",
    "mcopy": "mtools",
    "tmux": "tmux",
    "faketime": "faketime",
    "xorriso": "xorriso",
    "genisoimage": "genisoimage",
    "openssl": "openssl",
    "xmllint": "libxml2-utils",
    "python3": "python3-minimal",
    "wimlib-imagex": "wimtools",
  },
};

/** Everywhere else the program comes with its library. */
const ELSEWHERE = { ...DEBIAN.packages, "faketime": "libfaketime", "python3": "python3" };

const OTHERS: readonly Distribution[] = [
  {
    ids: ["fedora", "rhel", "centos"],
    install: "dnf install -y",
    packages: {
      ...ELSEWHERE,
      "qemu-system-x86_64": "qemu-system-x86-core",
      "qemu-img": "qemu-img",
      "firmware": "edk2-ovmf",
      "xmllint": "libxml2",
      "wimlib-imagex": "wimlib-utils",
    },
  },
  {
    ids: ["arch"],
    install: "pacman -S --needed --noconfirm",
    packages: {
      ...ELSEWHERE,
      "qemu-img": "qemu-img",
      "swtpm_setup": "swtpm",
      "firmware": "edk2-ovmf",
      "xorriso": "libisoburn",
      "genisoimage": "cdrtools",
      "xmllint": "libxml2",
      "python3": "python",
      "wimlib-imagex": "wimlib",
    },
  },
  {
    ids: ["suse", "opensuse"],
    install: "zypper --non-interactive install",
    packages: {
      ...ELSEWHERE,
      "qemu-system-x86_64": "qemu-x86",
      "qemu-img": "qemu-img",
      "swtpm_setup": "swtpm",
      "firmware": "qemu-ovmf-x86_64",
      "xmllint": "libxml2-tools",
    },
  },
];

/** Installs only what is missing, and only as root on Debian or a distribution like it; names the command otherwise. */
export function planSetup(facts: HostFacts): SetupPlan {
  if (facts.missing.length === 0) return { kind: "ready" };
  const ids = distributionIds(facts.osRelease);
  const distribution = [DEBIAN, ...OTHERS].find((d) => d.ids.some((id) => ids.includes(id)));
  if (!distribution) return { kind: "tell", missing: facts.missing };
  const packages = [...new Set(facts.missing.map((need) => distribution.packages[need]))].sort();
  if (distribution === DEBIAN && facts.isRoot) return { kind: "install", packages };
  const sudo = facts.isRoot ? "" : "sudo ";
  const update = distribution === DEBIAN ? `${sudo}apt-get update && ` : "";
  return {
    kind: "tell",
    missing: facts.missing,
    command: `${update}${sudo}${distribution.install} ${packages.join(" ")}`,
  };
}

/** `ID` and the words of `ID_LIKE`; `opensuse-leap` counts as `opensuse` too. */
function distributionIds(osRelease: string): string[] {
  const value = (key: string) => new RegExp(`^${key}=["']?([^"'\n]*)["']?$`, "m").exec(osRelease)?.[1] ?? "";
  return [value("ID"), ...value("ID_LIKE").split(" ")]
    .flatMap((id) => id.startsWith("opensuse-") ? [id, "opensuse"] : [id])
    .filter((id) => id !== "");
}
