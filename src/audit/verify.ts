/** The proof of a trail: line by line, in order, across files. Pure. */
import type { KeptHead } from "./head.ts";
import {
  type AuditRecord,
  type ChainHead,
  EMPTY_CHAIN,
  linkFault,
  MAX_BATCH,
  MISMATCH,
  parseLine,
} from "./record.ts";

/** The first thing that is wrong with a trail. */
export interface ChainFault {
  readonly file: string;
  /** Number of the line in the file, from 1; 0 when the file as a whole is meant. */
  readonly line: number;
  /** `seq` of the record, where it could be read. */
  readonly seq?: number;
  readonly why: string;
}

export type ChainCheck =
  | {
    readonly ok: true;
    readonly head: ChainHead;
    readonly records: number;
    /** Number and time of the oldest record that is kept; absent while there is none. */
    readonly begins?: { readonly seq: number; readonly time: string };
    /** What a crash has left after the last record that counts: it is cut off at the next start of the supervisor. */
    readonly unfinished?: string;
  }
  | { readonly ok: false; readonly fault: ChainFault };

/** A check of records one by one. `kept` is the kept head as it was read *before* the first line. */
export class ChainVerifier {
  #head: ChainHead | undefined;
  #begins: { seq: number; time: string } | undefined;
  #records = 0;
  #fault: ChainFault | undefined;
  #unfinished: string | undefined;
  #at: { file: string; line: number };

  constructor(private readonly kept: KeptHead | undefined, firstFile: string) {
    this.#at = { file: firstFile, line: 0 };
  }

  /** Takes the next line of a file; false when no more need be read. */
  line(text: string, file: string, line: number): boolean {
    if (this.#fault || this.#unfinished) return false;
    this.#at = { file, line };
    const record = parseLine(text);
    const fault = "why" in record ? record : this.#take(record);
    if (!fault) return true;
    const isConfirmed = !this.kept || this.#seq < this.kept.seq;
    const isTestimony = "action" in record && record.action === MISMATCH;
    if (isConfirmed || isTestimony) this.#fault = { ...this.#at, ...fault };
    else this.#unfinished = `${file}:${line}: ${fault.why}`;
    return false;
  }

  /** Takes what stands after the last line end. */
  rest(text: string, file: string, line: number): void {
    if (text !== "") this.line(text, file, line);
  }

  get #seq(): number {
    return this.#head?.seq ?? 0;
  }

  #take(record: AuditRecord): { why: string; seq: number } | undefined {
    const { seq, hash } = record;
    const why = this.#head ? linkFault(this.#head, record) : this.#beginFault(record);
    if (why) return { seq, why };
    if (record.action === MISMATCH && record.phase === "observed") {
      return { seq, why: `it tells of an earlier damage: ${String(record.detail?.why)}` };
    }
    if (this.kept?.seq === seq && this.kept.hash !== hash) {
      return { seq, why: "it is not the record that the kept head names" };
    }
    this.#begins ??= { seq, time: record.time };
    this.#head = { seq, hash };
    this.#records++;
    return undefined;
  }

  #beginFault(record: AuditRecord): string | undefined {
    const first = this.kept?.first ?? 1;
    if (record.seq > first) {
      return `the trail should begin at record ${first}: the ones before it are missing`;
    }
    return record.seq === 1 ? linkFault(EMPTY_CHAIN, record) : undefined;
  }

  /** The verdict. `latest` is the kept head as it was read *after* the last line: a supervisor may have gone on meanwhile. */
  result(latest: KeptHead | undefined): ChainCheck {
    if (this.#fault) return { ok: false, fault: this.#fault };
    const head = this.#head ?? EMPTY_CHAIN;
    const fault = (why: string): ChainCheck => ({
      ok: false,
      fault: { ...this.#at, ...(head.seq ? { seq: head.seq } : {}), why },
    });
    const { kept } = this;
    if (!kept || !latest) {
      if (head.seq > 0) return fault("the separately kept head (audit.head) is missing or spoilt");
    } else if (kept.seq > head.seq) {
      return fault(
        `records ${head.seq + 1} to ${kept.seq} are missing at the end (the kept head knows them)`,
      );
    } else if (head.seq > latest.seq + MAX_BATCH) {
      return fault(`the kept head names record ${latest.seq}, further back than any crash leaves it`);
    }
    return {
      ok: true,
      head,
      records: this.#records,
      ...(this.#begins ? { begins: this.#begins } : {}),
      ...(this.#unfinished ? { unfinished: this.#unfinished } : {}),
    };
  }
}
