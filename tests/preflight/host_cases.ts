/** The machine, KVM, confinement and storage. */
import { type Case, file, outsider, qemu, without } from "./case.ts";
import { ended } from "../fakes/fake_host.ts";
import { NO_KVM } from "../../src/qemu/testing.ts";

export const HOST_CASES: readonly Case[] = [
  {
    ...{ id: "host.os", when: "the processor is an ARM", status: "FAIL" },
    change: (host) => host.machine = "aarch64",
    says: /aarch64: guests are for x86-64/,
  },
  {
    ...{ id: "host.os", when: "the distribution is not known", status: "WARN" },
    change: file("/etc/os-release", "ID=haiku\nPRETTY_NAME=Haiku\n"),
    says: /^Haiku, Linux 6/,
  },
  {
    ...{ id: "host.cpu_virtualization", when: "the firmware has it turned off", status: "FAIL" },
    change: file("/proc/cpuinfo", "flags : fpu sse\n"),
    says: /no VT-x or AMD-V/,
    todo: /firmware setup/,
  },
  {
    ...{ id: "host.cpu_virtualization", when: "it is a virtual machine without", status: "FAIL" },
    change: file("/proc/cpuinfo", "flags : fpu hypervisor\n"),
    says: /virtual machine/,
    todo: /nested virtualization/,
  },
  {
    ...{ id: "host.nested", when: "a hypervisor is below", status: "WARN" },
    change: (host) => {
      host.files["/proc/cpuinfo"] = "flags : fpu vmx hypervisor\n";
      host.files["/sys/class/dmi/id/sys_vendor"] = "Evil\x1b[31mCloud\n";
    },
    says: /itself a virtual machine \(EvilCloud\)/,
  },
  {
    ...{ id: "host.nested", when: "the processor is emulated", status: "WARN" },
    change: file("/proc/cpuinfo", "model name : QEMU TCG CPU version 2.5+\nflags : hypervisor\n"),
    says: /emulated by QEMU/,
  },
  {
    ...{ id: "host.ram_total", when: "there is too little", status: "FAIL" },
    change: file("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n"),
    says: /less than 8 GiB/,
  },
  {
    ...{ id: "host.ram_total", when: "there is less than recommended", status: "WARN" },
    change: () => {},
    wishes: { recommendedTotalRamGib: 64 },
    says: /32 GiB in all, less than the recommended 64 GiB/,
  },
  {
    ...{ id: "host.ram_available", when: "most of it is in use", status: "WARN" },
    change: file("/proc/meminfo", "MemTotal: 33554432 kB\nMemAvailable: 2097152 kB\n"),
    says: /2 GiB available, and one windows guest needs 4.5 GiB/,
  },
  {
    ...{ id: "host.swap", when: "there is none", status: "WARN" },
    change: file("/proc/meminfo", "MemTotal: 1 kB\nMemAvailable: 1 kB\nSwapTotal: 0 kB\n"),
    says: /^no swap$/,
    todo: /sudo swapon \/swapfile$/,
  },
  {
    ...{ id: "host.clock", when: "it stands before a time that has been", status: "FAIL" },
    change: (host) => host.stats["/etc/ld.so.cache"] = { modifiedMs: host.clock.now() + 3_600_000 },
    says: /the clock says 2023.*and a file was changed at 2023/,
  },
  {
    ...{ id: "host.clock", when: "its source is slow", status: "WARN" },
    change: file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
    says: /source hpet/,
  },
  {
    ...{ id: "host.command.base", when: "one is not in PATH", status: "FAIL" },
    change: without("tee"),
    says: /^not in PATH: tee$/,
  },
  {
    ...{ id: "host.leftovers", when: "a data root was removed while its guest runs", status: "WARN" },
    change: (host) => {
      const commandLine = "qemu-system-x86_64 -qmp unix:/tmp/gone/run/g/web/qmp.sock,server=on";
      const lives = "swtpm --ctrl type=unixio,path=/var/rayos/run/g/db/tpm.sock";
      host.marked = [
        { pid: 41, vm: "web", role: "qemu", commandLine },
        { pid: 42, vm: "db", role: "swtpm", commandLine: lives },
      ];
    },
    says: /^processes whose data root is gone: 41 \(qemu of web\)$/,
    todo: /^kill 41$/,
  },
  {
    ...{ id: "host.leftovers", when: "sockets of a guest without a process lie about", status: "WARN" },
    change: (host) => {
      host.folders["/var/rayos/run/g"] = ["db", "web"];
      host.folders["/var/rayos/run/g/web"] = ["qmp.sock", "run.json"];
      host.folders["/var/rayos/run/g/db"] = ["qmp.sock"];
      host.marked = [{ pid: 42, vm: "db", role: "qemu", commandLine: "qemu" }];
    },
    says: /^sockets without a process: \/var\/rayos\/run\/g\/web\/qmp.sock$/,
  },
  {
    ...{ id: "host.dev_kvm", when: "it is not there", status: "FAIL" },
    change: (host) => void delete host.stats["/dev/kvm"],
    says: /not there/,
    todo: /sudo modprobe kvm_intel/,
  },
  {
    ...{ id: "host.dev_kvm", when: "the user may not use it", status: "FAIL" },
    change: (host) => host.usable.delete("/dev/kvm"),
    says: /may not use \/dev\/kvm \(mode 0660, group kvm\)/,
    todo: /^sudo usermod -aG kvm alice, then log out/,
  },
  {
    ...{ id: "host.dev_kvm", when: "it is root's alone", status: "FAIL" },
    change: (host) => {
      host.stats["/dev/kvm"] = { kind: "other", mode: 0o600, uid: 0, gid: 0 };
      host.usable.delete("/dev/kvm");
    },
    says: /mode 0600, group root/,
    todo: /^sudo groupadd -f -r kvm && sudo chown root:kvm \/dev\/kvm && .*usermod -aG kvm alice/,
  },
  {
    ...{ id: "host.kvm_modules", when: "none is loaded", status: "FAIL" },
    change: (host) => host.folders["/sys/module"] = ["ext4"],
    says: /no KVM loaded/,
  },
  {
    ...{ id: "host.kvm_modules", when: "KVM has no hardware behind it", status: "WARN" },
    change: (host) => host.folders["/sys/module"] = ["kvm", "kvm_pvm"],
    says: /kvm, kvm_pvm, but neither/,
  },
  {
    ...{ id: "kvm.proven", when: "no probe guest runs, whatever else says yes", status: "FAIL" },
    change: (host) => host.kvm = { usable: false, smm: false, why: "a probe guest did not run (SIGABRT)" },
    says: /did not run \(SIGABRT\)/,
    todo: /software emulation/,
  },
  {
    ...{ id: "kvm.proven", when: "QEMU is not there", status: "SKIP" },
    change: without("qemu-system-x86_64"),
    says: /not tried: qemu-system-x86_64 is not installed/,
  },
  {
    ...{ id: "kvm.smm", when: "KVM runs guests without it", status: "FAIL" },
    change: (host) => host.kvm.usable && (host.kvm = { ...host.kvm, smm: false, why: "without SMM" }),
    says: /without SMM/,
  },
  {
    ...{ id: "kvm.smm", when: "KVM runs nothing", status: "SKIP" },
    change: (host) => host.kvm = NO_KVM,
    says: /see kvm.proven/,
  },
  {
    ...{ id: "host.group.kvm", when: "the user is not in it and needs it", status: "FAIL" },
    change: (host) => (outsider(host), host.usable.delete("/dev/kvm")),
    says: /alice is not in the group kvm/,
    todo: /usermod -aG kvm alice/,
  },
  {
    ...{ id: "host.group.kvm", when: "the user came in after this login", status: "FAIL" },
    change: (host) => {
      outsider(host);
      host.files["/etc/group"] = "kvm:x:104:bob,alice\n";
      host.usable.delete("/dev/kvm");
    },
    says: /was not at this login/,
    todo: /^log out and in again$/,
  },
  {
    ...{ id: "host.group.kvm", when: "an access list lets the user in anyway", status: "PASS" },
    change: outsider,
    says: /not needed/,
  },
  {
    ...{ id: "confinement.cgroup", when: "there are none", status: "WARN" },
    change: (host) => host.groups = { mode: "none", why: "nothing is mounted" },
    says: /not be enforced: nothing is mounted/,
  },
  {
    ...{ id: "confinement.cgroup", when: "they are not this user's", status: "WARN" },
    change: (host) => host.usable.clear(),
    says: /may not make groups in \/sys\/fs\/cgroup\/user/,
  },
  {
    ...{ id: "confinement.cgroup", when: "a controller is missing", status: "WARN" },
    change: (host) => {
      const missing = [{ controller: "cpu", why: "it is not there" }] as const;
      host.groups = { mode: "v1", folders: { memory: "/sys/fs/cgroup/user" }, missing };
    },
    says: /^cgroup v1, without cpu \(it is not there\)$/,
  },
  {
    ...{ id: "confinement.userns", when: "a switch of the kernel forbids them", status: "WARN" },
    change: (host) => {
      host.answers["unshare --user --map-root-user --net true"] = ended("", 1, "unshare: not permitted\n");
      host.files["/proc/sys/kernel/apparmor_restrict_unprivileged_userns"] = "1\n";
    },
    says: /unshare: not permitted/,
    todo: /^sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0$/,
  },
  {
    ...{ id: "confinement.seccomp", when: "QEMU was built without", status: "FAIL" },
    change: qemu({ options: [] }),
    says: /built without -sandbox/,
  },
  {
    ...{ id: "confinement.seccomp", when: "swtpm was built without", status: "WARN" },
    change: (host) => host.swtpm && (host.swtpm = { ...host.swtpm, features: ["tpm-2.0"] }),
    says: /swtpm was built without filters/,
  },
  {
    ...{ id: "confinement.seccomp", when: "the kernel has none", status: "FAIL" },
    change: file("/proc/sys/kernel/seccomp/actions_avail", undefined),
    says: /kernel has no system call filters/,
  },
  {
    ...{ id: "host.disk_free", when: "the file system is nearly full", status: "FAIL" },
    change: (host) => host.space && (host.space = { ...host.space, freeBytes: 1024 ** 3 }),
    says: /1 GiB of 900 GiB free at \/var\/rayos, less than 64 GiB/,
  },
  {
    ...{ id: "host.disk_free", when: "the file system can't be asked", status: "FAIL" },
    change: (host) => host.space = undefined,
    says: /can't be asked/,
  },
  {
    ...{ id: "storage.inodes", when: "hardly any are left", status: "FAIL" },
    change: (host) => host.space && (host.space = { ...host.space, freeInodes: 7 }),
    says: /^7 of 6000000 inodes free/,
  },
  {
    ...{ id: "storage.inodes", when: "few are left", status: "WARN" },
    change: (host) => host.space && (host.space = { ...host.space, freeInodes: 5000 }),
    says: /^5000 of/,
  },
  {
    ...{ id: "storage.inodes", when: "the file system counts none", status: "SKIP" },
    change: (host) => host.space && (host.space = { ...host.space, freeInodes: 0, totalInodes: 0 }),
    says: /as it needs them/,
  },
];
