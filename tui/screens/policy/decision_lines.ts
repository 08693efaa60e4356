/** A decision of policy as rows: the verdict, then layer by layer how it came about. Pure. */
import type { ExplainView } from "../../../src/actions/views.ts";
import { obligationText } from "../../../src/cli/policy_text.ts";
import { isRuleId, ruleOf } from "../../../policy/rules.ts";
import type { Row } from "../../line.ts";
import type { Model } from "../../model.ts";
import { labelled, row, wrapped } from "../../sheet.ts";
import { clean } from "../../text.ts";
import { marksOf, type Tone } from "../../theme.ts";
import { valueOf } from "./state.ts";

const LAYER = 15;

export function decisionRows(model: Model, columns: number): readonly Row[] {
  const { answer } = model.screens.policy.whatIf;
  if (answer.kind === "failed") return wrapped(answer.why, columns, "bad");
  const view = valueOf(answer);
  return view ? explained(model, view, columns) : [row({ text: "asking the supervisor", tone: "dim" })];
}

const OUTCOMES: Readonly<Record<string, readonly [word: string, tone: Tone]>> = {
  pass: ["pass", "good"],
  deny: ["DENY", "bad"],
  narrowed: ["narrowed", "warn"],
};

function explained(model: Model, { vm, action, decision, layers }: ExplainView, columns: number): Row[] {
  const marks = marksOf(model.prefs);
  const isAllowed = decision.effect === "allow";
  const verdict = isAllowed ? `${marks.good} ALLOWED` : `${marks.bad} DENIED`;
  const asked = layers.filter(({ outcome }) => outcome !== "not_applicable");
  const unasked = layers.filter(({ outcome }) => outcome === "not_applicable").map(({ layer }) => layer);
  const advice = isAllowed ? [] : [...new Set(decision.reasons.map(({ rule }) => rule))].filter(isRuleId);
  return [
    row({ text: `${verdict}: ${clean(action)} on ${clean(vm)}`, tone: isAllowed ? "good" : "bad" }),
    ...asked.flatMap((layer) => layerRows(layer, columns)),
    ...(unasked.length === 0 ? [] : wrapped(`not asked: ${unasked.join(", ")}`, columns, "dim", 2)),
    ...decision.obligations.flatMap((obligation) =>
      wrapped(`must ${clean(obligationText(obligation))}`, columns, "plain", 2)
    ),
    ...advice.flatMap((rule) => labelled("hint: ", `${rule}: ${ruleOf(rule).remedy}`, columns, 6, "accent")),
  ];
}

function layerRows({ layer, outcome, reasons }: ExplainView["layers"][number], columns: number): Row[] {
  const [word, tone] = OUTCOMES[outcome] ?? [outcome, "plain" as const];
  return [
    row({ text: clean(layer).padEnd(LAYER), tone: "dim" }, { text: clean(word), tone }),
    ...reasons.flatMap(({ rule, why, where }) => [
      ...wrapped(`  ${clean(`${rule}: ${why}`, 400)}`, columns, "plain", 2),
      ...(where === undefined ? [] : wrapped(`  ${clean(where, 200)}`, columns, "dim", 2)),
    ]),
  ];
}
