/** The rules, layer by layer. Each looks at one question and says what it denies or narrows; silence lets it pass. */
import { parseRelativePath } from "../src/core/relative_path.ts";
import { formatBytes, MIB } from "../src/core/units.ts";
import { seen } from "../src/core/shape.ts";
import { deviceGroup, isPassthrough } from "./devices.ts";
import type { LoadedPolicy } from "./model.ts";
import { keyText, mostMemoryMib, whereIn } from "./rights.ts";
import { cap, deny, type Finding, type Question, whereOf } from "./finding.ts";
import type { Layer } from "./rules.ts";
import { networkLayer, presentationLayer } from "./layers_gate.ts";
import type { Rights } from "./types.ts";

/** Published minimum of Windows 11 (contract, section 7), and the least that any guest is given. */
const MINIMUM = {
  linux: { vcpu: 1, memoryMib: 64, diskBytes: 0 },
  windows: { vcpu: 2, memoryMib: 4096, diskBytes: 64 * 1024 ** 3 },
} as const;

function kindLayer({ loaded, guest }: Question): readonly Finding[] {
  if (guest.type !== "linux" && guest.type !== "windows") {
    return [deny("unevaluable", `the guest's type is ${seen(guest.type)}`)];
  }
  if (loaded.policy[guest.type].enabled === true) return [];
  const key = `${guest.type}.enabled`;
  return [deny("kind_disabled", `${guest.type} guests are off: ${key} is false`, whereIn(loaded, key))];
}

function triggerLayer(question: Question): readonly Finding[] {
  const { request, guest, rights, loaded } = question;
  if (!rights) return [];
  if (request.trigger === "schedule") {
    if (request.action === "snapshot.create" && rights.snapshots.everyMs !== undefined) return [];
    return [
      deny(
        "schedule_not_allowed",
        `nothing schedules ${request.action} for ${guest.id}`,
        whereOf(question, "snapshots"),
      ),
    ];
  }
  if (request.action !== "vm.start") return [];
  if (request.trigger === "autoboot") {
    if (!rights.autoboot) {
      return [
        deny(
          "autoboot_not_allowed",
          `${guest.type} guests don't start by themselves`,
          whereOf(question, "autoboot"),
        ),
      ];
    }
    if (loaded.policy[guest.type].vm_id === guest.id) return [];
    const key = `${guest.type}.vm_id`;
    return [
      deny("autoboot_not_allowed", `${guest.id} is not the guest that ${key} names`, whereIn(loaded, key)),
    ];
  }
  if (request.trigger !== "recovery") return [];
  if (rights.restart !== "on-crash") {
    return [
      deny("restart_not_allowed", `${guest.id} is not restarted after a crash`, whereOf(question, "restart")),
    ];
  }
  const done = request.restarts;
  if (done !== undefined && done < rights.maxRestarts) return [];
  const why = done === undefined
    ? "how often it was restarted is not known"
    : `it was restarted ${done} times within the last hour; allowed are ${rights.maxRestarts}`;
  return [deny("restart_limit", why, whereOf(question, "maxRestarts"))];
}

function lifecycleLayer(question: Question): readonly Finding[] {
  const { guest, rights } = question;
  if (!rights || rights.onReboot === "reset") return [];
  const why = `a reset ends ${guest.id} instead of booting it again`;
  return [deny("reset_not_allowed", why, whereOf(question, "onReboot"))];
}

function storageLayer({ guest, request }: Question): readonly Finding[] {
  const { disks, ovmf_vars, tpm_state, cdroms } = guest.storage;
  const paths: [string, string | undefined][] = [
    ...Object.entries(disks).map(([name, path]): [string, string] => [`storage.disks.${name}`, path]),
    ["storage.ovmf_vars", ovmf_vars],
    ["storage.tpm_state", tpm_state],
    ...Object.entries(cdroms ?? {}).map(([name, path]): [string, string] => [`storage.cdroms.${name}`, path]),
    ...(guest.devices.shares ?? []).map((
      share,
      i,
    ): [string, string] => [`devices.shares[${i}].path`, share.path]),
  ];
  const findings: Finding[] = [];
  for (const [key, path] of paths) {
    if (path === undefined) continue;
    if (/^\/+(dev|sys|proc)(\/|$)/.test(path)) {
      findings.push(deny("passthrough_denied", `${key} is ${seen(path)}, a device of the host`));
    }
    const relative = parseRelativePath(path);
    if (!relative.ok) findings.push(deny("path_escape", `${key} is ${seen(path)}: ${relative.error}`));
  }
  for (const image of request.images ?? []) {
    if (image.escape !== undefined) {
      findings.push(deny("image_backing_escape", `${seen(image.path)}: ${image.escape}`));
    }
  }
  return findings;
}

function devicesLayer(question: Question): readonly Finding[] {
  const { guest, rights, request } = question;
  if (!rights) return [];
  const findings: Finding[] = [];
  const { tpm, secure_boot, shares } = guest.devices;
  const hasTpm = tpm?.enabled === true;
  if (rights.tpm === "required" && !hasTpm) {
    findings.push(
      deny("vtpm_required", `${guest.id} has no TPM, and one is required`, whereOf(question, "tpm")),
    );
  }
  if (rights.tpm === "denied" && hasTpm) {
    findings.push(
      deny("tpm_denied", `${guest.id} asks for a TPM, and it is denied one`, whereOf(question, "tpm")),
    );
  }
  if (hasTpm && guest.storage.tpm_state === undefined) {
    findings.push(
      deny("vtpm_required", `${guest.id} has a TPM, but no storage.tpm_state to keep its state in`),
    );
  }
  if (rights.secureBoot === "required" && secure_boot !== true) {
    findings.push(
      deny(
        "secure_boot_required",
        `${guest.id} does not ask for Secure Boot, and it is required`,
        whereOf(question, "secureBoot"),
      ),
    );
  }
  if (secure_boot === true && guest.storage.ovmf_vars === undefined) {
    findings.push(
      deny(
        "secure_boot_required",
        `${guest.id} asks for Secure Boot, but has no storage.ovmf_vars to keep its keys in`,
      ),
    );
  }
  for (const share of shares ?? []) {
    const granted = rights.shares.find(({ path }) => path === share.path);
    const where = whereOf(question, "shares");
    if (!granted) {
      findings.push(
        deny("mount_not_allowed", `the folder ${seen(share.path)} may not be shared with ${guest.id}`, where),
      );
    } else if (granted.readonly && share.readonly !== true) {
      findings.push(
        deny("mount_not_allowed", `the folder ${seen(share.path)} may be shared read-only alone`, where),
      );
    }
  }
  for (const model of request.deviceModels ?? []) findings.push(...deviceFindings(question, rights, model));
  return findings;
}

function deviceFindings(question: Question, rights: Rights, model: string): readonly Finding[] {
  if (isPassthrough(model)) {
    return [deny("passthrough_denied", `the device ${seen(model)} belongs to the host`)];
  }
  const group = deviceGroup(model);
  if (group === undefined) {
    return [deny("device_not_allowed", `the device ${seen(model)} is not on the list of virtual devices`)];
  }
  const { guest } = question;
  const refused: Partial<Record<typeof group, keyof Rights | undefined>> = {
    display: rights.gpu === "none" ? "gpu" : undefined,
    input: rights.input ? undefined : "input",
    tpm: rights.tpm === "denied" ? "tpm" : undefined,
    network: rights.networking === "off" ? "networking" : undefined,
    share: rights.shares.length === 0 || (guest.devices.shares ?? []).length === 0 ? "shares" : undefined,
  };
  const right = refused[group];
  return right === undefined ? [] : [
    deny(
      "device_not_allowed",
      `the device ${seen(model)} is not granted to ${guest.id}`,
      whereOf(question, right),
    ),
  ];
}

function capsLayer(question: Question): readonly Finding[] {
  const { guest, rights, request, loaded } = question;
  if (!rights) return [];
  const { vcpu, memory_mb } = guest.devices;
  if (!Number.isSafeInteger(vcpu) || vcpu < 1 || !Number.isSafeInteger(memory_mb) || memory_mb < 1) {
    return [deny("unevaluable", `the guest asks for ${seen(vcpu)} vCPUs and ${seen(memory_mb)} MiB`)];
  }
  const findings: Finding[] = [];
  if (vcpu > rights.maxVcpu) {
    const why = `${guest.id} asks for ${vcpu} vCPUs; allowed are ${rights.maxVcpu}`;
    findings.push(
      cap(question, "vcpu_cap", why, whereOf(question, "maxVcpu"), {
        kind: "clamp_vcpu",
        to: rights.maxVcpu,
      }),
    );
  }
  if (memory_mb > rights.maxMemoryMib) {
    const why = `${guest.id} asks for ${mib(memory_mb)}; allowed are ${mib(rights.maxMemoryMib)}`;
    findings.push(
      cap(question, "memory_cap", why, whereOf(question, "maxMemoryMib"), {
        kind: "clamp_memory",
        toMib: rights.maxMemoryMib,
      }),
    );
  }
  const least = MINIMUM[guest.type];
  const given = { vcpu: Math.min(vcpu, rights.maxVcpu), memoryMib: Math.min(memory_mb, rights.maxMemoryMib) };
  if (!rights.allowBelowMinimum && (given.vcpu < least.vcpu || given.memoryMib < least.memoryMib)) {
    const why =
      `${guest.id} would have ${given.vcpu} vCPUs and ${mib(given.memoryMib)}; a ${guest.type} guest needs ` +
      `${least.vcpu} and ${mib(least.memoryMib)}`;
    findings.push(deny("below_minimum", why, whereOf(question, "allowBelowMinimum")));
  }
  if (
    !rights.allowBelowMinimum && request.diskBytes !== undefined && !(request.diskBytes >= least.diskBytes)
  ) {
    const why =
      `${guest.id} would have a disk of ${formatBytes(request.diskBytes)}; a ${guest.type} guest needs ` +
      formatBytes(least.diskBytes);
    findings.push(deny("below_minimum", why, whereOf(question, "allowBelowMinimum")));
  }
  if (rights.requireKvm && request.facts.kvm !== true && request.action === "vm.start") {
    findings.push(
      deny(
        "kvm_required",
        "KVM does not work on this host, and policy requires it",
        whereIn(loaded, "limits.require_kvm"),
      ),
    );
  }
  if (request.action === "vm.start") findings.push(confinement(loaded));
  return findings;
}

/** What a start owes to `[security]`. */
function confinement({ policy }: LoadedPolicy): Finding {
  return policy.security.confine_processes
    ? { obligation: { kind: "confine" } }
    : { obligation: { kind: "mark_developer", what: "security.confine_processes = false" } };
}

function totalsLayer(question: Question): readonly Finding[] {
  const { guest, rights, request, loaded } = question;
  if (!rights) return [];
  const { running, hostMemoryMib } = request.facts;
  const { limits } = loaded.policy;
  const findings: Finding[] = [];
  if (running.count >= limits.max_running) {
    const why = `${running.count} guests run; allowed are ${limits.max_running}`;
    findings.push(deny("max_running", why, whereIn(loaded, "limits.max_running")));
  }
  const memory = Math.min(guest.devices.memory_mb, rights.maxMemoryMib);
  const mostMemory = mostMemoryMib(limits, hostMemoryMib);
  // Negated, so that a number that is none denies.
  if (!(running.memoryMib + memory <= mostMemory)) {
    const why = `running guests have ${mib(running.memoryMib)}, ${guest.id} would add ${
      mib(memory)
    }; allowed in all are ${mib(mostMemory)}`;
    findings.push(deny("total_memory_cap", why, whereIn(loaded, "limits.mem_mib")));
  }
  const share = rights.cpuReservedPercent;
  const left = limits.cpu_percent - running.cpuPercent;
  if (!(share <= left)) {
    const why =
      `running guests are promised ${running.cpuPercent} percent of the processors, ${guest.id} would add ${share}; ` +
      `allowed in all are ${limits.cpu_percent}`;
    const where = whereIn(loaded, "limits.cpu_percent");
    findings.push(
      left >= 1
        ? cap(question, "total_cpu_cap", why, where, { kind: "clamp_cpu", toPercent: Math.floor(left) })
        : deny("total_cpu_cap", why, where),
    );
  }
  return findings;
}

function agentLayer(question: Question): readonly Finding[] {
  const { guest, rights, request } = question;
  if (!rights) return [];
  const call = request.action === "vm.exec" ? "exec" : request.agentCall;
  if (call === undefined) return [deny("unevaluable", "the request does not say which agent call is meant")];
  if (rights.guestAgent.includes(call)) return [];
  const rule = call === "exec" || call === "files" ? "guest_exec_not_allowed" : "agent_call_not_allowed";
  return [
    deny(
      rule,
      `the agent call ${seen(call)} is not allowed for ${guest.id}`,
      whereOf(question, "guestAgent"),
    ),
  ];
}

function snapshotLayer(question: Question): readonly Finding[] {
  const { guest, rights, request, loaded } = question;
  if (!rights || request.action === "snapshot.delete") return [];
  const where = (key: "live" | "suspend" | "max") =>
    whereIn(loaded, `profiles.${keyText(rights.profile)}.snapshots.${key}`);
  if (request.action === "vm.suspend") {
    return rights.snapshots.suspend
      ? []
      : [deny("suspend_not_allowed", `${guest.id} may not be suspended to disk`, where("suspend"))];
  }
  const findings: Finding[] = [];
  if (request.facts.guestRunning !== false && !rights.snapshots.live) {
    findings.push(
      deny("snapshot_live_not_allowed", `${guest.id} runs, and snapshots.live is false`, where("live")),
    );
  }
  if (request.action !== "snapshot.create") return findings;
  const count = request.snapshot?.count;
  if (count === undefined || !Number.isSafeInteger(count) || count < 0) {
    findings.push(deny("unevaluable", `the number of snapshots is ${seen(count)}`));
  } else if (count >= rights.snapshots.max) {
    findings.push(
      deny(
        "snapshot_limit",
        `${guest.id} has ${count} snapshots; allowed are ${rights.snapshots.max}`,
        where("max"),
      ),
    );
  }
  return findings;
}

function mib(count: number): string {
  return formatBytes(count * MIB);
}

/** One function a layer. `profile` is evaluated with the rights, `mode`, `request` and `default` with the decision itself. */
export const LAYER_RULES: Readonly<Partial<Record<Layer, (question: Question) => readonly Finding[]>>> = {
  kind: kindLayer,
  trigger: triggerLayer,
  lifecycle: lifecycleLayer,
  storage: storageLayer,
  devices: devicesLayer,
  caps: capsLayer,
  totals: totalsLayer,
  network: networkLayer,
  presentation: presentationLayer,
  agent: agentLayer,
  snapshot: snapshotLayer,
};
