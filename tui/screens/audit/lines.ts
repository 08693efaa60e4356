/** What the audit screen shows, as rows. Pure. */
import type { AuditRecord, Phase } from "../../../src/audit/record.ts";
import type { Instant } from "../../../src/core/time.ts";
import { basename } from "../../../src/core/file_names.ts";
import { cursorRow, type Row, type Span } from "../../line.ts";
import type { Model } from "../../model.ts";
import { beside, row, scrolled, windowOf, wrapped } from "../../sheet.ts";
import { clean, fit } from "../../text.ts";
import { marksOf, type Tone } from "../../theme.ts";
import { calendarDay, clockTime, localTime, zoneOf } from "../../time.ts";
import { actorText, detailRows } from "./details.ts";
import { type AuditState, current, indexOf } from "./state.ts";

/** From this width on, the details stand beside the list. */
const WIDE = 120;
/** From this width on, there is room for the number of a record, and for the day of each. */
const NUMBER_COLUMNS = 100;
const DAY_COLUMNS = 140;

/** At most `rows` rows. */
export function auditRows(model: Model, columns: number, rows: number): Row[] {
  const top = [
    ...unavailableRows(model, columns),
    ...chainRows(model, columns),
    filterRow(model.screens.audit),
  ];
  return [...top, ...body(model, columns, Math.max(2, rows - top.length))].slice(0, Math.max(1, rows));
}

function body(model: Model, columns: number, rows: number): readonly Row[] {
  const { details } = model.screens.audit;
  const record = current(model.screens.audit);
  if (details === undefined || !record) return list(model, columns, rows);
  if (columns < WIDE || model.prefs.screenReader) {
    return scrolled(detailRows(record, columns, model.now), details, rows);
  }
  const left = Math.floor(columns * 0.45);
  return beside(
    list(model, left, rows),
    scrolled(detailRows(record, columns - left - 3, model.now), details, rows),
    left,
    model.prefs,
    rows,
  );
}

/** Whether the chain of hashes holds, by whose word, since when. */
function chainRows(model: Model, columns: number): Row[] {
  const { chain } = model.screens.audit;
  const marks = marksOf(model.prefs);
  const at = (time: number) => localTime(time, model.now);
  switch (chain.kind) {
    case "unknown":
      return [row({ text: "the chain was not checked yet", tone: "dim" })];
    case "checking":
      return [row({ text: `checking the chain: ${chain.percent} %`, tone: "accent" })];
    case "unreadable":
      return wrapped(
        `${marks.warn} the chain could not be checked at ${at(chain.at)}: ${clean(chain.why, 300)}`,
        columns,
        "warn",
        2,
      );
    case "holds":
      return wrapped(`${marks.good} ${holdsText(chain.check)}; checked ${at(chain.at)}`, columns, "good", 2);
    case "broken": {
      const { file, line, seq, why } = chain.fault;
      const place = `${clean(basename(file))}${line > 0 ? `:${line}` : ""}${
        seq === undefined ? "" : ` (record ${seq})`
      }`;
      return [
        ...wrapped(`${marks.bad} THE CHAIN IS BROKEN at ${place}: ${clean(why, 300)}`, columns, "bad", 2),
        ...wrapped(
          `  checked ${at(chain.at)}; keep the logs folder as evidence: copy it before anything else is done`,
          columns,
          "plain",
          2,
        ),
      ];
    }
  }
}

function holdsText(
  { begins, head, records, unfinished }: Extract<AuditState["chain"], { kind: "holds" }>["check"],
) {
  if (!begins) return "the trail is empty";
  const whole = begins.seq === 1 ? "" : ", older files were rotated away";
  const crash = unfinished ? "; a crash left an unfinished write after it, nothing rests on that" : "";
  return `the chain holds: ${records} records, ${begins.seq} to ${head.seq}${whole}${crash}`;
}

function unavailableRows({ status, now, prefs, screens }: Model, columns: number): Row[] {
  const bad = marksOf(prefs).bad;
  const since = status?.audit.unavailable_since;
  return [
    ...(since
      ? wrapped(
        `${bad} THE TRAIL CAN'T BE WRITTEN since ${localTime(Date.parse(since), now)}: changes are refused`,
        columns,
        "bad",
        2,
      )
      : []),
    ...(screens.audit.unreadable === undefined ? [] : wrapped(
      `${bad} the trail can't be read: ${clean(screens.audit.unreadable, 300)}`,
      columns,
      "bad",
      2,
    )),
  ];
}

function filterRow({ typing, filter, records, searching, at, limit }: AuditState): Row {
  if (typing) {
    const why: readonly Span[] = typing.why === undefined
      ? typing.text === ""
        ? [{ text: "  vm=web rule=memory_cap actor=local action=vm.* phase!=decided", tone: "dim" }]
        : []
      : [{ text: `  ${clean(typing.why)}`, tone: "warn" }];
    return row({ text: "filter: ", tone: "accent" }, clean(typing.text), {
      text: " ",
      tone: "selected",
    }, ...why);
  }
  const count = `${records.length} ${records.length === 1 ? "record" : "records"}${
    searching ? ", looking for older ones" : ""
  }`;
  if (records.length === 0 && searching) return row({ text: "records are being looked for", tone: "dim" });
  const following = at === undefined ? ", following" : "";
  const older = records.length >= limit && !searching ? ", o for older ones" : "";
  return filter.text === ""
    ? row({ text: `the last ${count}${following}${older}`, tone: "dim" })
    : row({ text: "filter: ", tone: "accent" }, clean(filter.text), {
      text: `  ${count}${following}${older}`,
      tone: "dim",
    });
}

const PHASES: Readonly<Record<Phase, readonly [word: string, tone: Tone, mark?: "good" | "bad" | "warn"]>> = {
  requested: ["requested", "dim"],
  decided: ["decided", "dim"],
  refused: ["refused", "warn", "bad"],
  started: ["started", "dim"],
  finished: ["finished", "good", "good"],
  failed: ["failed", "bad", "bad"],
  outcome_unknown: ["unknown", "bad", "warn"],
  observed: ["observed", "dim"],
};

interface Column {
  readonly title: string;
  readonly width: number;
  readonly align?: "right";
  readonly cell: (record: AuditRecord) => { readonly text: string; readonly tone?: Tone };
}

function list(model: Model, columns: number, rows: number): readonly Row[] {
  const state = model.screens.audit;
  const table = columnsOf(model, columns);
  const { more, cursor } = marksOf(model.prefs);
  const heading = row({
    text: `  ${table.map(({ title, width, align }) => fit(title, width, align, more)).join(" ")}`,
    tone: "dim",
  });
  if (state.records.length === 0) {
    const none = state.searching
      ? "reading the trail"
      : state.filter.text === ""
      ? "the trail is empty"
      : "no record passes the filter";
    return [heading, row({ text: `  ${none}`, tone: "dim" })];
  }
  const at = indexOf(state);
  const { top, shown } = windowOf(state.records, at, rows - 1);
  return [
    heading,
    ...shown.map((record, i) => {
      const isAt = top + i === at;
      const cells = table.flatMap(({ width, align, cell }): Span[] => {
        const { text, tone = "plain" } = cell(record);
        return [{ text: fit(clean(text), width, align, more), tone }, " "];
      });
      return isAt ? cursorRow([`${cursor} `, ...cells], columns, more) : ["  ", ...cells];
    }),
  ];
}

/** The columns that have room: the narrowest terminal shows when, what, how it came and whose guest it was. */
function columnsOf({ now, prefs }: Model, columns: number): readonly Column[] {
  const marks = marksOf(prefs);
  const fixed: readonly Column[] = [
    ...(columns >= NUMBER_COLUMNS
      ? [{
        title: "NO",
        width: 6,
        align: "right" as const,
        cell: ({ seq }: AuditRecord) => ({ text: String(seq) }),
      }]
      : []),
    timeColumn(now, columns),
    { title: "ACTION", width: 17, cell: ({ action }) => ({ text: action }) },
    {
      title: "  PHASE",
      width: 11,
      cell: ({ phase }) => {
        const [word, tone, mark] = PHASES[phase] ?? [phase, "plain"];
        return { text: mark ? `${marks[mark]} ${word}` : `  ${word}`, tone };
      },
    },
  ];
  const guest = (width: number): Column => ({
    title: "GUEST",
    width,
    cell: ({ vm }) => ({ text: vm ?? "-" }),
  });
  const used = 2 + fixed.reduce((sum, { width }) => sum + width + 1, 0);
  const left = Math.max(8, columns - used);
  if (left < 28) return [...fixed, guest(left)];
  const short: Column = { title: "BY", width: 10, cell: ({ actor }) => ({ text: actor.kind }) };
  const long: Column = { title: "BY", width: 18, cell: ({ actor }) => ({ text: actorText(actor) }) };
  const who = left < 60 ? [] : [left < 90 ? short : long];
  const guestWidth = left < 90 ? 14 : 20;
  const why = left - guestWidth - 1 - who.reduce((sum, { width }) => sum + width + 1, 0);
  return [...fixed, guest(guestWidth), ...who, { title: "WHY", width: why, cell: whyOf }];
}

/** The day is left out of today's records where there is little room, and seconds of all others. */
function timeColumn(now: Instant, columns: number): Column {
  const title = `TIME ${zoneOf(now)}`;
  if (columns >= DAY_COLUMNS) {
    const cell: Column["cell"] = ({ time }) => {
      const at = Date.parse(time);
      return { text: `${calendarDay(at)} ${clockTime(at)}`, tone: "dim" };
    };
    return { title, width: 19, cell };
  }
  const today = calendarDay(now);
  const cell: Column["cell"] = ({ time }) => {
    const at = Date.parse(time), day = calendarDay(at);
    const text = day === today ? clockTime(at) : `${day.slice(5)} ${clockTime(at).slice(0, 5)}`;
    return { text, tone: "dim" };
  };
  return { title, width: 11, cell };
}

/** An allowed request needs no explanation in a list; what was refused or failed says why. */
function whyOf({ phase, reasons = [], event }: AuditRecord): { readonly text: string; readonly tone?: Tone } {
  if (reasons.length === 0) return { text: event ?? "", tone: "dim" };
  return phase === "decided"
    ? { text: reasons.map(({ rule }) => rule).join(", "), tone: "dim" }
    : { text: reasons.map(({ rule, why }) => `${rule}: ${why}`).join("; ") };
}
