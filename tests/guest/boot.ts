/** Boots the test guest with plain QEMU, nothing of the product in between: the reference for what the guest can do. */
import { TextLineStream } from "../../src/core/lines.ts";

export interface BootOptions {
  readonly image: string;
  readonly folder: string;
  readonly secureBoot: boolean;
  readonly memoryMib: number;
  /** Of the image; default raw. */
  readonly format?: "raw" | "qcow2";
  /** Default 1. */
  readonly vcpus?: number;
  /** With a TPM, whose state stays in the folder. */
  readonly tpm?: boolean;
  /** The guest's writes stay in the image; default false: they are thrown away. */
  readonly keepWrites?: boolean;
  /** Image of a medium on the SATA controller. */
  readonly cdrom?: string;
}

export interface BootedGuest {
  /** Reads the serial port up to a line that matches; a failure with all that was read when the guest ended first. */
  waitFor(pattern: RegExp): Promise<string>;
  /** Sends one command to the guest agent, after a sync. Gives the answer, or undefined when the agent hangs up. */
  agent(command: string): Promise<string | undefined>;
  /** Resolves with QEMU's exit code. */
  readonly exited: Promise<number>;
  /** Ends QEMU if it still runs, and lets go of it. */
  close(): Promise<void>;
}

interface Firmware {
  readonly executable: string;
  readonly variables: string;
}

export async function bootGuest(options: BootOptions): Promise<BootedGuest> {
  const firmware = await findFirmware(options.secureBoot);
  await Deno.copyFile(firmware.variables, `${options.folder}/vars.fd`);
  const agentPath = `${options.folder}/agent`;
  if (options.tpm) await startTpm(options.folder);
  const child = new Deno.Command("qemu-system-x86_64", {
    args: qemuArguments(options, firmware, agentPath),
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  const seen: string[] = [];
  return {
    exited: child.status.then((status) => status.code),
    async close() {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended */ }
      await Promise.all([lines.cancel(), child.status]);
    },
    async waitFor(pattern) {
      while (true) {
        const { value, done } = await lines.read();
        if (done) {
          throw new Error(`the guest ended before ${pattern}; its serial port said:\n${seen.join("\n")}`);
        }
        seen.push(value);
        if (pattern.test(value)) return value;
      }
    },
    agent: (command) => askAgent(agentPath, command),
  };
}

function qemuArguments(options: BootOptions, firmware: Firmware, agentPath: string): string[] {
  return [
    ["-machine", "q35,smm=on,vmport=off,accel=tcg"],
    ["-cpu", "max"],
    ["-m", String(options.memoryMib)],
    ["-smp", String(options.vcpus ?? 1)],
    ["-nodefaults"],
    ["-no-user-config"],
    ["-display", "none"],
    ["-global", "driver=cfi.pflash01,property=secure,value=on"],
    ["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${firmware.executable}`],
    ["-drive", `if=pflash,format=raw,unit=1,file=${options.folder}/vars.fd`],
    [
      "-drive",
      `if=none,id=disk0,format=${options.format ?? "raw"},snapshot=${
        options.keepWrites ? "off" : "on"
      },file=${options.image}`,
    ],
    ["-device", "virtio-blk-pci,drive=disk0,bootindex=1"],
    ...options.cdrom === undefined ? [] : [
      ["-drive", `if=none,id=cd0,format=raw,media=cdrom,readonly=on,file=${options.cdrom}`],
      ["-device", "ide-cd,drive=cd0,bus=ide.0,bootindex=2"],
    ],
    ...options.tpm
      ? [
        ["-chardev", `socket,id=tpm,path=${options.folder}/tpm.sock`],
        ["-tpmdev", "emulator,id=tpm0,chardev=tpm"],
        ["-device", "tpm-crb,tpmdev=tpm0"],
      ]
      : [],
    ["-device", "virtio-keyboard-pci"],
    ["-device", "virtio-rng-pci"],
    ["-device", "virtio-serial-pci"],
    ["-chardev", `socket,id=agent,path=${agentPath},server=on,wait=off`],
    ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0,id=agent0"],
    ["-serial", "stdio"],
  ].flat();
}

/** An emulated TPM that listens when this returns, and ends with the QEMU that connects to it. */
async function startTpm(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/tpm`, { recursive: true });
  const { success } = await new Deno.Command("swtpm", {
    args: [
      ...["socket", "--tpm2", "--tpmstate", `dir=${folder}/tpm`],
      ...["--ctrl", `type=unixio,path=${folder}/tpm.sock`, "--terminate", "--daemon"],
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("swtpm did not start");
}

/** From QEMU's firmware descriptors (docs/interop/firmware.json): SMM-protected, with keys enrolled or not. */
async function findFirmware(enrolled: boolean): Promise<Firmware> {
  const folder = "/usr/share/qemu/firmware";
  for (const name of [...Deno.readDirSync(folder)].map((entry) => entry.name).sort()) {
    const text = await Deno.readTextFile(`${folder}/${name}`);
    const descriptor = JSON.parse(text) as { // a file of the host's QEMU, its form is documented
      features: string[];
      mapping: { executable?: { filename: string }; "nvram-template"?: { filename: string } };
      targets: { architecture: string }[];
    };
    const { features, mapping, targets } = descriptor;
    if (!targets.some((target) => target.architecture === "x86_64")) continue;
    if (!features.includes("requires-smm") || features.includes("enrolled-keys") !== enrolled) continue;
    const executable = mapping.executable?.filename, variables = mapping["nvram-template"]?.filename;
    if (executable && variables) return { executable, variables };
  }
  throw new Error(`no x86_64 firmware ${enrolled ? "with" : "without"} enrolled keys in ${folder}`);
}

async function askAgent(path: string, command: string): Promise<string | undefined> {
  using socket = await Deno.connect({ transport: "unix", path });
  const reader = socket.readable.pipeThrough(new TextDecoderStream("latin1")).pipeThrough(
    new TextLineStream(),
  )
    .getReader();
  const writer = socket.writable.getWriter();
  // The byte 0xFF makes the agent forget a half-read line, and comes back before the answer.
  await writer.write(new Uint8Array([0xff]));
  await writer.write(
    new TextEncoder().encode('\n{"execute":"guest-sync-delimited","arguments":{"id":7}}\n' + command + "\n"),
  );
  while (true) {
    const { value, done } = await reader.read();
    if (done) return undefined;
    if (!value.startsWith("\xff")) continue;
    const answer = await reader.read();
    return answer.value;
  }
}
