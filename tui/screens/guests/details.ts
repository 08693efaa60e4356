/** Everything that is known of one guest, as lines. What guests say is made harmless before it is laid out. Pure. */
import type { FirmwareView, GuestDetail, GuestView, LiveView } from "../../../src/actions/views.ts";
import type { BlockFigures, CardFigures } from "../../../src/actions/live_views.ts";
import { isObject, type Json } from "../../../src/core/json.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { formatBytes, MIB } from "../../../src/core/units.ts";
import type { Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { diskRate, netRate } from "../../rates.ts";
import { shortened } from "../../shorten.ts";
import { clean, wrap } from "../../text.ts";
import { marksOf, type Tone } from "../../theme.ts";
import { localTime } from "../../time.ts";
import { memory, percent, rate, spark, uptime } from "./figures.ts";
import { notesOf } from "./notes.ts";

export type Line = readonly Span[];

/** Cells of what stands before a value. */
const LABEL = 12;

export function titleOf({ id, name }: GuestView): string {
  return name === id ? clean(id, 64) : `${clean(id, 64)}  ${clean(name, 64)}`;
}

/** The lines of `guest`, each at most `width` cells: what is going on first, what it is made of then. */
export function detailLines(model: Model, guest: GuestView, width: number): readonly Line[] {
  const { shown } = model.screens.guests;
  const of = shown?.vm === guest.id ? shown : undefined;
  const page = new Page(width);
  liveSection(page, model, guest);
  noteSection(page, model, guest, (of?.detail?.problems.length ?? 0) > 0);
  if (of?.problem) page.text(`not shown: ${clean(of.problem.message, 400)}`, "warn");
  if (of?.detail) detailSections(page, of.detail, model, of.firmware);
  else if (!of?.problem) page.text("asking ...", "dim");
  return page.lines;
}

/** Cells of a figure that has a picture behind it. */
const FIGURE = 14;

/** Lines that are filled from above. */
class Page {
  readonly lines: Line[] = [];
  constructor(readonly width: number) {}

  section(text: string): void {
    this.lines.push([], [{ text, tone: "strong" }]);
  }

  text(text: string, tone: Tone = "plain"): void {
    for (const line of wrap(text, this.width)) this.lines.push([{ text: line, tone }]);
  }

  /** A figure with its label, and what it was before as a picture. */
  figure(label: string, value: string, picture: string, tone: Tone = "plain"): void {
    this.lines.push([
      { text: label.padEnd(LABEL), tone: "dim" },
      { text: picture === "" ? value : value.padEnd(FIGURE), tone },
      ...(picture === "" ? [] : [{ text: picture, tone: "accent" } as const]),
    ]);
  }

  /** A value with its label; as many lines as it takes. */
  field(label: string, value: string, tone: Tone = "plain"): void {
    const lines = wrap(value, Math.max(10, this.width - LABEL));
    lines.forEach((text, i) =>
      this.lines.push([{ text: (i === 0 ? label : "").padEnd(LABEL), tone: "dim" }, { text, tone }])
    );
  }
}

/** Notes take so many lines; what is longer is read with a key. */
const NOTE_LINES = 2;
const WHOLE = "w: all of it";

/** Problems of the record say the same as a note in full: then they are told (`isTold`) further down. */
function noteSection(page: Page, model: Model, guest: GuestView, isTold: boolean): void {
  const { more } = marksOf(model.prefs);
  const most = model.prefs.screenReader ? Infinity : NOTE_LINES * (page.width - WHOLE.length / 2 - 3);
  for (const { text, tone } of notesOf(model, guest)) {
    if (isTold && tone === "bad") continue;
    const short = text.length <= NOTE_LINES * (page.width - 2) ? text : shortened(text, most);
    page.text(short === text ? text : `${short} ${more} ${WHOLE}`, tone);
  }
}

function liveSection(page: Page, model: Model, guest: GuestView): void {
  const figures = model.figures.get(guest.id);
  const series = model.series.get(guest.id);
  const { bars } = marksOf(model.prefs);
  const tone: Tone = figures?.stale ? "warn" : "plain";
  const kept = Math.min(40, Math.max(0, page.width - LABEL - FIGURE));
  const drawn = (values: readonly number[] | undefined, most: number) =>
    values === undefined || kept < 4 || model.prefs.screenReader
      ? ""
      : spark(values, Math.min(kept, values.length), most, bars);
  page.field(
    "state",
    `${guest.state}${guest.started_at === null ? "" : `, up ${uptime(guest.started_at, model.now)}`}`,
  );
  page.field("kind", `${guest.kind ?? "unknown"}, profile ${clean(guest.policy_profile ?? "unknown", 64)}`);
  page.field("ready", guest.ready ? "yes: its agent answers" : "no");
  page.field("presented", guest.presented ? "yes: it may receive input" : "no");
  page.field("network", clean(guest.network, 64));
  if (guest.pid === null) return;
  const cpu = figures?.cpu?.percent;
  page.figure("cpu", percent(cpu), drawn(series?.cpu, 100 * (guest.vcpu ?? 1)), tone);
  page.field("memory", memory(guest, figures), tone);
  const inside = figures?.memory.inside;
  if (inside) {
    const { available_mib, total_mib, age_s } = inside;
    page.field(
      "  inside",
      `${formatBytes(available_mib * MIB)} free of ${formatBytes(total_mib * MIB)}, ${age_s} s ago`,
    );
  }
  page.figure("disk", rate(diskRate(figures)), drawn(series?.disk, MIB), tone);
  if (guest.network !== "off") page.figure("net", rate(netRate(figures)), drawn(series?.net, MIB));
  page.field("QEMU", `${guest.accelerator?.toUpperCase() ?? "?"}, pid ${guest.pid}`);
  if (guest.started_at !== null) page.field("started", localTime(Date.parse(guest.started_at), model.now));
}

function detailSections(
  page: Page,
  detail: GuestDetail,
  model: Model,
  firmware: FirmwareView | Problem | undefined,
): void {
  for (const problem of detail.problems) page.text(problemText(problem), "bad");
  if (detail.crash_report !== null) page.field("crash", clean(detail.crash_report, 256), "bad");
  if (detail.record) recordSection(page, detail.record);
  const figures = model.figures.get(detail.id);
  if (detail.live) blockSection(page, detail.live, figures?.block ?? []);
  cardSection(page, figures?.network ?? []);
  if (detail.live) liveDetail(page, detail.live);
  if (firmware) firmwareSection(page, firmware);
  if (detail.serial_tail.length > 0) {
    page.section("Serial console, last lines");
    for (const line of detail.serial_tail) page.text(clean(line, 400), "dim");
  }
}

function problemText({ message, path, hint }: Problem): string {
  return clean(
    `${path && !message.includes(path) ? `${path}: ` : ""}${message}${hint ? ` (${hint})` : ""}`,
    800,
  );
}

function recordSection(page: Page, { devices, storage, machine }: NonNullable<GuestDetail["record"]>): void {
  page.section("Devices");
  page.field("machine", clean(machine ?? "not pinned yet", 64));
  page.field("vCPUs", String(devices.vcpu));
  page.field("memory", formatBytes(devices.memory_mb * MIB));
  page.field("TPM", devices.tpm?.enabled ? "2.0" : "none");
  page.field(
    "Secure Boot",
    storage.ovmf_vars === undefined ? "no: BIOS" : devices.secure_boot ? "asked for" : "no",
  );
  page.field(
    "network",
    devices.network.enabled ? `asks for ${clean(devices.network.profile ?? "one", 64)}` : "none asked for",
  );
  for (const { name, path, readonly } of devices.shares ?? []) {
    page.field("share", clean(`${name}: ${path}${readonly ? ", read-only" : ""}`, 400));
  }
  page.section("Disks");
  for (const [name, path] of Object.entries(storage.disks)) page.field(clean(name, 10), clean(path, 400));
  for (const [name, path] of Object.entries(storage.cdroms ?? {})) {
    page.field(clean(name, 10), `${clean(path, 400)}, medium`);
  }
  if (storage.ovmf_vars !== undefined) page.field("variables", clean(storage.ovmf_vars, 400));
}

function blockSection(page: Page, live: LiveView, rates: readonly BlockFigures[]): void {
  const used = live.block?.filter((node) => node.read_ops + node.write_ops > 0) ?? [];
  if (used.length > 0) page.section("Block statistics");
  for (const { node, read_bytes, read_ops, written_bytes, write_ops } of used) {
    const now = rates.find((one) => one.node === node)?.rates;
    page.text(clean(node, 64));
    page.field(
      "  read",
      `${formatBytes(read_bytes)} in ${read_ops}${now ? `, now ${rate(now.read_bytes_per_s)}` : ""}`,
    );
    page.field(
      "  written",
      `${formatBytes(written_bytes)} in ${write_ops}${now ? `, now ${rate(now.written_bytes_per_s)}` : ""}`,
    );
  }
}

function cardSection(page: Page, cards: readonly CardFigures[]): void {
  if (cards.length > 0) page.section("Network statistics");
  for (const { card, rx_bytes, rx_packets, tx_bytes, tx_packets, rates } of cards) {
    page.text(clean(card, 64));
    page.field(
      "  received",
      `${formatBytes(rx_bytes)} in ${rx_packets}${rates ? `, now ${rate(rates.rx_bytes_per_s)}` : ""}`,
    );
    page.field(
      "  sent",
      `${formatBytes(tx_bytes)} in ${tx_packets}${rates ? `, now ${rate(rates.tx_bytes_per_s)}` : ""}`,
    );
  }
}

function liveDetail(page: Page, live: LiveView): void {
  const said = Object.entries(live.agent ?? {});
  if (said.length > 0) page.section("Agent");
  for (const [name, value] of said) page.field(clean(name, 10), clean(flat(value), 400));
  if (live.tpm && live.tpm.length > 0) page.field("TPM", clean(live.tpm.join(", "), 200));
  if (live.unanswered.length > 0) page.text(`no answer: ${clean(live.unanswered.join(", "), 200)}`, "warn");
}

/** What an agent said, in one line. */
function flat(value: Json): string {
  if (Array.isArray(value)) return value.map(flat).join("; ");
  if (isObject(value)) {
    return Object.entries(value).map(([key, one]) => `${key} ${flat(one as Json)}`).join(", "); // members of JSON are JSON
  }
  return String(value);
}

function firmwareSection(page: Page, firmware: FirmwareView | Problem): void {
  page.section("Firmware, proven from outside");
  if (!("firmware_ran" in firmware)) {
    page.text(clean(firmware.message, 400), "warn");
    return;
  }
  const word = (label: string, is: boolean) => page.field(label, is ? "yes" : "NO", is ? "good" : "warn");
  word("it ran", firmware.firmware_ran);
  word("Secure Boot", firmware.secure_boot_enforced);
  word("TPM spoke", firmware.tpm_answered);
  for (const name of firmware.certificates) page.field("trusts", clean(name, 200));
}
