/** What would be made, as rows: the answers, what stands in the way, and a dry run. Pure. */
import { summaryOf } from "../../../src/provision/wizard.ts";
import type { Prefs } from "../../prefs.ts";
import type { Row } from "../../line.ts";
import { heading, listRow, moved, windowOf, wrapped } from "../../sheet.ts";
import { clean, fit } from "../../text.ts";
import { marksOf } from "../../theme.ts";
import { policyRows } from "./ask_lines.ts";
import { obstacleOf, wholeOf } from "./beginning.ts";
import type { HostLook, Making, Mode } from "./state.ts";
import { problemText } from "./words.ts";

type Of<K extends Mode["kind"]> = Extract<Mode, { readonly kind: K }>;

const MAX_TEXT = 1_000;

export function reviewRows(mode: Of<"review">, prefs: Prefs, columns: number, height: number): Row[] {
  const { making, at, host } = mode;
  const marks = marksOf(prefs);
  const summary = summaryOf(making.wizard.draft, making.facts);
  const width = Math.min(Math.max(...summary.map(([{ title }]) => title.length)), columns >> 1);
  const rows = summary.map(([{ title }, value], i): Row => {
    const spans: Row = [
      i === at ? `${marks.cursor} ` : "  ",
      { text: fit(title, width, "left", marks.more), tone: "dim" },
      `  ${value === "" ? "-" : clean(value, 200)}`,
    ];
    return listRow(spans, i === at, columns, prefs);
  });
  const whole = wholeOf(making);
  const foot = [
    ...typeof whole === "string" ? wrapped(`${marks.bad} ${clean(whole, MAX_TEXT)}`, columns, "bad") : [],
    ...passed(making, prefs),
    ...policyRows(making, prefs, columns),
    ...hostRows(host, prefs, columns).slice(0, Math.max(2, height >> 2)),
    ...wrapped(
      obstacleOf(mode) === undefined
        ? "b begins, d says all that would be done, s saves the answers, Enter changes one"
        : "Enter changes an answer, Esc goes back",
      columns,
      "accent",
    ),
  ];
  const head = heading(`To be made: ${making.id}`, columns, prefs);
  return [head, ...windowOf(rows, at, Math.max(3, height - 2 - foot.length)).shown, [], ...foot];
}

/** Where nothing is refused that is said, too: silence could be a question that was not asked. */
function passed({ refusals, looking }: Making, prefs: Prefs): Row[] {
  const isPassed = refusals.length === 0 && !looking;
  return isPassed ? [[{ text: `${marksOf(prefs).good} policy allows it`, tone: "good" }]] : [];
}

function hostRows(host: HostLook, prefs: Prefs, columns: number): Row[] {
  const marks = marksOf(prefs);
  switch (host.kind) {
    case "looking":
      return [[{ text: "This host is being looked at ...", tone: "dim" }]];
    case "failed":
      return wrapped(`${marks.warn} ${clean(problemText(host.problem), MAX_TEXT)}`, columns, "warn");
    case "looked": {
      const blocking = host.faults.filter((one) => one.blocking);
      if (blocking.length === 0) return ableRows(host.faults, prefs, columns);
      return blocking.flatMap(({ check_id, details }) =>
        wrapped(`${marks.bad} FAIL ${check_id}: ${clean(details, MAX_TEXT)}`, columns, "bad")
      );
    }
  }
}

/** What fails and does not block makes it slower, or is missing to it. */
function ableRows(
  faults: Extract<HostLook, { kind: "looked" }>["faults"],
  prefs: Prefs,
  columns: number,
): Row[] {
  const marks = marksOf(prefs);
  const failed = faults.filter(({ status }) => status === "FAIL").length, warned = faults.length - failed;
  const counts = [
    ...failed === 0 ? [] : [`${failed} fail without blocking`],
    ...warned === 0 ? [] : [`${warned} warn`],
  ];
  if (counts.length === 0) return wrapped(`${marks.good} this host can do it`, columns, "good");
  const text = `this host can do it; of its checks ${counts.join(" and ")} (3 shows them)`;
  return failed === 0
    ? wrapped(`${marks.good} ${text}`, columns, "good")
    : wrapped(`${marks.warn} ${text}`, columns, "warn");
}

export function planRows(mode: Of<"plan">, prefs: Prefs, columns: number, height: number): Row[] {
  const head = heading(`Dry run of ${mode.making.id}: nothing is done`, columns, prefs);
  const lines = planLines(mode, prefs, columns);
  const room = Math.max(1, height - 2);
  const top = Math.min(mode.scroll, Math.max(0, lines.length - room));
  const more = lines.length - top - room;
  const below: Row = [{ text: more > 0 ? `${more} more lines below` : "the end", tone: "dim" }];
  return [head, ...lines.slice(top, top + room), below];
}

function planLines({ plan }: Of<"plan">, prefs: Prefs, columns: number): Row[] {
  const marks = marksOf(prefs);
  if (plan.kind === "asked") return [[{ text: "The supervisor is being asked ...", tone: "dim" }]];
  if (plan.kind === "failed") {
    return wrapped(`${marks.bad} ${clean(problemText(plan.problem), MAX_TEXT)}`, columns, "bad");
  }
  const { decisions, obstacle, remarks, steps } = plan.plan;
  return [
    [{ text: "policy", tone: "strong" }],
    ...decisions.flatMap(({ action, effect, reasons }): Row[] =>
      effect === "deny"
        ? [
          [{ text: `${marks.bad} deny  ${action}`, tone: "bad" }],
          ...reasons.flatMap(({ rule, why, where }) =>
            moved(4, columns, (width) =>
              wrapped(
                `${rule}: ${clean(why, MAX_TEXT)}${where === undefined ? "" : ` (${where})`}`,
                width,
                "bad",
              ))
          ),
        ]
        : [[{ text: `${marks.good} allow `, tone: "good" }, action]]
    ),
    ...obstacle === null
      ? []
      : wrapped(`${marks.bad} ${clean(problemText(obstacle), MAX_TEXT)}`, columns, "bad"),
    ...remarks.flatMap((line) => wrapped(`${marks.warn} ${clean(line, 300)}`, columns, "warn")),
    ...steps.flatMap(({ step, title, does }, i): Row[] => [
      [],
      [{ text: `${i + 1}. ${step}`, tone: "strong" }, `: ${title}`],
      ...does.flatMap((line) => moved(3, columns, (width) => wrapped(clean(line, 4_000), width))),
    ]),
  ];
}
