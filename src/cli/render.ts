/** Views as text for people. */
import type { FirmwareView, GuestDetail, GuestView, StatusView, StorageView } from "../actions/views.ts";
import type { AuditRecord } from "../audit/record.ts";
import type { LoggedEvent } from "../audit/log.ts";
import { formatField } from "../audit/line.ts";
import { isObject, type Json, type JsonObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { formatBytes, formatDuration, MIB } from "../core/units.ts";
import { type Output, type Style, table } from "./output.ts";

const STATE_STYLE: Readonly<Record<string, Style>> = {
  running: "green",
  paused: "yellow",
  starting: "cyan",
  stopping: "cyan",
  suspending: "cyan",
  resuming: "cyan",
  suspended: "yellow",
  crashed: "red",
  broken: "red",
  stopped: "dim",
};

export function renderGuests(output: Output, guests: readonly GuestView[], now: number): string {
  if (guests.length === 0) return "no guests; make one with `rayvisor vm define`";
  const head = [
    "ID",
    "KIND",
    "STATE",
    "READY",
    "PRESENTED",
    "NETWORK",
    "VCPU",
    "MEMORY",
    "ACCEL",
    "UP",
    "PROBLEM",
  ]
    .map((title) => output.style("dim", title));
  return table([
    head,
    ...guests.map((guest) => [
      guest.id,
      guest.kind ?? "?",
      output.style(STATE_STYLE[guest.state] ?? "bold", guest.state),
      guest.ready ? "yes" : "-",
      guest.presented ? "yes" : "-",
      guest.network,
      guest.vcpu === null ? "?" : String(guest.vcpu),
      guest.memory_mib === null ? "?" : formatBytes(guest.memory_mib * MIB),
      guest.accelerator ?? "-",
      guest.started_at === null ? "-" : formatDuration(now - Date.parse(guest.started_at)),
      sanitizeLine(guest.problem ?? "-", 80),
    ]),
  ]);
}

export function renderStatus(output: Output, status: StatusView, now: number): string {
  const { supervisor, policy, host, sums, audit } = status;
  const lines = [
    `supervisor  pid ${supervisor.pid}, up ${
      formatDuration(now - Date.parse(supervisor.started_at))
    }, root ${supervisor.root}`,
    policy.safe_mode
      ? output.style("red", `policy      SAFE MODE: ${policy.problem?.message ?? "no policy"}`)
      : `policy      revision ${policy.revision.slice(0, 12)}${
        policy.signed_by === null ? "" : `, signed by key ${policy.signed_by.slice(0, 16)}`
      }`,
    `host        ${host.cpus} CPUs, ${formatBytes(host.memory_mib * MIB)}, ${
      host.accelerator?.toUpperCase() ?? "accelerator"
    } (${host.accelerator_why})`,
    `guests      ${sums.running} running${
      sums.max_running === null ? "" : ` of at most ${sums.max_running}`
    }, ` +
    `${sums.vcpus} vCPUs, ${formatBytes(sums.memory_mib * MIB)}` +
    (sums.memory_limit_mib === null ? "" : ` of at most ${formatBytes(sums.memory_limit_mib * MIB)}`) +
    `, ${sums.cpu_percent} % of the processors` +
    (sums.cpu_limit_percent === null ? "" : ` of at most ${sums.cpu_limit_percent} %`),
    renderEnforcement(output, status.enforcement),
    audit.unavailable_since === null ? `audit       record ${audit.seq}` : output.style(
      "red",
      `audit       CAN'T BE WRITTEN since ${audit.unavailable_since}: changes are refused`,
    ),
    `presented   ${status.presented ?? "none"}`,
    ...status.storage.filter(({ level }) => level !== "ok").map((place) => renderStorage(output, place)),
    "",
    renderGuests(output, status.guests, now),
  ];
  return lines.join("\n");
}

function renderStorage(output: Output, { path, level, short_of, ...room }: StorageView): string {
  const left = short_of === "inodes" ? `${room.free_inodes} inodes` : formatBytes(room.free_mib * MIB);
  const of = short_of === "inodes" ? "" : ` of ${formatBytes(room.total_mib * MIB)}`;
  const text = `storage     ${level === "full" ? "FULL" : "low"}: ${left}${of} free on ${path}`;
  return output.style(level === "full" ? "red" : "yellow", text);
}

function renderEnforcement(
  output: Output,
  { mode, controllers, missing, why }: StatusView["enforcement"],
): string {
  if (mode === "none") {
    return output.style("yellow", `limits      not enforced by the kernel: ${sanitizeLine(why, 400)}`);
  }
  const without = missing.map((one) => `; not ${one.controller}: ${sanitizeLine(one.why, 200)}`).join("");
  return `limits      ${controllers.join(", ")} by cgroup ${mode}${without}`;
}

export function renderGuest(output: Output, guest: GuestDetail, now: number): string {
  const lines = [
    renderGuests(output, [guest], now),
    ...guest.notes.map((note) => `note: ${sanitizeLine(note, 200)}`),
    ...(guest.crash_report === null ? [] : [`last crash report: ${guest.crash_report}`]),
  ];
  const live = guest.live;
  if (live) {
    lines.push("", output.style("bold", "live"));
    if (live.vcpus) {
      lines.push(`  vCPUs   ${live.vcpus.length} (threads ${live.vcpus.map((v) => v.thread_id).join(", ")})`);
    }
    if (live.memory) {
      const { assigned_mib, guest_free_mib, guest_total_mib, guest_age_s } = live.memory;
      const inside = guest_free_mib === undefined
        ? ""
        : `, ${guest_free_mib} of ${guest_total_mib} MiB free inside, ${guest_age_s} s ago`;
      lines.push(`  memory  ${assigned_mib} MiB${inside}`);
    }
    for (const node of live.block?.filter((node) => node.read_ops + node.write_ops > 0) ?? []) {
      lines.push(
        `  block   ${node.node}: read ${formatBytes(node.read_bytes)} in ${node.read_ops}, ` +
          `written ${formatBytes(node.written_bytes)} in ${node.write_ops}`,
      );
    }
    for (const { card, rx_bytes, rx_packets, tx_bytes, tx_packets } of live.network ?? []) {
      lines.push(
        `  network ${card}: received ${formatBytes(rx_bytes)} in ${rx_packets}, ` +
          `sent ${formatBytes(tx_bytes)} in ${tx_packets}`,
      );
    }
    if (live.tpm?.length) lines.push(`  tpm     ${live.tpm.join(", ")}`);
    for (const [name, value] of Object.entries(live.agent ?? {})) {
      lines.push(`  agent   ${name}: ${sanitizeLine(agentText(value), 200)}`);
    }
    if (live.unanswered.length) {
      lines.push(output.style("yellow", `  no answer: ${live.unanswered.join(", ")}`));
    }
  }
  for (const problem of guest.problems) lines.push(output.style("red", output.renderSingle(problem)));
  if (guest.rights) lines.push("", output.style("bold", "effective rights"), renderRights(guest.rights));
  if (guest.serial_tail.length) {
    lines.push(
      "",
      output.style("bold", "serial console"),
      ...guest.serial_tail.map((line) => `  ${sanitizeLine(line, 160)}`),
    );
  }
  return lines.join("\n");
}

/** What is known about a guest's firmware, for people. */
export function renderFirmware(view: FirmwareView): string {
  const word = (yes: boolean) => yes ? "yes" : "NO";
  return [
    `firmware ran (it counted this boot in its variables): ${word(view.firmware_ran)}`,
    `Secure Boot enforced, keys enrolled: ${word(view.secure_boot_enforced)}`,
    ...view.certificates.map((name) => `  trusts ${name}`),
    `TPM 2.0 answered the firmware: ${word(view.tpm_answered)}${
      view.tpm_recorded ? " (and the firmware wrote it down)" : ""
    }`,
  ].join("\n");
}

/** What an agent said, flat: the members of an object, the items of a list. Still hostile. */
function agentText(value: Json): string {
  if (Array.isArray(value)) return value.map(agentText).join("; ");
  if (isObject(value)) {
    return Object.entries(value as JsonObject).map(([key, member]) => `${key} ${agentText(member)}`).join(
      ", ",
    );
  }
  return String(value);
}

/** Effective rights, one a line, with the layer and line each comes from. */
export function renderRights(rights: NonNullable<GuestDetail["rights"]>): string {
  const sources: Readonly<Record<string, { layer: string; key: string; line?: number }>> = rights.sources;
  return table(
    Object.entries(rights.rights).map(([name, value]) => {
      const source = sources[name];
      const where = source
        ? `${source.layer}: ${source.key}${source.line ? ` (line ${source.line})` : ""}`
        : "";
      return [`  ${name}`, typeof value === "string" ? value : JSON.stringify(value), where];
    }),
  );
}

export function renderEvent(output: Output, event: LoggedEvent): string {
  const style: Style = event.level === "warn" ? "yellow" : event.level === "error" ? "red" : "bold";
  const fields = Object.entries(event.fields).map(([key, value]) => formatField(key, value)).join(" ");
  return `${output.style("dim", event.time)} ${output.style(style, sanitizeLine(event.event))} ${fields}`
    .trimEnd();
}

const PHASE_STYLE: Readonly<Record<string, Style>> = {
  refused: "yellow",
  failed: "red",
  outcome_unknown: "red",
  finished: "green",
};

export function renderRecord(output: Output, record: AuditRecord): string {
  // An allowed request needs no explanation in a list; what was refused or failed says why.
  const reasons = record.phase === "decided"
    ? (record.reasons ?? []).map((reason) => reason.rule).join(", ")
    : (record.reasons ?? []).map((reason) => `${reason.rule}: ${reason.why}`).join("; ");
  return [
    output.style("dim", `${String(record.seq).padStart(5)} ${record.time}`),
    record.action.padEnd(17),
    output.style(PHASE_STYLE[record.phase] ?? "bold", record.phase.padEnd(9)),
    record.vm ?? "-",
    sanitizeLine(reasons, 200),
  ].join(" ").trimEnd();
}
