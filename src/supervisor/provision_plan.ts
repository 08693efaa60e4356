/** What a provisioning run would do: every file and every command, as text. Nothing is touched, and no secret is shown. */
import type { ProvisionPlanView } from "../actions/views.ts";
import type { VmId } from "../core/ids.ts";
import { fail } from "../core/problem.ts";
import { shellQuote } from "../core/shell.ts";
import { needSwtpm } from "../host/probe.ts";
import type { HostCapabilities } from "../host/capabilities.ts";
import type { Answers } from "../provision/answers.ts";
import { type Step, STEP_TITLES } from "../provision/steps.ts";
import { planGuest } from "../qemu/plan.ts";
import type { GuestFiles } from "../qemu/plan_types.ts";
import { planTpmSetup } from "../tpm/setup.ts";
import { findMediumTool } from "../unattended/build_seed.ts";
import { seedPlan, type SeedStep } from "../unattended/seed_plan.ts";
import type { VmRecord } from "../../registry/types.ts";
import { firmwareFor, formatOf, rightsFor } from "./prepare.ts";
import type { Medium } from "./provision_record.ts";
import type { Supervisor } from "./supervisor.ts";

interface Planned {
  readonly answers: Answers;
  readonly id: VmId;
  readonly record: VmRecord;
  readonly media: readonly Medium[];
  readonly steps: readonly Step[];
}

/** Each step with what it does, in the order in which it does it. Failure `missing` for what this host lacks. */
export async function plannedSteps(s: Supervisor, planned: Planned): Promise<ProvisionPlanView["steps"]> {
  const host = await s.parts.capabilities();
  const does: Readonly<Record<Step, () => Promise<readonly string[]> | readonly string[]>> = {
    media: () => mediaLines(s, planned),
    disk: () => diskLines(s, planned),
    define: () => defineLines(s, planned, host),
    install: async () => [
      ...await startLines(s, planned.record, host),
      ...(planned.answers.type === "windows" ? bootLines(planned) : []),
      ...(planned.answers.network.during_install
        ? [`network on: ${planned.answers.network.profile}, by a gateway that reaches no private address`]
        : []),
      `wait until it shuts itself down, at most ${planned.answers.install.timeout_minutes} minutes; then end QEMU`,
    ],
    detach: () => [
      `take ${Object.keys(planned.record.storage.cdroms ?? {}).join(", ")} out of ${planned.id}'s record`,
      `remove ${s.parts.layout.guest(planned.answers.type, planned.id).provision.folder}`,
    ],
    verify: async () => [
      ...await startLines(s, withoutMedia(planned.record), host),
      "stop, when its agent answers",
    ],
    baseline: () => baselineLines(s, planned),
  };
  const steps = [];
  for (const step of planned.steps) steps.push({ step, title: STEP_TITLES[step], does: await does[step]() });
  return steps;
}

/** Windows' medium asks for a key. */
function bootLines({ id }: Planned): string[] {
  return [
    `present ${id}`,
    "press Enter once a second until it has read more than 64 MiB from its media (they ask for a key)",
    `hide ${id}`,
  ];
}

function withoutMedia(record: VmRecord): VmRecord {
  const { cdroms: _, ...storage } = record.storage;
  return { ...record, storage };
}

async function mediaLines(s: Supervisor, { answers, id, media }: Planned): Promise<string[]> {
  const { seed } = s.parts.layout.guest(answers.type, id).provision;
  const looked = answers.type === "windows"
    ? [
      `look at ${answers.media.windows_iso}: ${answers.windows.edition}, ${answers.windows.language}, 23H2 or later`,
      `look at ${answers.media.virtio_iso}: drivers and agent for Windows 11`,
    ]
    : [];
  const brought = media.flatMap(({ from, path, sha256 }) => [
    ...(sha256 === undefined ? [] : [`check the SHA-256 of ${from ?? `${s.parts.root}/${path}`}`]),
    ...(from === undefined ? [] : [`copy ${from} to ${s.parts.root}/${path}`]),
  ]);
  const { name } = await findMediumTool();
  return [...looked, ...brought, ...seedPlan(answers, { id, out: seed, tool: name }).flatMap(seedLines)];
}

function seedLines(step: SeedStep): string[] {
  switch (step.kind) {
    case "read":
      return [`read ${step.path} (${step.why})`];
    case "ask":
      return [`ask for ${step.what}`];
    case "run":
      return [commandLine(step.argv)];
    case "write":
      return [
        `write ${step.path}, mode ${step.mode}`,
        ...step.text.trimEnd().split("\n").map((line) => `| ${line}`),
      ];
    case "move":
      return [`move ${step.from} to ${step.to}`];
    case "remove":
      return [`remove ${step.path}`];
  }
}

function diskLines(s: Supervisor, { answers, record }: Planned): string[] {
  const disk = `${s.parts.root}/${record.storage.disks["root"] ?? ""}`;
  if (answers.type === "windows") {
    return [commandLine(["qemu-img", "create", "-f", "qcow2", disk, String(answers.disk.size)])];
  }
  const { image, image_format, image_sha256, size } = answers.disk;
  return [
    ...(image_sha256 === undefined ? [] : [`check the SHA-256 of ${image}`]),
    commandLine(["qemu-img", "convert", "-f", image_format, "-O", "qcow2", image, disk]),
    ...(size === undefined ? [] : [commandLine(["qemu-img", "resize", "-f", "qcow2", disk, String(size)])]),
  ];
}

async function defineLines(s: Supervisor, { record }: Planned, host: HostCapabilities): Promise<string[]> {
  const { root, layout } = s.parts;
  const firmware = await firmwareFor(record, host);
  const lines: string[] = [];
  if (firmware && record.storage.ovmf_vars !== undefined) {
    const { path, format } = firmware.varsTemplate;
    const to = `${root}/${record.storage.ovmf_vars}`;
    lines.push(commandLine(["qemu-img", "convert", "-f", format, "-O", "qcow2", path, to]));
  }
  if (record.devices.tpm?.enabled && record.storage.tpm_state !== undefined) {
    const { files, command } = planTpmSetup(needSwtpm(host), {
      stateDir: `${root}/${record.storage.tpm_state}`,
      authorityDir: layout.tpmAuthority,
    });
    lines.push(...Object.keys(files).map((path) => `write ${path}, mode 0600`));
    lines.push(commandLine([command.program, ...command.args]));
  }
  return [...lines, `enter ${record.id} into ${layout.registryFile}`];
}

/** The command lines of a guest whose files are not there yet. */
async function startLines(s: Supervisor, record: VmRecord, host: HostCapabilities): Promise<string[]> {
  const { root, layout } = s.parts;
  const { storage, devices } = record;
  const { qmp, agent, serial, tpm } = layout.runtime(record.id);
  const hasTpm = devices.tpm?.enabled === true && storage.tpm_state !== undefined;
  const files: GuestFiles = {
    disks: Object.entries(storage.disks)
      .map(([name, path]) => ({ name, path: `${root}/${path}`, format: formatOf(path), backing: [] })),
    cdroms: Object.entries(storage.cdroms ?? {}).map(([name, path]) => ({ name, path: `${root}/${path}` })),
    ...(storage.ovmf_vars === undefined ? {} : { ovmfVars: `${root}/${storage.ovmf_vars}` }),
    ...(hasTpm ? { tpmState: `${root}/${storage.tpm_state}` } : {}),
    sockets: { qmp, agent, serial, ...(hasTpm ? { tpm } : {}) },
    swtpmLog: layout.guest(record.type, record.id).swtpmLog,
  };
  const rights = rightsFor(s, record);
  const planned = planGuest({
    record,
    rights,
    host,
    firmware: await firmwareFor(record, host),
    files,
    // Whether that is allowed at all is said apart.
    clamp: {
      vcpu: Math.min(devices.vcpu, rights.maxVcpu),
      memoryMib: Math.min(devices.memory_mb, rights.maxMemoryMib),
    },
  });
  if (!planned.ok) fail(planned.error.code, planned.error.message, planned.error);
  const { swtpm, qemu } = planned.value;
  return [swtpm, qemu].flatMap((line) => line ? [commandLine([line.program, ...line.args])] : []);
}

function baselineLines(s: Supervisor, { answers, id, record }: Planned): string[] {
  const { root, layout } = s.parts;
  const to = `${layout.guest(answers.type, id).snapshots}/${answers.baseline.name}`;
  const { disks, ovmf_vars, tpm_state } = record.storage;
  const images = [...Object.values(disks), ...(ovmf_vars === undefined ? [] : [ovmf_vars])];
  return [
    ...images.map((path) => {
      const format = formatOf(path);
      return commandLine(["qemu-img", "convert", "-f", format, "-O", format, `${root}/${path}`, `${to}/...`]);
    }),
    ...(record.devices.tpm?.enabled && tpm_state !== undefined
      ? [`copy ${root}/${tpm_state} to ${to}/tpm`]
      : []),
    `write ${to}/manifest.json, mode 0600`,
  ];
}

function commandLine(argv: readonly string[]): string {
  return argv.map(shellQuote).join(" ");
}
