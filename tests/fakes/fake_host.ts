/** A made-up host for preflight: everything that it says is data that a test may change. */
import { fail } from "../../src/core/problem.ts";
import type { Choice } from "../../src/cgroup/choose.ts";
import type { KvmCapabilities, QemuCapabilities, SwtpmCapabilities } from "../../src/host/capabilities.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { DiskSpace } from "../../src/ports/disk_space.ts";
import type { TargetFacts } from "../../src/ports/paths.ts";
import type { GroupResult } from "../../src/ports/run_group.ts";
import type { FoundProgram, HostPort, MarkedProcess } from "../../src/preflight/host_port.ts";
import type { MediumLook } from "../../src/preflight/medium.ts";
import type { FirmwareDescriptor } from "../../src/qemu/firmware.ts";
import { GOOD_KVM, testHost } from "../../src/qemu/testing.ts";
import { ManualClock } from "./manual_clock.ts";
import { variableStore } from "./variable_store.ts";

const GIB = 1024 ** 3;

/** Mutable on purpose: a test changes what it is about. */
export interface FakeHost {
  uid: number;
  machine: string;
  clock: Pick<Clock, "now" | "monotonic" | "after">;
  /** Texts by path. */
  files: Record<string, string>;
  folders: Record<string, readonly string[]>;
  stats: Record<string, Partial<TargetFacts>>;
  /** What this user may read and write. */
  usable: Set<string>;
  space: DiskSpace | undefined;
  programs: Record<string, FoundProgram>;
  /** Answers of programs by their command line; a program without one ends with 0 and says nothing. */
  answers: Record<string, GroupResult | (() => Promise<GroupResult>)>;
  qemu: QemuCapabilities | string;
  kvm: KvmCapabilities;
  swtpm: SwtpmCapabilities | null;
  /** Response code of a self test, or why there is none. */
  tpm: number | string;
  firmware: readonly FirmwareDescriptor[];
  /** Variable stores by path. */
  stores: Record<string, Uint8Array>;
  groups: Choice;
  marked: readonly MarkedProcess[];
  media: Record<string, MediumLook>;
  hashes: Record<string, string>;
  /** Every program that was run, with its arguments. */
  readonly ran: string[];
}

export const ended = (stdout: string, code = 0, stderr = ""): GroupResult => ({
  kind: "ended",
  code,
  signal: null,
  stdout,
  stderr,
});

const DESCRIPTOR: FirmwareDescriptor = {
  file: "/usr/share/qemu/firmware/40-secure-enrolled.json",
  absent: [],
  document: {
    "interface-types": ["uefi"],
    mapping: {
      device: "flash",
      executable: { filename: "/fw/code.fd", format: "raw" },
      "nvram-template": { filename: "/fw/vars.fd", format: "raw" },
    },
    targets: [{ architecture: "x86_64", machines: ["pc-q35-*"] }],
    features: ["enrolled-keys", "requires-smm", "secure-boot"],
  },
};

/** As `virsh domcapabilities` of libvirt 9.0 says it, cut to what is asked. */
export const DOMAIN_CAPABILITIES = `<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path>
  <os supported='yes'>
    <loader supported='yes'>
      <value>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</value>
      <enum name='type'>
        <value>rom</value>
        <value>pflash</value>
      </enum>
      <enum name='secure'>
        <value>yes</value>
        <value>no</value>
      </enum>
    </loader>
  </os>
  <devices>
    <tpm supported='yes'>
      <enum name='model'>
        <value>tpm-tis</value>
        <value>tpm-crb</value>
      </enum>
      <enum name='backendModel'>
        <value>passthrough</value>
        <value>emulator</value>
      </enum>
      <enum name='backendVersion'>
        <value>1.2</value>
        <value>2.0</value>
      </enum>
    </tpm>
  </devices>
</domainCapabilities>
`;

/** The command lines that libvirt's checks run. */
export const VIRSH = {
  version: "virsh -q -c qemu:///system version",
  network: "virsh -q -c qemu:///system net-info default",
  capabilities: "virsh -q -c qemu:///system domcapabilities --machine q35 --arch x86_64",
} as const;

const PROGRAMS = [
  ...[
    "cat",
    "grep",
    "tee",
    "kill",
    "test",
    "unshare",
    "qemu-system-x86_64",
    "qemu-img",
    "swtpm",
    "swtpm_setup",
  ],
  ...[
    "nft",
    "dnsmasq",
    "bwrap",
    "virsh",
    "virt-install",
    "virt-host-validate",
    "xorriso",
    "genisoimage",
    "openssl",
  ],
];

/** A medium without fault. */
export const mediumOf = (kind: MediumLook["kind"], bytes: number): MediumLook => ({
  ...{ kind, bytes, title: `a ${kind} medium`, problems: [], warnings: [] },
});

/** A machine on which everything is as it should be; its user is alice. */
export function goodHost(): FakeHost {
  const { qemu, swtpm } = testHost();
  const clock = new ManualClock();
  return {
    uid: 1000,
    machine: "x86_64",
    clock,
    files: {
      "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
      "/etc/passwd": "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
      "/etc/group": "root:x:0:\nkvm:x:104:alice\nlibvirt:x:105:alice\n",
      "/proc/sys/kernel/osrelease": "6.1.0-56-amd64\n",
      "/proc/cpuinfo": "processor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu vmx sse\n",
      "/proc/meminfo": "MemTotal: 33554432 kB\nMemAvailable: 30000000 kB\nSwapTotal: 4194304 kB\n",
      "/proc/self/status": "Name:\tcat\nGid:\t1000\t1000\t1000\t1000\nGroups:\t27 104 105 1000 \n",
      "/proc/sys/kernel/seccomp/actions_avail": "kill_process kill_thread trap errno log allow\n",
      "/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
      "/iso/win.iso.sha256": `${"ab".repeat(32)}  win.iso\n`,
      "/iso/virtio.iso.sha256": `SHA256 (virtio.iso) = ${"cd".repeat(32)}\n`,
    },
    folders: { "/sys/module": ["ext4", "kvm", "kvm_intel"] },
    stats: {
      "/dev/kvm": { kind: "other", mode: 0o660, uid: 0, gid: 104 },
      "/var/rayos": { kind: "dir" },
      "/etc/os-release": { modifiedMs: clock.now() - 1_000_000 },
    },
    usable: new Set(["/dev/kvm", "/sys/fs/cgroup/user"]),
    space: { freeBytes: 500 * GIB, totalBytes: 900 * GIB, freeInodes: 5_000_000, totalInodes: 6_000_000 },
    programs: Object.fromEntries(PROGRAMS.map((name) => [name, { path: `/usr/bin/${name}`, inPath: true }])),
    answers: {
      [VIRSH.version]: ended("Using library: libvirt 9.0.0\nRunning hypervisor: QEMU 7.2.22\n"),
      [VIRSH.network]: ended("Name:           default\nActive:         yes\nBridge:         virbr0\n"),
      [VIRSH.capabilities]: ended(DOMAIN_CAPABILITIES),
    },
    qemu,
    kvm: GOOD_KVM,
    swtpm,
    tpm: 0,
    firmware: [DESCRIPTOR],
    stores: {
      "/fw/vars.fd": variableStore({
        keks: ["Microsoft Corporation KEK CA 2011", "Microsoft Corporation KEK 2K CA 2023"],
        db: ["Microsoft Windows Production PCA 2011", "Windows UEFI CA 2023"],
      }),
    },
    groups: {
      mode: "v2",
      folder: "/sys/fs/cgroup/user",
      controllers: ["memory", "cpu", "pids"],
      missing: [],
    },
    marked: [],
    media: {
      "/iso/win.iso": mediumOf("windows", 6 * GIB),
      "/iso/virtio.iso": mediumOf("virtio-win", GIB),
    },
    hashes: { "/iso/win.iso": "ab".repeat(32), "/iso/virtio.iso": "cd".repeat(32) },
    ran: [],
  };
}

export function portOf(host: FakeHost): HostPort {
  const or = <T>(value: T | string) => typeof value === "string" ? fail("missing", value) : value;
  return {
    uid: host.uid,
    machine: host.machine,
    clock: host.clock,
    async run(program, args) {
      const line = [program, ...args].join(" ");
      host.ran.push(line);
      const answer = host.answers[line] ?? ended("");
      return typeof answer === "function" ? await answer() : answer;
    },
    find: (program) => Promise.resolve(host.programs[program]),
    read: (path) => Promise.resolve(host.files[path]),
    list: (folder) => Promise.resolve(host.folders[folder] ?? []),
    stat: (path) => {
      const known = host.stats[path];
      const facts = { kind: "file", size: 0, mode: 0o644, uid: 0, gid: 0, modifiedMs: 0 } as const;
      return Promise.resolve(known && { ...facts, ...known });
    },
    mayUse: (path) => Promise.resolve(host.usable.has(path)),
    space: () => Promise.resolve(host.space),
    env: () => undefined,
    probes: {
      qemu: async () => or(await Promise.resolve(host.qemu)),
      kvm: () => Promise.resolve(host.kvm),
      swtpm: () => Promise.resolve(host.swtpm),
      tpm: async (swtpm) => ({ version: swtpm.version, responseCode: or(await Promise.resolve(host.tpm)) }),
      firmware: () => Promise.resolve(host.firmware),
      variables: async ({ path }) =>
        await Promise.resolve(host.stores[path]) ?? fail("io", `${path} can't be read`),
      groups: () => Promise.resolve(host.groups),
      marked: () => Promise.resolve(host.marked),
      medium: async (path) =>
        await Promise.resolve(host.media[path]) ?? fail("not_found", `there is no file ${path}`),
      sha256: (path, onBytes) => {
        onBytes(1);
        return Promise.resolve(host.hashes[path] ?? "");
      },
    },
  };
}
