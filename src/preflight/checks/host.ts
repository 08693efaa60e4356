/** The machine itself. */
import { shellQuote } from "../../core/shell.ts";
import { parseMeminfo } from "../../host/facts.ts";
import { osReleaseValue } from "../../host/distribution.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import { formatBytes, GIB, MIB } from "../../core/units.ts";
import type { Facts } from "../facts.ts";
import { cpuFlags, cpuModel, swapMib } from "../parse.ts";
import { asRoot } from "../remedies.ts";
import { bad, check, pass, skip, warn } from "../types.ts";

const os = check({
  id: "host.os",
  group: "host",
  title: "operating system",
  why: "Guests are run by QEMU on Linux for x86-64; what to install is named for the distribution.",
  judged: "FAIL on another processor architecture; WARN where the distribution is not known.",
  ask: async (facts: Facts) => ({
    osRelease: await facts.osRelease(),
    kernel: await facts.port.read("/proc/sys/kernel/osrelease"),
    machine: facts.port.machine,
  }),
  judge({ osRelease, kernel, machine }, { distribution }) {
    const name = sanitizeLine(osReleaseValue(osRelease, "PRETTY_NAME") || "an unknown distribution", 100);
    const found = `${name}, Linux ${sanitizeLine((kernel ?? "?").trim(), 60)}, ${machine}`;
    if (machine !== "x86_64") {
      return bad(`${found}: guests are for x86-64`, "use a host with an x86-64 processor");
    }
    return distribution ? pass(found) : warn(
      found,
      "find out what QEMU, swtpm and OVMF are called here: packages are named for Debian, Fedora, Arch and openSUSE",
    );
  },
});

const cpuVirtualization = check({
  id: "host.cpu_virtualization",
  group: "host",
  blocks: [],
  title: "processor virtualization",
  why: "Without VT-x or AMD-V there is no KVM, and guests run about ten times slower.",
  judged: "FAIL when /proc/cpuinfo has neither the flag vmx nor svm.",
  ask: (facts: Facts) => facts.cpuinfo(),
  judge(cpuinfo) {
    const flags = cpuFlags(cpuinfo);
    if (flags.includes("vmx")) return pass("Intel VT-x");
    if (flags.includes("svm")) return pass("AMD-V");
    return flags.includes("hypervisor")
      ? bad(
        "no VT-x or AMD-V: this host is a virtual machine that was not given it",
        "turn nested virtualization on for this machine, where it is run",
      )
      : bad("no VT-x or AMD-V", "turn on VT-x, SVM or virtualization in the machine's firmware setup");
  },
});

const nested = check({
  id: "host.nested",
  group: "host",
  blocks: [],
  title: "real machine",
  why: "In a virtual machine guests are nested: slower, and dependent on what is below.",
  judged: "WARN when the processor says that a hypervisor is below, or is emulated.",
  ask: async (facts: Facts) => {
    const [cpuinfo, vendor, product] = await Promise.all([
      facts.cpuinfo(),
      facts.port.read("/sys/class/dmi/id/sys_vendor"),
      facts.port.read("/sys/class/dmi/id/product_name"),
    ]);
    return { cpuinfo, below: `${vendor?.trim() ?? ""} ${product?.trim() ?? ""}`.trim() };
  },
  judge({ cpuinfo, below }) {
    const where = below === "" ? "" : ` (${sanitizeLine(below, 100)})`;
    if (/^QEMU (TCG|Virtual) CPU/.test(cpuModel(cpuinfo))) {
      return warn(`this host's processor is emulated by QEMU${where}`, "expect everything to be slow");
    }
    return cpuFlags(cpuinfo).includes("hypervisor")
      ? warn(`this host is itself a virtual machine${where}`, "prefer a real machine for lasting work")
      : pass(`no hypervisor below${where}`);
  },
});

const ramTotal = check({
  id: "host.ram_total",
  group: "host",
  title: "memory",
  why: "A guest's memory is the host's, and the host needs some for itself.",
  judged: "FAIL below `--min-total-ram-gib`, WARN below `--recommended-total-ram-gib`.",
  ask: (facts: Facts) => facts.meminfo(),
  judge(meminfo, { options }) {
    const memory = parseMeminfo(meminfo);
    if (!memory) return bad("/proc/meminfo can't be understood", "mount procfs at /proc");
    // What firmware and kernel keep for themselves is missing from the total: a 16 GiB machine shows less.
    const enough = (gib: number) => memory.totalMib >= gib * 1024 * 0.94;
    const { minTotalRamGib: least, recommendedTotalRamGib: good } = options;
    const found = `${formatBytes(memory.totalMib * MIB)} in all`;
    if (!enough(least)) return bad(`${found}, less than ${least} GiB`, "put more memory into the host");
    return enough(good)
      ? pass(found)
      : warn(`${found}, less than the recommended ${good} GiB`, "run few guests at once, or add memory");
  },
});

/** A guest's least memory by kind, MiB: Windows 11's published minimum, and what small distributions ask for. */
export const GUEST_MEMORY_MIB = { windows: 4096, linux: 1024 } as const;

const ramAvailable = check({
  id: "host.ram_available",
  group: "host",
  blocks: [],
  title: "free memory",
  why: "A guest that does not fit into what is free makes the host swap, or is killed.",
  judged: "WARN when less than one guest's least memory and 512 MiB is available.",
  ask: (facts: Facts) => facts.meminfo(),
  judge(meminfo, { options: { profile } }) {
    const memory = parseMeminfo(meminfo);
    if (!memory) return bad("/proc/meminfo can't be understood", "mount procfs at /proc");
    const wanted = GUEST_MEMORY_MIB[profile] + 512;
    const found = `${formatBytes(memory.availableMib * MIB)} available`;
    return memory.availableMib >= wanted ? pass(found) : warn(
      `${found}, and one ${profile} guest needs ${formatBytes(wanted * MIB)}`,
      "stop guests or programs that hold memory before the next start",
    );
  },
});

const swap = check({
  id: "host.swap",
  group: "host",
  blocks: [],
  title: "swap",
  why: "Without swap a short peak of memory ends in killed processes instead of slowness.",
  judged: "WARN without any.",
  ask: (facts: Facts) => facts.meminfo(),
  judge(meminfo, context) {
    const mib = swapMib(meminfo) ?? 0;
    return mib > 0 ? pass(`${formatBytes(mib * MIB)} of swap`) : warn(
      "no swap",
      asRoot("fallocate -l 4G /swapfile", context) + " && " +
        asRoot("chmod 600 /swapfile", context) + " && " + asRoot("mkswap /swapfile", context) + " && " +
        asRoot("swapon /swapfile", context),
    );
  },
});

/** Files whose time of change is a time that has been. */
const PAST_FILES = ["/etc/os-release", "/etc/ld.so.cache", "/var/lib/systemd/timesync/clock"] as const;
const GOOD_SOURCES = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "xen"];

const clock = check({
  id: "host.clock",
  group: "host",
  title: "clock",
  why: "Guests take the host's time; a wrong one makes certificates invalid and the trail misleading.",
  judged: "FAIL when the clock stands before a time that has been; WARN for a slow time source.",
  ask: async (facts: Facts) => {
    const files = [...PAST_FILES, `${facts.options.root}/logs/audit.jsonl`];
    const [source, ...stats] = await Promise.all([
      facts.port.read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
      ...files.map((file) => facts.port.stat(file)),
    ]);
    const known = stats.flatMap((stat) => stat ? [stat.modifiedMs] : []);
    return { now: facts.port.clock.now(), latest: Math.max(0, ...known), source: source?.trim() ?? "" };
  },
  judge({ now, latest, source }, context) {
    const time = new Date(now).toISOString();
    if (now + 60_000 < latest) {
      return bad(
        `the clock says ${time}, and a file was changed at ${new Date(latest).toISOString()}`,
        `${asRoot("timedatectl set-ntp true", context)}, or set the clock by hand`,
      );
    }
    const found = `${time}, source ${sanitizeLine(source || "unknown", 40)}`;
    return source === "" || GOOD_SOURCES.includes(source) ? pass(found) : warn(
      `${found}, which is slow to read`,
      "look into `dmesg` for why the kernel does not trust the processor's own counter (tsc)",
    );
  },
});

const base = check({
  id: "host.command.base",
  group: "host",
  title: "small programs of the system",
  why: "The supervisor reads procfs, writes control groups and signals processes by them.",
  judged: "FAIL when one of cat, grep, tee, kill and test is missing.",
  ask: async (facts: Facts) => {
    const names = ["cat", "grep", "tee", "kill", "test"];
    const found = await Promise.all(names.map((name) => facts.program(name)));
    return names.filter((_, i) => !found[i]?.inPath);
  },
  judge: (missing) =>
    missing.length === 0 ? pass("cat, grep, tee, kill and test are there") : bad(
      `not in PATH: ${missing.join(", ")}`,
      "install coreutils, grep and procps, and have /usr/bin in PATH",
    ),
});

const diskFree = check({
  id: "host.disk_free",
  group: "storage",
  title: "room for disks",
  why: "A guest whose disk can't grow stands still until there is room.",
  judged: "FAIL when less than `--min-free-disk-gib` is free where guests' disks lie.",
  ask: spaceFound,
  judge({ folder, space }, { options }) {
    if (!space) return bad(`${folder}: its file system can't be asked`, "choose another --storage-path");
    const found = `${formatBytes(space.freeBytes)} of ${formatBytes(space.totalBytes)} free at ${folder}`;
    return space.freeBytes >= options.minFreeDiskGib * GIB ? pass(found) : bad(
      `${found}, less than ${options.minFreeDiskGib} GiB`,
      "make room there, or choose another folder with --storage-path",
    );
  },
});

const inodes = check({
  id: "storage.inodes",
  group: "storage",
  title: "free inodes",
  why: "Without inodes no file can be made, however much room there is.",
  judged: "FAIL below 100 free inodes, WARN below 1 percent or 1000.",
  ask: spaceFound,
  judge({ folder, space }) {
    if (!space) return bad(`${folder}: its file system can't be asked`, "choose another --storage-path");
    const { freeInodes: free, totalInodes: total } = space;
    if (total === 0) return skip(`the file system at ${folder} makes inodes as it needs them`);
    const found = `${free} of ${total} inodes free at ${folder}`;
    const remedy = `find what has so many files: du --inodes -x ${shellQuote(folder)} | sort -n | tail`;
    if (free < 100) return bad(found, remedy);
    return free < 1000 || free < total / 100 ? warn(found, remedy) : pass(found);
  },
});

async function spaceFound(facts: Facts) {
  const folder = await facts.storageFolder();
  return { folder, space: await facts.port.space(folder) };
}

export const HOST_CHECKS = [os, cpuVirtualization, nested, ramTotal, ramAvailable, swap, clock, base];
export const STORAGE_CHECKS = [diskFree, inodes];
