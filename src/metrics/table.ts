/**
 * The metrics of `/metrics` as one table. What is measured, how it is written and `docs/metrics.md` come from it; the names
 * are stable. Conventions: https://prometheus.io/docs/practices/naming/
 */

interface MetricSpec {
  readonly type: "gauge" | "counter" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

const gauge = <const L extends readonly string[]>(help: string, labels: L) =>
  ({ type: "gauge", labels, help }) as const;
const counter = <const L extends readonly string[]>(help: string, labels: L) =>
  ({ type: "counter", labels, help }) as const;

export const METRICS = {
  rayvisor_up: gauge("1 as long as the supervisor answers", []),
  rayvisor_build_info: gauge("always 1; the version of the supervisor", ["version"]),
  rayvisor_start_time_seconds: gauge("when the supervisor was started, seconds since 1970", []),
  rayvisor_safe_mode: gauge("1 while the policy can't be trusted and nothing may be started or widened", []),
  rayvisor_policy_info: gauge("always 1; the revision of the policy in force", ["revision"]),
  rayvisor_supervisor_cpu_seconds_total: counter("processor time of the supervisor itself", []),
  rayvisor_supervisor_resident_bytes: gauge("memory of the supervisor itself (RSS)", []),
  rayvisor_audit_sequence: gauge("number of the last record of the audit trail", []),
  rayvisor_audit_available: gauge(
    "0 while the audit trail can't be written: changing actions are refused",
    [],
  ),
  rayvisor_events_total: counter("events since the supervisor was started, by the names of markers.md", [
    "event",
  ]),
  rayvisor_event_delay_seconds: {
    type: "histogram",
    labels: [],
    help: "from QEMU's own time of an event until it is on record and on its way to whoever listens",
  },
  rayvisor_api_requests_total: counter(
    "requests to the control API by action and outcome: `ok`, or the code of the problem",
    ["action", "outcome"],
  ),
  rayvisor_api_refused_total: counter("requests that were refused because too many were under way", [
    "limit",
  ]),
  rayvisor_api_streams: gauge("streams that clients follow", []),
  rayvisor_guests: gauge("guests by state, stopped and broken ones included", ["state"]),
  rayvisor_running_guests: gauge("guests that count towards the limits", []),
  rayvisor_running_guests_limit: gauge("most that policy allows; not there without a policy", []),
  rayvisor_running_vcpus: gauge("vCPUs of the guests that run", []),
  rayvisor_running_memory_bytes: gauge("memory assigned to the guests that run", []),
  rayvisor_running_memory_limit_bytes: gauge("most that policy allows; not there without a policy", []),
  rayvisor_running_cpu_percent: gauge("share of the host's processors promised to the guests that run", []),
  rayvisor_running_cpu_limit_percent: gauge("most that policy allows; not there without a policy", []),
  rayvisor_guest_info: gauge("always 1; what a guest is", ["vm", "kind", "profile", "accelerator"]),
  rayvisor_guest_state: gauge("1 for the state that the guest is in; other states are not there", [
    "vm",
    "state",
  ]),
  rayvisor_guest_ready: gauge("1 while the guest agent answers", ["vm"]),
  rayvisor_guest_presented: gauge("1 while the guest is shown to the operator", ["vm"]),
  rayvisor_guest_vcpus: gauge("vCPUs, of the record when it does not run", ["vm"]),
  rayvisor_guest_cpu_seconds_total: counter("processor time of the guest's QEMU with all its threads", [
    "vm",
  ]),
  rayvisor_guest_vcpu_seconds_total: counter("processor time of the guest's vCPUs alone", ["vm"]),
  rayvisor_guest_memory_assigned_bytes: gauge("memory that the guest was given", ["vm"]),
  rayvisor_guest_memory_available_bytes: gauge(
    "memory that is free inside, by the guest's own word; not there without a balloon driver",
    ["vm"],
  ),
  rayvisor_guest_memory_resident_bytes: gauge("what the guest's QEMU takes of the host's memory", ["vm"]),
  rayvisor_guest_block_read_bytes_total: counter("bytes read from a block node", ["vm", "node"]),
  rayvisor_guest_block_written_bytes_total: counter("bytes written to a block node", ["vm", "node"]),
  rayvisor_guest_block_read_ops_total: counter("reads from a block node", ["vm", "node"]),
  rayvisor_guest_block_write_ops_total: counter("writes to a block node", ["vm", "node"]),
  rayvisor_guest_network_receive_bytes_total: counter(
    "bytes of the frames that a network card of the guest received, as its gateway counted them",
    ["vm", "card"],
  ),
  rayvisor_guest_network_transmit_bytes_total: counter("bytes of the frames that the guest sent by it", [
    "vm",
    "card",
  ]),
  rayvisor_guest_network_receive_packets_total: counter("frames that the guest received by it", [
    "vm",
    "card",
  ]),
  rayvisor_guest_network_transmit_packets_total: counter("frames that the guest sent by it", ["vm", "card"]),
  rayvisor_guest_figures_stale: gauge("1 while QEMU does not answer: what it alone knows is old", ["vm"]),
  rayvisor_guest_figures_age_seconds: gauge("age of QEMU's last answer", ["vm"]),
  rayvisor_guest_starts_total: counter("starts that came to run", ["vm"]),
  rayvisor_guest_stops_total: counter("orderly ends", ["vm"]),
  rayvisor_guest_crashes_total: counter("ends that nobody asked for", ["vm"]),
  rayvisor_guest_restarts_total: counter("starts that policy asked for after a crash", ["vm"]),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;

export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]["labels"][number], string>>;

/** The table's row, with the types that all rows share. */
export function metricSpec(name: MetricName): MetricSpec {
  return METRICS[name];
}

export const METRIC_NAMES = Object.keys(METRICS) as MetricName[]; // Object.keys forgets the literal types

/** The table as a page of documentation. */
export function metricsMarkdown(): string {
  const rows = METRIC_NAMES.map((name) => {
    const { type, labels, help } = metricSpec(name);
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${help} |`;
  });
  return [
    "# Metrics",
    "",
    "Generated from `src/metrics/table.ts`; do not edit. `GET /metrics` on the control socket answers in Prometheus' text",
    "format, version 0.0.4:",
    "",
    "```",
    "curl --unix-socket $RAYOS_ROOT/run/rayvisor.sock http://x/metrics",
    "```",
    "",
    "Guests are looked at when the page is asked for, at most once a second, and for no longer than a quarter of a second: a",
    "QEMU that does not answer is shown with its last figures, `rayvisor_guest_figures_stale` at 1. Counters of a guest's",
    "processor time and blocks begin anew with each start of it, those of a network card each time that one is plugged in,",
    "all others with each start of the supervisor. A metric whose value is not known is left out; those of a card are there",
    "as long as it is.",
    "",
    "| metric | type | labels | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
