/** The supervisor's figures as a page of metrics. */
import type { GuestFigures, LiveSample } from "../actions/live_views.ts";
import { GUEST_STATES } from "../lifecycle/states.ts";
import { MIB } from "../core/units.ts";
import { MetricsPage } from "../metrics/text.ts";
import { ownUsage } from "../ports/own_usage.ts";
import { revisionOf } from "./policy_source.ts";
import { sumsInForce } from "./sums.ts";
import type { Supervisor } from "./supervisor.ts";

/** Prometheus' text. */
export async function metricsText(s: Supervisor): Promise<string> {
  const sample = await s.sampler.now();
  const page = new MetricsPage();
  addSupervisor(page, s);
  addSums(page, s, sample);
  for (const figures of sample.guests) addGuest(page, s, figures);
  return page.text();
}

function addSupervisor(page: MetricsPage, s: Supervisor): void {
  const { counters, parts } = s;
  const { cpuSeconds, rssBytes } = ownUsage();
  page.add("rayvisor_up", 1, {});
  page.add("rayvisor_build_info", 1, { version: parts.version });
  page.add("rayvisor_start_time_seconds", s.startedAt / 1000, {});
  page.add("rayvisor_safe_mode", s.safeMode !== null, {});
  page.add("rayvisor_policy_info", 1, { revision: revisionOf(s.policy) });
  page.add("rayvisor_supervisor_cpu_seconds_total", cpuSeconds, {});
  page.add("rayvisor_supervisor_resident_bytes", rssBytes, {});
  page.add("rayvisor_audit_sequence", parts.log.head.seq, {});
  page.add("rayvisor_audit_available", parts.log.unavailableSince === undefined, {});
  for (const [event, count] of counters.events) page.add("rayvisor_events_total", count, { event });
  page.histogram("rayvisor_event_delay_seconds", counters.delays);
  for (const [action, outcomes] of counters.requests) {
    for (const [outcome, count] of outcomes) {
      page.add("rayvisor_api_requests_total", count, { action, outcome });
    }
  }
  page.add("rayvisor_api_refused_total", counters.refused.requests, { limit: "requests" });
  page.add("rayvisor_api_refused_total", counters.refused.streams, { limit: "streams" });
  page.add("rayvisor_api_streams", counters.streams, {});
}

function addSums(page: MetricsPage, s: Supervisor, sample: LiveSample): void {
  const sums = sumsInForce(s);
  for (const state of GUEST_STATES) {
    page.add("rayvisor_guests", sample.guests.filter((guest) => guest.state === state).length, { state });
  }
  const bytes = (mib: number | null) => mib === null ? null : mib * MIB;
  page.add("rayvisor_running_guests", sums.running, {});
  page.add("rayvisor_running_guests_limit", sums.max_running, {});
  page.add("rayvisor_running_vcpus", sums.vcpus, {});
  page.add("rayvisor_running_memory_bytes", bytes(sums.memory_mib), {});
  page.add("rayvisor_running_memory_limit_bytes", bytes(sums.memory_limit_mib), {});
  page.add("rayvisor_running_cpu_percent", sums.cpu_percent, {});
  page.add("rayvisor_running_cpu_limit_percent", sums.cpu_limit_percent, {});
}

function addGuest(page: MetricsPage, s: Supervisor, figures: GuestFigures): void {
  const vm = figures.id, of = { vm };
  const guest = s.guests.get(vm);
  page.add("rayvisor_guest_info", 1, {
    vm,
    kind: guest?.kind ?? "unknown",
    profile: guest?.record?.policy_profile ?? "unknown",
    accelerator: guest?.run?.accelerator ?? "none",
  });
  page.add("rayvisor_guest_state", 1, { vm, state: figures.state });
  page.add("rayvisor_guest_ready", figures.ready, of);
  page.add("rayvisor_guest_presented", figures.presented, of);
  page.add("rayvisor_guest_vcpus", figures.vcpus, of);
  page.add("rayvisor_guest_cpu_seconds_total", figures.cpu?.seconds, of);
  page.add("rayvisor_guest_vcpu_seconds_total", figures.cpu?.vcpu_seconds, of);
  const { assigned_mib, inside, rss_mib } = figures.memory;
  page.add("rayvisor_guest_memory_assigned_bytes", assigned_mib === null ? null : assigned_mib * MIB, of);
  page.add("rayvisor_guest_memory_available_bytes", inside ? inside.available_mib * MIB : null, of);
  page.add("rayvisor_guest_memory_resident_bytes", rss_mib === null ? null : rss_mib * MIB, of);
  for (const block of figures.block ?? []) {
    const node = { vm, node: block.node };
    page.add("rayvisor_guest_block_read_bytes_total", block.read_bytes, node);
    page.add("rayvisor_guest_block_written_bytes_total", block.written_bytes, node);
    page.add("rayvisor_guest_block_read_ops_total", block.read_ops, node);
    page.add("rayvisor_guest_block_write_ops_total", block.write_ops, node);
  }
  for (const { card, rx_bytes, tx_bytes, rx_packets, tx_packets } of figures.network ?? []) {
    page.add("rayvisor_guest_network_receive_bytes_total", rx_bytes, { vm, card });
    page.add("rayvisor_guest_network_transmit_bytes_total", tx_bytes, { vm, card });
    page.add("rayvisor_guest_network_receive_packets_total", rx_packets, { vm, card });
    page.add("rayvisor_guest_network_transmit_packets_total", tx_packets, { vm, card });
  }
  if (assigned_mib !== null) page.add("rayvisor_guest_figures_stale", figures.stale, of);
  page.add("rayvisor_guest_figures_age_seconds", figures.age_ms === null ? null : figures.age_ms / 1000, of);
  const life = s.counters.life(vm);
  page.add("rayvisor_guest_starts_total", life.starts, of);
  page.add("rayvisor_guest_stops_total", life.stops, of);
  page.add("rayvisor_guest_crashes_total", life.crashes, of);
  page.add("rayvisor_guest_restarts_total", life.restarts, of);
}
