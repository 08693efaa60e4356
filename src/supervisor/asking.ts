/** A request as it comes in: its parameters checked, and what of them is put on record. Pure. */
import { type ActionParams, paramsOf, SECRET_PARAMS } from "../actions/params.ts";
import { type ActionId, actionSpec } from "../actions/table.ts";
import { boundJson, boundText } from "../audit/bounds.ts";
import { parseVmId, type VmId } from "../core/ids.ts";
import { isObject, type JsonObject } from "../core/json.ts";
import { fail, type Problem } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { Decision } from "../../policy/types.ts";
import type { Asked } from "./ledger.ts";

type Recorded = Pick<Asked, "vm" | "params" | "masked">;

/** Whether performing an action is put on record: it asks to change something. */
export function isRecorded(action: ActionId): boolean {
  const { policy, risk } = actionSpec(action);
  return policy !== null || risk !== "none";
}

/** The parameters as the table's schema makes them. Failure `usage` with every problem. */
export function parseParams<A extends ActionId>(action: A, params: unknown): ActionParams<A> {
  const parsed = paramsOf(action).safeParse(params);
  if (parsed.success) return parsed.data as ActionParams<A>; // the schema of this very action
  const problems = parsed.error.issues.map((issue) => ({
    code: "usage" as const,
    path: issue.path.join("."),
    message: boundText(`${issue.path.join(".") || "parameters"}: ${issue.message}`),
  }));
  return fail("usage", `${action}: ${problems[0]?.message ?? "wrong parameters"}`, { problems });
}

/** What of good parameters is put on record: the guest, every value that is not secret, and the names of those that are. */
export function recordedParams(
  action: ActionId,
  params: unknown,
  secret: Readonly<Record<string, readonly string[] | undefined>> = SECRET_PARAMS,
): Recorded {
  const given = isObject(params) ? params : {};
  const names = secret[action] ?? [];
  const shown: Record<string, unknown> = {};
  const masked: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (key === "id" || value === undefined) continue;
    if (names.includes(key)) masked.push(key);
    else shown[key] = value;
  }
  const vm = idIn(given);
  return { ...(vm ? { vm } : {}), params: boundJson(shown) as JsonObject, masked }; // an object stays one
}

/** The guest that parameters name: also one that is to be defined. */
function idIn(given: Readonly<Record<string, unknown>>): VmId | undefined {
  const { id, definition, record } = given;
  return parseVmId(id) ??
    [definition, record].filter(isObject).map((of) => parseVmId(of.id)).find((one) => one);
}

/** What of parameters that could not be understood is put on record: their names alone, since any value may be a secret. */
export function unparsedParams(params: unknown): Recorded {
  const given = isObject(params) ? params : {};
  const vm = parseVmId(given.id);
  const names = Object.keys(given).slice(0, 32).map((name) => sanitizeLine(name, 64));
  return { ...(vm ? { vm } : {}), params: { names }, masked: names };
}

/** What whoever asked is told of a refusal by policy. */
export function deniedProblem(action: ActionId, vm: VmId | undefined, decision: Decision): Problem {
  const first = decision.reasons[0];
  const asked = actionSpec(action).policy ?? action; // what policy calls it
  return {
    code: "denied",
    message: `${action}${vm ? ` on ${vm}` : ""} is denied by policy: ${first.why}`,
    reasons: decision.reasons,
    ...(vm ? { hint: `\`rayvisor policy explain ${vm} ${asked}\` shows how it was decided` } : {}),
  };
}
