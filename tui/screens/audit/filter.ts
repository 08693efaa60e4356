/** The filter of the audit screen: `vm=web rule=memory_cap actor=local`, and words that stand anywhere. */
import type { Actor, AuditRecord } from "../../../src/audit/record.ts";
import { didYouMean } from "../../../src/core/suggest.ts";

/** Fields that can be asked for by name. */
export const FIELDS = ["vm", "rule", "actor", "action", "phase", "corr"] as const;
export type Field = typeof FIELDS[number];

export interface Condition {
  /** Undefined: the value may stand in any of them, or in a reason. */
  readonly field: Field | undefined;
  /** In lower case; a `*` at its end lets more follow. */
  readonly value: string;
  /** `phase!=decided`: it must not be so. */
  readonly not: boolean;
}

/** All of them must be so; none: every record passes. */
export type Filter = readonly Condition[];

export type Parsed = { readonly ok: true; readonly filter: Filter } | {
  readonly ok: false;
  readonly why: string;
};

const WORD = /([^\s="!]+)(!?=)(?:"([^"]*)"?|(\S*))|"([^"]*)"?|(\S+)/g;

/** What an operator typed. A value with spaces stands in quotes. */
export function parseFilter(text: string): Parsed {
  const filter: Condition[] = [];
  for (const [, name, sign, ...values] of text.matchAll(WORD)) {
    const value = values.find((one) => one !== undefined)?.toLowerCase() ?? "";
    const field = FIELDS.find((known) => known === name?.toLowerCase());
    if (name !== undefined && field === undefined) {
      const near = didYouMean(name, FIELDS);
      const hint = near === undefined ? `there are ${FIELDS.join(", ")}` : `did you mean ${near}?`;
      return { ok: false, why: `there is no field '${name}': ${hint}` };
    }
    if (value !== "") filter.push({ field, value, not: sign === "!=" });
  }
  return { ok: true, filter };
}

/** Whether a record passes. */
export function passes(filter: Filter, record: AuditRecord): boolean {
  return filter.every((condition) => isMet(condition, record) !== condition.not);
}

function isMet({ field, value }: Condition, record: AuditRecord): boolean {
  if (field !== undefined) return valuesOf(field, record).some((text) => isLike(text.toLowerCase(), value));
  const anywhere = [
    ...FIELDS.flatMap((name) => valuesOf(name, record)),
    ...(record.reasons ?? []).map(({ why }) => why),
    record.event ?? "",
  ];
  return anywhere.some((text) => text.toLowerCase().includes(value));
}

function isLike(text: string, value: string): boolean {
  return value.endsWith("*") ? text.startsWith(value.slice(0, -1)) : text === value;
}

function valuesOf(field: Field, record: AuditRecord): readonly string[] {
  switch (field) {
    case "vm":
      return record.vm === undefined ? [] : [record.vm];
    case "rule":
      return (record.reasons ?? []).map(({ rule }) => rule);
    case "actor":
      return actorWords(record.actor);
    case "action":
      return [record.action];
    case "phase":
      return [record.phase];
    case "corr":
      return [record.corr];
  }
}

/** By what an actor can be found: its kind, the command that it says it is, its user. */
function actorWords({ kind, uid, claimed }: Actor): readonly string[] {
  const user = uid ?? claimed?.uid;
  return [
    kind,
    ...(claimed?.command ? [claimed.command] : []),
    ...(user === undefined ? [] : [`uid:${user}`]),
  ];
}
