/**
 * From a registry record, effective rights, host capabilities and confined paths to the command lines of one guest. Pure:
 * the same input gives the same plan, and what can't be given as asked is a problem, never left out.
 */
import { type Problem, problemOf } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { JsonObject } from "../core/json.ts";
import { PLAIN_ENV } from "../ports/processes.ts";
import { checkSocketPath } from "../ports/unix_socket.ts";
import { swtpmCommand } from "../tpm/swtpm.ts";
import { ALLOWED_BLOCK_DRIVERS, isAllowedDevice } from "./allowed_devices.ts";
import { deviceNodes } from "./devices.ts";
import { hypervSwitches } from "./hyperv.ts";
import {
  acceleratorOption,
  actionOption,
  chooseAccelerator,
  chooseCpu,
  guestUuid,
  machineOptions,
  memoryBackend,
  resolveMachine,
  sandboxOption,
} from "./machine.ts";
import { classicOption, type CommandLine, jsonOption } from "./options.ts";
import { type GuestPlan, type GuestPlanInput, type PlanNote, QEMU_IDS } from "./plan_types.ts";
import { checkRequest } from "./plan_checks.ts";
import { flashNodes, storagePlan } from "./storage.ts";

export type * from "./plan_types.ts";

/** The plan of one guest, or the first thing that stands in its way. Never throws on data of its declared types. */
export function planGuest(input: GuestPlanInput): Result<GuestPlan, Problem> {
  try {
    return assemble(input);
  } catch (error) {
    return err(problemOf(error)); // a value that fits no QEMU option, a socket path that is too long
  }
}

function assemble(input: GuestPlanInput): Result<GuestPlan, Problem> {
  const { record, host, files } = input;
  const wrong = checkRequest(input);
  if (wrong) return err(wrong);
  const smm = input.firmware?.requiresSmm ?? false;
  const { accelerator, why } = chooseAccelerator(host, smm);
  if (accelerator === "tcg" && input.rights.requireKvm) {
    return err({
      code: "missing",
      message: `policy requires KVM for ${record.id}, and it can't be used: ${why}`,
      path: "limits.require_kvm",
    });
  }
  const machine = resolveMachine(host.qemu.machines, record.machine ?? "q35");
  if (!machine.ok) return machine;
  if (input.clamp.vcpu > machine.value.maxVcpu) {
    return err({
      code: "usage",
      message:
        `${machine.value.name} has at most ${machine.value.maxVcpu} vCPUs, asked for ${input.clamp.vcpu}`,
      path: "devices.vcpu",
    });
  }
  const cpu = chooseCpu(host, accelerator);
  if (!cpu.ok) return cpu;
  const sandbox = sandboxOption(host.qemu);
  if (!sandbox.ok) return sandbox;
  const action = actionOption(host.qemu, input.rights.onReboot);
  if (!action.ok) return action;
  const storage = storagePlan(files);
  if (!storage.ok) return storage;
  const tpm = tpmPart(input);
  const hyperv = record.type === "windows"
    ? hypervSwitches(accelerator === "kvm" ? host.kvm : { usable: false, smm: false, why })
    : { switches: [], lacking: [] };
  const flash = input.firmware && files.ovmfVars ? flashNodes(input.firmware, files.ovmfVars) : [];
  const uuid = guestUuid(record.id);
  const devices = [...deviceNodes(input), ...storage.value.devices];
  const blockdevs = [...flash, ...storage.value.blockdevs];
  const unfit = outsideAllowList(devices, blockdevs) ?? unknownToQemu(input, devices);
  if (unfit) return err(unfit);

  const args = [
    "-nodefaults",
    "-no-user-config",
    "-name",
    classicOption(undefined, { guest: record.id, "debug-threads": true }),
    "-uuid",
    uuid,
    "-machine",
    classicOption(machine.value.name, {
      ...machineOptions(input, machine.value, smm),
      ...(flash.length > 0 ? { pflash0: QEMU_IDS.code, pflash1: QEMU_IDS.variables } : {}),
    }),
    "-accel",
    acceleratorOption(accelerator),
    "-cpu",
    [cpu.value, ...hyperv.switches].join(","),
    // One socket whatever the count: client editions of Windows use no more than one or two.
    "-smp",
    classicOption(undefined, { cpus: input.clamp.vcpu, sockets: 1, cores: input.clamp.vcpu, threads: 1 }),
    "-m",
    `${input.clamp.memoryMib}M`,
    ...objects(input, machine.value),
    ...globals(smm),
    ...blockdevs.flatMap((node) => ["-blockdev", jsonOption(node)]),
    ...chardevs(input),
    ...tpm.args,
    ...devices.flatMap((node) => ["-device", jsonOption(node)]),
    ...processOptions(input, sandbox.value, action.value),
  ];
  return ok({
    ...(tpm.swtpm ? { swtpm: tpm.swtpm } : {}),
    qemu: { program: host.qemu.program, args, env: PLAIN_ENV },
    machine: machine.value.name,
    cpu: cpu.value,
    accelerator,
    uuid,
    disks: storage.value.disks,
    ...(flash.length > 0 ? { variablesNode: QEMU_IDS.variables } : {}),
    hyperv: hyperv.switches,
    notes: notes(accelerator, why, hyperv.lacking),
  });
}

function objects(input: GuestPlanInput, machine: Parameters<typeof memoryBackend>[0]): string[] {
  const shared = (input.record.devices.shares?.length ?? 0) > 0;
  return [
    "-object",
    jsonOption(memoryBackend(machine, input.clamp.memoryMib, shared)),
    // Built in: needs no device file of the host.
    "-object",
    jsonOption({ "qom-type": "rng-builtin", id: "rng-source" }),
  ];
}

function globals(smm: boolean): string[] {
  return [
    // With it only code in system management mode can write the flash: a guest's kernel can't rewrite Secure Boot's variables.
    ...(smm ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    // Suspend to RAM would wake up through firmware code outside SMM, and saved state doesn't cover it.
    "-global",
    "ICH9-LPC.disable_s3=1",
    // The watchdog that every q35 has in its chipset (TCO; Linux: iTCO_wdt). A strap keeps it from acting up to pc-q35-7.2.
    "-global",
    "ICH9-LPC.noreboot=off",
  ];
}

/**
 * The guest's serial port has no `logfile=`: QEMU would let the guest fill the host's disk with it. The supervisor is
 * the port's one client and must always read, for a client that doesn't stalls the guest; without any, output flows and is lost.
 */
function chardevs(input: GuestPlanInput): string[] {
  const { sockets } = input.files;
  const socket = (id: string, path: string) => {
    checkSocketPath(path);
    return ["-chardev", classicOption("socket", { id, path, server: true, wait: false })];
  };
  return [
    ...socket("chr-qmp", sockets.qmp),
    "-mon",
    classicOption(undefined, { id: QEMU_IDS.qmp, chardev: "chr-qmp", mode: "control" }),
    ...socket("chr-serial", sockets.serial),
    ...socket(QEMU_IDS.agentChardev, sockets.agent),
  ];
}

function tpmPart(input: GuestPlanInput): { args: string[]; swtpm?: CommandLine } {
  const { host, files, record } = input;
  const socket = files.sockets.tpm, stateDir = files.tpmState;
  if (!record.devices.tpm?.enabled || !host.swtpm || socket === undefined || stateDir === undefined) {
    return { args: [] };
  }
  checkSocketPath(socket);
  return {
    args: [
      "-chardev",
      classicOption("socket", { id: "chr-tpm", path: socket }),
      "-tpmdev",
      classicOption("emulator", { id: QEMU_IDS.tpm, chardev: "chr-tpm" }),
    ],
    swtpm: swtpmCommand(host.swtpm, {
      stateDir,
      socket,
      ...(files.swtpmLog === undefined ? {} : { log: files.swtpmLog }),
    }),
  };
}

function processOptions(input: GuestPlanInput, sandbox: string, action: string): string[] {
  return [
    "-display",
    "none",
    // A VNC server without a listener: display-update opens one on a unix socket while the guest is presented.
    "-vnc",
    "none",
    "-rtc",
    classicOption(undefined, {
      base: input.record.type === "windows" ? "localtime" : "utc",
      clock: "host",
      driftfix: "slew",
    }),
    "-boot",
    classicOption(undefined, { menu: false, strict: true }),
    "-action",
    action,
    "-msg",
    "timestamp=on",
    "-sandbox",
    sandbox,
    // The supervisor looks at the guest over QMP before it lets it run.
    "-S",
  ];
}

function notes(accelerator: "kvm" | "tcg", why: string, lacking: readonly string[]): PlanNote[] {
  return [
    ...(accelerator === "tcg"
      ? [
        {
          topic: "accelerator",
          text: `software emulation, about ten times slower than KVM: ${why}`,
        } as const,
      ]
      : []),
    ...(lacking.length > 0
      ? [{ topic: "hyperv", text: `without the Hyper-V enlightenments ${lacking.join(" ")}` } as const]
      : []),
  ];
}

/** A last check of the finished plan, independent of how it was made. */
function outsideAllowList(
  devices: readonly JsonObject[],
  blockdevs: readonly JsonObject[],
): Problem | undefined {
  const device = devices.find((d) => !isAllowedDevice(String(d["driver"])));
  const node = blockdevs.find((b) =>
    !(ALLOWED_BLOCK_DRIVERS as readonly string[]).includes(String(b["driver"]))
  );
  const bad = device ?? node;
  return bad &&
    { code: "internal", message: `the plan holds ${String(bad["driver"])}, which no guest may have` };
}

function unknownToQemu(input: GuestPlanInput, devices: readonly JsonObject[]): Problem | undefined {
  const known = new Set(input.host.qemu.devices);
  const absent = [...new Set(devices.map((d) => String(d["driver"])))].filter((type) => !known.has(type));
  if (absent.length === 0) return undefined;
  return {
    code: "missing",
    message: `this QEMU lacks the device${absent.length > 1 ? "s" : ""} ${absent.join(", ")}`,
    hint: "install the distribution's full QEMU packages (its device modules included)",
  };
}
