/** The guests of the suite, and the policies that they live under. */
import { dirname } from "../../src/core/file_names.ts";
import { MIB } from "../../src/core/units.ts";
import { counterSector } from "../guest/counter_sector.ts";
import { writerSector } from "../guest/writer_sector.ts";
import { tool } from "./tools.ts";

/** Policies that are taken in turn; neither takes anything from a guest of this world. */
export const POLICIES: readonly string[] = [4096, 8192].map((memMib) =>
  `version = 0
[limits]
cpu_percent = 100
mem_mib = ${memMib}
max_running = 12
[logging]
keep_files = 6
max_file_mib = 1
[linux]
enabled = true
[linux.limits]
cpus = 2
mem_mib = 512
[linux.devices]
input = true
[windows]
enabled = true
[windows.limits]
cpus = 2
mem_mib = 512
[windows.devices]
vtpm = true
[profiles.default-linux]
kind = "linux"
present = true
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 10
secure_boot = "allowed"
tpm = "allowed"
snapshots = { suspend = true }
[profiles.again]
kind = "linux"
max_vcpu = 1
max_memory_mb = 64
cpu_percent = 10
secure_boot = "allowed"
restart = "on-crash"
max_restarts = 2
snapshots = { suspend = true }
[profiles.small-windows]
kind = "windows"
present = true
max_vcpu = 2
max_memory_mb = 512
cpu_percent = 20
secure_boot = "required"
tpm = "required"
allow_below_minimum = true
snapshots = { suspend = true }
`
);

export interface GuestSpec {
  readonly id: string;
  readonly kind: "linux" | "windows";
  readonly tpm: boolean;
  /** Images, relative to the data root, that `qemu-img check` knows. */
  readonly images: readonly string[];
  /** It counts on its console for as long as it runs. */
  readonly counts: boolean;
  readonly definition: Readonly<Record<string, unknown>>;
  /** Its disk is only written to for the first time once: it is prepared again whenever it rests. */
  readonly wearsOut?: boolean;
  /** Makes what must be there before it is defined. */
  prepare?(root: string): Promise<void>;
}

/** The guests, the most telling ones first. */
export const GUESTS: readonly GuestSpec[] = [
  counter("count", {}),
  { ...uefi("tpm", { tpm: true }), tpm: true },
  writer("write"),
  counter("again", { profile: "again" }),
  { ...uefi("uefi", { tpm: true }), tpm: true },
  {
    ...uefi("win", { type: "windows", memory_mib: 256, vcpu: 1, profile: "small-windows" }),
    kind: "windows",
    tpm: true,
    images: ["vm/windows/win/disk.qcow2", "vm/windows/win/ovmf_vars.qcow2"],
  },
];

/** Firmware that finds nothing to start. */
function uefi(id: string, more: Record<string, unknown>): GuestSpec {
  return {
    id,
    kind: "linux",
    tpm: false,
    counts: false,
    images: [`vm/linux/${id}/disk.qcow2`, `vm/linux/${id}/ovmf_vars.qcow2`],
    definition: { definition: { id, type: "linux", memory_mib: 64, disk: { bytes: MIB }, ...more } },
  };
}

/** A boot sector that counts, so that whoever reads its console sees whether its memory is still the same. */
function counter(id: string, more: BiosOptions): GuestSpec {
  const spec = bios(id, `vm/linux/${id}/disk.raw`, more);
  return {
    ...spec,
    counts: true,
    prepare: (root) => writeDisk(`${root}/${spec.disk}`, counterSector(), MIB),
  };
}

/** A boot sector that writes over its disk again and again. */
function writer(id: string): GuestSpec {
  const spec = bios(id, `vm/linux/${id}/disk.qcow2`, {});
  return {
    ...spec,
    images: [spec.disk],
    wearsOut: true,
    async prepare(root) {
      const raw = `${root}/vm/linux/${id}/raw`;
      await writeDisk(raw, writerSector(WRITER_BYTES), WRITER_BYTES);
      await tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, `${root}/${spec.disk}`);
      await Deno.remove(raw);
      await Deno.chmod(`${root}/${spec.disk}`, 0o600);
    },
  };
}

const WRITER_BYTES = 48 * MIB;

interface BiosOptions {
  readonly tpm?: boolean;
  readonly profile?: string;
}

function bios(id: string, disk: string, { tpm, profile }: BiosOptions): GuestSpec & { disk: string } {
  const record = {
    id,
    name: id,
    type: "linux",
    state: "stopped",
    storage: { disks: { root: disk }, ...(tpm ? { tpm_state: `vm/linux/${id}/tpm` } : {}) },
    devices: {
      vcpu: 1,
      memory_mb: 64,
      network: { enabled: false },
      ...(tpm ? { tpm: { enabled: true } } : {}),
    },
    policy_profile: profile ?? "default-linux",
  };
  return { id, kind: "linux", tpm: false, counts: false, images: [], disk, definition: { record } };
}

async function writeDisk(path: string, sector: Uint8Array, bytes: number): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await Deno.writeFile(path, new Uint8Array(sector), { mode: 0o600 });
  await Deno.truncate(path, bytes);
}
