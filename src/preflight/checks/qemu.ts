/** What QEMU can do, asked of it over QMP. */
import { ALLOWED_DEVICES, type AllowedDevice } from "../../qemu/allowed_devices.ts";
import type { Facts } from "../facts.ts";
import { install } from "../remedies.ts";
import { bad, check, pass, skip, warn } from "../types.ts";

/** For a QEMU on a loaded host; it takes 0.1 s. */
const QEMU_LIMIT_MS = 35_000;
const LEAST = { major: 7, minor: 2 } as const;
/** Devices that a guest can do without. */
const OPTIONAL: readonly AllowedDevice[] = ["vhost-user-fs-pci"];

const version = check({
  id: "qemu.version",
  group: "qemu",
  limitMs: QEMU_LIMIT_MS,
  title: "QEMU's version",
  why: "Snapshots, saved states and networks over sockets came with certain versions.",
  judged: "FAIL when QEMU does not answer or is older than 7.2.",
  ask: (facts: Facts) => facts.qemu(),
  judge(qemu, context) {
    const remedy = install(["qemu-system-x86_64"], context);
    if (!qemu.ok) return bad(qemu.error, remedy);
    const { version: { major, minor, micro }, package: name, program } = qemu.value;
    const found = `QEMU ${major}.${minor}.${micro}${name === "" ? "" : ` (${name})`}`;
    const isOld = major < LEAST.major || (major === LEAST.major && minor < LEAST.minor);
    return isOld
      ? bad(
        `${found} is older than ${LEAST.major}.${LEAST.minor}`,
        "upgrade the distribution, or QEMU from its backports",
      )
      : pass(`${found}, ${program}`);
  },
});

const devices = check({
  id: "qemu.devices",
  group: "qemu",
  limitMs: QEMU_LIMIT_MS,
  title: "QEMU's devices",
  why:
    "A guest is made of a fixed set of virtual devices; distributions put some into packages of their own.",
  judged:
    "FAIL when the machine q35, the emulated TPM or a device that guests have is missing; WARN for shared folders.",
  ask: (facts: Facts) => facts.qemu(),
  judge(qemu, context) {
    if (!qemu.ok) return skip(`not asked: ${qemu.error}`);
    const { devices: known, machines, tpmTypes, blockDrivers } = qemu.value;
    const missing: string[] = ALLOWED_DEVICES.filter((device) =>
      !known.includes(device) && !OPTIONAL.includes(device)
    );
    if (!machines.some(({ alias, name }) => alias === "q35" || name === "q35")) {
      missing.unshift("machine q35");
    }
    if (!tpmTypes.includes("emulator")) missing.push("tpmdev emulator");
    if (!blockDrivers.includes("qcow2")) missing.push("block driver qcow2");
    const remedy = context.distribution?.family === "fedora"
      ? install(["qemu-system-x86_64"], context).replace("qemu-system-x86-core", "qemu-system-x86")
      : install(["qemu-system-x86_64"], context);
    if (missing.length > 0) return bad(`this QEMU lacks ${missing.join(", ")}`, remedy);
    const without = OPTIONAL.filter((device) => !known.includes(device));
    return without.length === 0
      ? pass(`all ${ALLOWED_DEVICES.length} devices that guests may have are there`)
      : warn(`this QEMU lacks ${without.join(", ")}: guests can't share folders`, remedy);
  },
});

const backend = check({
  id: "network.backend",
  group: "network",
  blocks: [],
  limitMs: QEMU_LIMIT_MS,
  title: "network over sockets",
  why:
    "A guest's network device is joined to its filter by a socket (`-netdev stream`), without rights on the host.",
  judged: "WARN when QEMU lacks it.",
  ask: (facts: Facts) => facts.qemu(),
  judge(qemu) {
    if (!qemu.ok) return skip(`not asked: ${qemu.error}`);
    return qemu.value.netdevTypes.includes("stream")
      ? pass("QEMU has -netdev stream")
      : warn("QEMU lacks -netdev stream: no guest can be given a network", "install QEMU 7.2 or newer");
  },
});

export const QEMU_CHECKS = [version, devices];
export const NETWORK_CHECKS = [backend];
