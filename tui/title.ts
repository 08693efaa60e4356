/** What the first lines say: pure, by room. */
import { formatBytes, MIB } from "../src/core/units.ts";
import { plainText, type Span } from "./line.ts";
import { type Model, SCREENS } from "./model.ts";
import type { AllScreens } from "./screens/all.ts";
import { widthOf } from "./text.ts";
import { marksOf } from "./theme.ts";

const REVISION_CHARS = 8;
const GAP = "  ";

/** The title, the most important first; what does not fit is left out whole. */
export function titleSpans(model: Model, width: number): Span[] {
  const spans: Span[] = [{ text: "rayvisor", tone: "strong" }];
  let left = width - widthOf(plainText(spans));
  for (const part of titleParts(model)) {
    const cells = GAP.length + widthOf(plainText(part));
    if (cells > left) continue;
    spans.push(GAP, ...part);
    left -= cells;
  }
  return spans;
}

/** By what matters most: connection, presented guest, sums, policy, root. */
function titleParts(model: Model): Span[][] {
  const { status, prefs, root } = model;
  const parts: Span[][] = [[connectionSpan(model)]];
  if (prefs.readOnly) parts.push([{ text: "read-only", tone: "accent" }]);
  if (status !== undefined) {
    const presented = model.guests.find((guest) => guest.presented)?.id;
    const mark = marksOf(prefs).on;
    parts.push([
      presented === undefined
        ? { text: "none presented", tone: "dim" }
        : { text: `${mark} presented ${presented}`, tone: "accent" },
    ]);
    parts.push(...sumParts(model));
    const jobs = model.jobs.length;
    if (jobs > 0) parts.push([{ text: `${jobs} ${jobs === 1 ? "job" : "jobs"} under way`, tone: "accent" }]);
    const { revision } = status.policy;
    parts.push([{ text: `policy ${revision.slice(0, REVISION_CHARS)}`, tone: "dim" }]);
  }
  parts.push([{ text: root, tone: "dim" }]);
  return parts;
}

function sumParts({ status, guests }: Model): Span[][] {
  if (status === undefined) return [];
  const { sums } = status;
  const of = sums.max_running === null ? "" : ` of ${sums.max_running}`;
  const limit = sums.memory_limit_mib === null ? "" : ` of ${formatBytes(sums.memory_limit_mib * MIB)}`;
  return [
    [`${sums.running}${of} running`],
    [`${formatBytes(sums.memory_mib * MIB)}${limit} memory`],
    [`${sums.vcpus} ${sums.vcpus === 1 ? "vCPU" : "vCPUs"}`],
    [{ text: `${guests.length} ${guests.length === 1 ? "guest" : "guests"}`, tone: "dim" }],
  ];
}

function connectionSpan({ connection }: Model): Span {
  switch (connection.kind) {
    case "connecting":
      return { text: "connecting", tone: "warn" };
    case "connected":
      return { text: "connected", tone: "good" };
    case "lost":
      return { text: "NOT CONNECTED", tone: "bad" };
  }
}

/** The screens with their keys; in little room only numbers, and the name of the one that is shown. */
export function tabSpans(model: Model, screens: AllScreens, width: number): Span[] {
  const made = (long: boolean): Span[] =>
    SCREENS.flatMap((id, i): Span[] => {
      const isShown = id === model.screen;
      const name = long || isShown ? ` ${screens[id].title}` : "";
      const text = isShown ? `[${i + 1}${name}]` : ` ${i + 1}${name} `;
      return [{ text, tone: isShown ? "strong" : "dim" }, " "];
    });
  const long = made(true);
  return widthOf(plainText(long)) <= width ? long : made(false);
}

export interface Banner {
  readonly text: string;
  readonly tone: "bad" | "warn";
}

/** What must not be missed. */
export function bannersOf(model: Model): Banner[] {
  const banners: Banner[] = [];
  const { connection, status } = model;
  if (connection.kind === "lost") {
    const seconds = Math.max(0, Math.round((model.now - connection.since) / 1000));
    banners.push({
      tone: "bad",
      text: `NOT CONNECTED for ${seconds} s: ${connection.why}. ` +
        (status === undefined
          ? "Tried again and again; R starts it"
          : "What is shown is that old; R starts it"),
    });
  }
  if (status !== undefined && status.supervisor.version !== model.version) {
    banners.push({
      tone: "warn",
      text: `The supervisor is version ${status.supervisor.version}, this program is ${model.version}: ` +
        "end it and let this one start it; guests run on",
    });
  }
  if (status?.policy.safe_mode) {
    const why = status.policy.problem?.message ?? "the policy can't be trusted";
    banners.push({ tone: "bad", text: `SAFE MODE: nothing is started or widened. ${why}` });
  }
  if (status?.audit.unavailable_since) {
    banners.push({
      tone: "bad",
      text: "AUDIT TRAIL can't be written: whatever changes something is refused",
    });
  }
  for (const storage of status?.storage ?? []) {
    if (storage.level === "ok") continue;
    banners.push({
      tone: "warn",
      text: `${storage.level === "full" ? "NO ROOM" : "LITTLE ROOM"} on ${storage.path}: ` +
        `${formatBytes(storage.free_mib * MIB)} free of ${formatBytes(storage.total_mib * MIB)}` +
        (storage.short_of === "inodes" ? ", inodes are short" : ""),
    });
  }
  return banners;
}
