/** What would be made, as rows: the answers, what stands in the way, and a dry run. Pure. */
import { summaryOf } from "../../../src/provision/wizard.ts";
import type { Prefs } from "../../prefs.ts";
import type { Row } from "../../line.ts";
import { heading, moved, windowOf, wrapped } from "../../sheet.ts";
import { clean, fit } from "../../text.ts";
import { marksOf } from "../../theme.ts";
import { policyRows } from "./ask_lines.ts";
import { obstacleOf, wholeOf } from "./beginning.ts";
import type { HostLook, Mode } from "./state.ts";
import { problemText } from "./words.ts";

type Of<K extends Mode["kind"]> = Extract<Mode, { readonly kind: K }>;

const MAX_TEXT = 1_000;

export function reviewRows(mode: Of<"review">, prefs: Prefs, columns: number, height: number): Row[] {
  const { making, at, host } = mode;
  const marks = marksOf(prefs);
  const summary = summaryOf(making.wizard.draft, making.facts);
  const width = Math.min(Math.max(...summary.map(([{ title }]) => title.length)), columns >> 1);
  const rows = summary.map(([{ title }, value], i): Row => {
    const name = fit(title, width, "left", marks.more);
    return [
      i === at ? `${marks.cursor} ` : "  ",
      i === at ? { text: name, tone: "selected" } : { text: name, tone: "dim" },
      `  ${value === "" ? "-" : clean(value, 200)}`,
    ];
  });
  const whole = wholeOf(making);
  const foot = [
    ...typeof whole === "string" ? wrapped(`${marks.bad} ${clean(whole, MAX_TEXT)}`, columns, "bad") : [],
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

function hostRows(host: HostLook, prefs: Prefs, columns: number): Row[] {
  const marks = marksOf(prefs);
  switch (host.kind) {
    case "looking":
      return [[{ text: "This host is being looked at ...", tone: "dim" }]];
    case "failed":
      return wrapped(`${marks.warn} ${clean(problemText(host.problem), MAX_TEXT)}`, columns, "warn");
    case "looked": {
      const blocking = host.faults.filter((one) => one.blocking);
      const warns = host.faults.length - blocking.length;
      const rest = warns === 0 ? "" : `, ${warns} of its checks warn (3 shows them)`;
      if (blocking.length === 0) {
        return wrapped(`${marks.good} this host can do it${rest}`, columns, "good");
      }
      return blocking.flatMap(({ check_id, details }) =>
        wrapped(`${marks.bad} FAIL ${check_id}: ${clean(details, MAX_TEXT)}`, columns, "bad")
      );
    }
  }
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
