/** Preflight for people: the report by groups, and a line that moves while it runs. */
import { sanitizeLine } from "../core/sanitize.ts";
import { formatDuration } from "../core/units.ts";
import type { PreflightProgress } from "../preflight/run.ts";
import { CHECK_GROUPS, type CheckReport, type PreflightReport, type Status } from "../preflight/types.ts";
import type { Output, Style } from "./output.ts";

const STYLE: Readonly<Record<Status, Style>> = { PASS: "green", WARN: "yellow", FAIL: "red", SKIP: "dim" };

/** The report: what is wrong with why and what to do, what is right in one line each. */
export function renderReport(output: Output, { checks, profile, summary }: PreflightReport): string {
  const lines: string[] = [];
  for (const group of CHECK_GROUPS) {
    const own = checks.filter((check) => check.group === group);
    if (own.length === 0) continue;
    lines.push(output.style("bold", group), ...own.flatMap((check) => renderCheck(output, check)), "");
  }
  const counts =
    `${summary.pass} passed, ${summary.warn} warned, ${summary.fail} failed, ${summary.skip} skipped`;
  lines.push(
    `${output.style(STYLE[summary.status], summary.status)}  ${counts} in ${formatDuration(summary.took_ms)}`,
  );
  if (summary.blocking.length > 0) {
    lines.push(`no ${profile} guest before these are put right: ${summary.blocking.join(", ")}`);
  } else if (summary.fail > 0) {
    const failed = checks.filter(({ status }) => status === "FAIL").map(({ check_id }) => check_id);
    lines.push(`${profile} guests can run, but slower or with something missing: ${failed.join(", ")}`);
  }
  return lines.join("\n");
}

function renderCheck(output: Output, check: CheckReport): string[] {
  const { check_id, status, details, remediation, title, why } = check;
  const head = `  ${output.style(STYLE[status], status)}  ${check_id}: ${details}`;
  if (status !== "WARN" && status !== "FAIL") return [head];
  return [
    head,
    `        ${output.style("dim", `${title}: ${why}`)}`,
    ...(remediation === "" ? [] : [`        ${output.style("cyan", "do:")} ${remediation}`]),
  ];
}

export interface ProgressLine {
  show(progress: PreflightProgress): void;
  /** Takes the line away. */
  end(): void;
}

/** A line on standard error that is drawn over; nothing without a terminal, with `--json` or `--quiet`. */
export function progressFor(output: Output): ProgressLine {
  const { terminal, json, options } = {
    terminal: output.terminal,
    json: output.json,
    options: output.options,
  };
  if (json || options.quiet || !terminal.errIsTerminal || !terminal.outIsTerminal) {
    return { show() {}, end() {} };
  }
  const running = new Map<string, string>();
  let done = 0, total = 0, failed = 0, drawn = false;
  return {
    show(progress) {
      const { check } = progress;
      if (progress.kind === "ended") {
        running.delete(check.id);
        done = progress.done;
        if (progress.result.status === "FAIL") failed++;
      } else running.set(check.id, progress.kind === "said" ? progress.detail : check.id);
      if (progress.kind !== "said") total = progress.total;
      const text = progressText(
        { done, total, failed, waiting: [...running.values()] },
        terminal.columns - 1,
      );
      terminal.err(`\r\x1b[K${text}`);
      drawn = true;
    },
    end() {
      if (drawn) terminal.err("\r\x1b[K");
    },
  };
}

/** Pure: one line of at most `width` characters. */
export function progressText(
  at: {
    readonly done: number;
    readonly total: number;
    readonly failed: number;
    readonly waiting: readonly string[];
  },
  width: number,
): string {
  const bars = 20, full = at.total === 0 ? 0 : Math.floor(bars * at.done / at.total);
  const bar = `[${"#".repeat(full)}${".".repeat(bars - full)}]`;
  const failed = at.failed === 0 ? "" : `, ${at.failed} failed`;
  const waiting = at.waiting.length === 0 ? "" : `, waiting for ${at.waiting.join(", ")}`;
  return sanitizeLine(`${bar} ${at.done} of ${at.total}${failed}${waiting}`, Math.max(20, width));
}
