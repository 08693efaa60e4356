/** What a medium is, for people. */
import { sanitizeLine } from "../core/sanitize.ts";
import { formatBytes } from "../core/units.ts";
import type { DiscFacts, DiskImage, MediumReport, VirtioMedium, WindowsMedium } from "../media/report.ts";
import { type Output, type Style, table } from "./output.ts";

export function renderMedium(output: Output, report: MediumReport & { readonly sha256?: string }): string {
  const lines = [output.style("bold", sanitizeLine(report.title, 300))];
  const row = (name: string, text: string) => lines.push(`${name.padEnd(14)}${sanitizeLine(text, 400)}`);
  if (report.bytes > 0) row("size", `${formatBytes(report.bytes)} (${report.bytes} bytes)`);
  if (report.sha256 !== undefined) row("SHA-256", report.sha256);
  if ("disc" in report) discRows(report.disc, row);
  switch (report.kind) {
    case "windows":
      lines.push(...windowsLines(report, row));
      break;
    case "virtio-win":
      lines.push(...virtioLines(output, report, row));
      break;
    case "disk-image":
      lines.push(...imageLines(report));
      break;
  }
  const finding = (style: Style, word: string, message: string, hint: string | undefined) => {
    lines.push(`${output.style(style, `${word}:`)} ${sanitizeLine(message, 600)}`);
    if (hint !== undefined) lines.push(`  ${output.style("cyan", "hint:")} ${sanitizeLine(hint, 400)}`);
  };
  for (const { message, hint } of report.problems) finding("red", "problem", message, hint);
  for (const { message, hint } of report.warnings) finding("yellow", "warning", message, hint);
  return lines.join("\n");
}

const IS_23H2: Readonly<Record<WindowsMedium["windows_11_23h2_or_later"], string>> = {
  yes: "yes",
  no: "no",
  some: "some of the editions",
  unsure: "can't be told from the medium",
};

type Row = (name: string, text: string) => void;

function discRows(disc: DiscFacts, row: Row): void {
  if (disc.label !== "") row("label", disc.label);
  row("file systems", `${disc.file_systems.join(", ") || "none readable"}; ${disc.files} files`);
  const boot = disc.boot.filter((image) => image.bootable).map((image) => image.platform);
  row(
    "boots by",
    boot.length === 0 ? "nothing" : [...new Set(boot)].map((one) => one.toUpperCase()).join(", "),
  );
}

function windowsLines(
  { image, editions, windows_11_23h2_or_later: late }: WindowsMedium,
  row: Row,
): string[] {
  if (image) {
    const parts = image.parts > 1 ? `, part ${image.part} of ${image.parts}` : "";
    row("image", `${image.path}, ${formatBytes(image.bytes)}, ${image.compression}${parts}`);
  }
  if (editions.length === 0) return [];
  row("11 23H2+", IS_23H2[late]);
  const rows = editions.map((one) => [
    String(one.index),
    one.name,
    one.build === undefined ? "-" : `${one.build}${one.revision === undefined ? "" : `.${one.revision}`}`,
    one.architecture ?? "-",
    one.languages.join(" ") || "-",
    `${one.servicing_ends ?? "-"}${one.servicing_derived ? " (by rule)" : ""}`,
  ]);
  return ["", table([["INDEX", "EDITION", "BUILD", "ARCH", "LANGUAGES", "SERVICED UNTIL"], ...rows])];
}

function virtioLines(
  output: Output,
  { version, drivers, guest_agent, checked }: VirtioMedium,
  row: Row,
): string[] {
  row("version", version ?? "unknown");
  row("guest agent", guest_agent ? "yes" : "no");
  if (drivers.length === 0) return [];
  const rows = drivers.map((one) => [
    one.name,
    one.purpose,
    one.version ?? "-",
    one.missing.length > 0 ? `without ${one.missing.join(", ")}` : "whole",
    one.catalog.replace("_", " ") + (one.names_microsoft ? ", names Microsoft" : ""),
  ]);
  return [
    "",
    table([["DRIVER", "FOR", "VERSION", "FILES", "CATALOGUE"], ...rows]),
    output.style("dim", `checked: ${checked}`),
  ];
}

function imageLines({ partitions }: DiskImage): string[] {
  if (partitions.length === 0) return [];
  const rows = partitions.map((one) => [formatBytes(one.bytes), one.type, one.name]);
  return ["", table([["SIZE", "TYPE", "NAME"], ...rows])];
}
