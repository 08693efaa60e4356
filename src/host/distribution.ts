/** Which distribution this host is, and how its packages are called: the exact command that installs what is missing. */

/** What can be missing: a program, firmware that QEMU's descriptors name, or libvirt as a service of the system. */
export type Need =
  | "qemu-system-x86_64"
  | "qemu-img"
  | "swtpm"
  | "swtpm_setup"
  | "firmware"
  | "xorriso"
  | "openssl"
  | "nft"
  | "dnsmasq"
  | "bwrap"
  | "virsh"
  | "virt-install"
  | "virt-host-validate"
  | "virt-xml-validate"
  | "libvirtd"
  | "libvirt-service"
  | "genisoimage"
  | "wimlib-imagex"
  | "xmllint"
  | "python3"
  | "mformat"
  | "mcopy"
  | "tmux"
  | "faketime"
  | "ip"
  | "mke2fs"
  | "mmdebstrap";

export type Family = "debian" | "fedora" | "arch" | "suse";

export interface Distribution {
  readonly family: Family;
  /** Ids of os-release(5) that mean this family. */
  readonly ids: readonly string[];
  /** Brings the lists of packages up to date, where that is a step of its own. */
  readonly update?: string;
  readonly install: string;
  /** Names of packages, a space between several. */
  readonly packages: Readonly<Record<Need, string>>;
}

const DEBIAN: Distribution = {
  family: "debian",
  ids: ["debian", "ubuntu"],
  update: "apt-get update",
  install: "apt-get install -y --no-install-recommends",
  packages: {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "swtpm": "swtpm",
    "swtpm_setup": "swtpm-tools",
    "firmware": "ovmf",
    "xorriso": "xorriso",
    "openssl": "openssl",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "bwrap": "bubblewrap",
    "virsh": "libvirt-clients",
    "virt-install": "virtinst",
    "virt-host-validate": "libvirt-clients",
    "virt-xml-validate": "libvirt-clients",
    "libvirtd": "libvirt-daemon libvirt-daemon-driver-qemu",
    "libvirt-service": "libvirt-daemon-system",
    "genisoimage": "genisoimage",
    "wimlib-imagex": "wimtools",
    "xmllint": "libxml2-utils",
    "python3": "python3-minimal",
    "mformat": "mtools",
    "mcopy": "mtools",
    "tmux": "tmux",
    "faketime": "faketime",
    "ip": "iproute2",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
  },
};

/** Everywhere else these are called like this. */
const ELSEWHERE: Distribution["packages"] = {
  ...DEBIAN.packages,
  "qemu-img": "qemu-img",
  "dnsmasq": "dnsmasq",
  "virsh": "libvirt-client",
  "virt-install": "virt-install",
  "virt-host-validate": "libvirt-client",
  "virt-xml-validate": "libvirt-client",
  "libvirtd": "libvirt-daemon libvirt-daemon-driver-qemu",
  "libvirt-service": "libvirt-daemon libvirt-daemon-driver-qemu",
  "xmllint": "libxml2",
  "python3": "python3",
  "faketime": "libfaketime",
};

const DISTRIBUTIONS: readonly Distribution[] = [
  DEBIAN,
  {
    family: "fedora",
    ids: ["fedora", "rhel", "centos"],
    install: "dnf install -y",
    packages: {
      ...ELSEWHERE,
      "qemu-system-x86_64": "qemu-system-x86-core",
      "firmware": "edk2-ovmf",
      "wimlib-imagex": "wimlib-utils",
      "ip": "iproute",
    },
  },
  {
    family: "arch",
    ids: ["arch"],
    install: "pacman -S --needed --noconfirm",
    packages: {
      ...ELSEWHERE,
      "swtpm_setup": "swtpm",
      "firmware": "edk2-ovmf",
      "xorriso": "libisoburn",
      "virsh": "libvirt",
      "virt-host-validate": "libvirt",
      "virt-xml-validate": "libvirt",
      "libvirtd": "libvirt",
      "libvirt-service": "libvirt",
      "genisoimage": "cdrtools",
      "wimlib-imagex": "wimlib",
      "python3": "python",
    },
  },
  {
    family: "suse",
    ids: ["suse", "opensuse"],
    install: "zypper --non-interactive install",
    packages: {
      ...ELSEWHERE,
      "qemu-system-x86_64": "qemu-x86",
      "swtpm_setup": "swtpm",
      "firmware": "qemu-ovmf-x86_64",
      "xmllint": "libxml2-tools",
    },
  },
];

/** The distribution that a text of os-release(5) means; undefined when it is none that is known here. */
export function distributionOf(osRelease: string): Distribution | undefined {
  const ids = distributionIds(osRelease);
  return DISTRIBUTIONS.find((distribution) => distribution.ids.some((id) => ids.includes(id)));
}

/** `ID` and the words of `ID_LIKE`; `opensuse-leap` counts as `opensuse` too. */
function distributionIds(osRelease: string): string[] {
  return [osReleaseValue(osRelease, "ID"), ...osReleaseValue(osRelease, "ID_LIKE").split(" ")]
    .flatMap((id) => id.startsWith("opensuse-") ? [id, "opensuse"] : [id])
    .filter((id) => id !== "");
}

/** A value of os-release(5) without its quotes; empty when it is not there. */
export function osReleaseValue(osRelease: string, key: string): string {
  return new RegExp(`^${key}=["']?([^"'\n]*)["']?$`, "m").exec(osRelease)?.[1] ?? "";
}

/** The packages that bring these, each once, sorted. */
export function packagesFor(distribution: Distribution, needs: readonly Need[]): string[] {
  return [...new Set(needs.flatMap((need) => distribution.packages[need].split(" ")))].sort();
}

/** The command that installs these, to be typed as it stands. */
export function installCommand(distribution: Distribution, needs: readonly Need[], isRoot: boolean): string {
  const sudo = isRoot ? "" : "sudo ";
  const update = distribution.update === undefined ? "" : `${sudo}${distribution.update} && `;
  return `${update}${sudo}${distribution.install} ${packagesFor(distribution, needs).join(" ")}`;
}
