/** All that one record says, as rows. Pure. */
import type { Actor, AuditRecord } from "../../../src/audit/record.ts";
import { isObject } from "../../../src/core/json.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Row } from "../../line.ts";
import { labelled, row, wrapped } from "../../sheet.ts";
import { clean } from "../../text.ts";
import { localTime } from "../../time.ts";

/** Width of the words before the values. */
const LABEL = 10;
/** Longest value that is shown whole, characters. */
const MOST = 2000;

/** Who asked, in a few words: what a client says it is, else its kind. */
export function actorText({ kind, claimed }: Actor): string {
  return claimed?.command ? `${kind} ${claimed.command}` : kind;
}

export function detailRows(record: AuditRecord, columns: number, now: Instant): Row[] {
  const field = (label: string, text: string | undefined) =>
    text === undefined ? [] : labelled(label, clean(text, MOST), columns, LABEL);
  const { actor, reasons = [], detail, masked } = record;
  return [
    row({ text: `record ${record.seq}: ${clean(record.action)} ${clean(record.phase)}`, tone: "strong" }),
    ...field("time", localTime(Date.parse(record.time), now)),
    ...field("guest", record.vm ?? "none"),
    ...field("by", actor.kind),
    ...field("it says", claimText(actor)),
    ...field("request", record.corr),
    ...field("policy", record.policy),
    ...field("event", record.event),
    ...reasons.flatMap(({ rule, why, where }) => [
      ...wrapped(clean(rule), columns, "warn"),
      ...wrapped(`  ${clean(why, MOST)}`, columns, "plain", 2),
      ...(where === undefined ? [] : wrapped(`  ${clean(where, 300)}`, columns, "dim", 2)),
    ]),
    ...(detail === undefined ? [] : [row({ text: "detail", tone: "strong" }), ...valueRows(detail, columns)]),
    ...(masked?.length ? field("left out", `${masked.join(", ")} (secret)`) : []),
    ...field("id", record.id),
    ...field("hash", record.hash),
    ...field("follows", record.prev),
  ];
}

/** What a client says of itself, which nothing proves; undefined: nothing. */
function claimText({ claimed, pid, uid }: Actor): string | undefined {
  const said = [
    ...(claimed?.command ? [`rayvisor ${claimed.command}`] : []),
    ...((claimed?.pid ?? pid) === undefined ? [] : [`pid ${claimed?.pid ?? pid}`]),
    ...((claimed?.uid ?? uid) === undefined ? [] : [`user ${claimed?.uid ?? uid}`]),
  ];
  return said.length === 0 ? undefined : said.join(", ");
}

/** The members of a value, each below the one that it belongs to. */
function valueRows(value: unknown, columns: number, depth = 1): Row[] {
  const indent = "  ".repeat(Math.min(depth, 8));
  const entries = Array.isArray(value)
    ? value.map((member, i) => [String(i + 1), member] as const)
    : isObject(value)
    ? Object.entries(value)
    : [];
  return entries.flatMap(([key, member]) => {
    const name = `${indent}${clean(key, 128)}: `;
    const isDeep = isObject(member) ||
      (Array.isArray(member) && member.some((one) => typeof one === "object"));
    if (isDeep) return [row({ text: name, tone: "dim" }), ...valueRows(member, columns, depth + 1)];
    const text = Array.isArray(member) ? member.map(String).join(", ") : String(member);
    return labelled(name, clean(text, MOST), columns, name.length);
  });
}
