/**
 * Shapes of documents that people write (policy, registry). A shape reads an unknown value and reports every fault it
 * finds, each with its key path, the value seen and what is allowed; nothing is guessed or dropped.
 */
import { sanitizeLine } from "./sanitize.ts";
import { didYouMean } from "./suggest.ts";
import { err, ok, type Result } from "./result.ts";
import { isObject } from "./json.ts";

/** Keys and list positions from the document's root to a value. */
export type KeyPath = readonly (string | number)[];

/** One thing that is wrong in a document. */
export interface Fault {
  readonly path: KeyPath;
  /** What is wrong, with the value seen and what is allowed. */
  readonly message: string;
  readonly hint?: string;
  /** Whether the fault lies in the key itself or in its value: decides which place in the file is shown. */
  readonly at: "key" | "value";
  /** Set where the fault is that the key isn't there at all. */
  readonly missing?: true;
  /** Rule id, where a named rule of the policy is broken. */
  readonly rule?: string;
  /** How many more faults were found after this one and are not told. */
  readonly more?: number;
}
/** Takes a fault, or how to make one: what is not told any more need not be made. */
export type Report = (fault: Fault | (() => Fault)) => void;

/** More faults of one document than this are counted, not told. */
const MOST_FAULTS = 1000;

/** Gathers faults up to a bound; a hostile document must not cost more than it is worth. */
export class FaultList {
  private readonly faults: Fault[] = [];
  private more = 0;

  readonly report: Report = (fault) => {
    if (this.faults.length >= MOST_FAULTS) {
      this.more++;
      return;
    }
    const made = typeof fault === "function" ? fault() : fault;
    this.faults.push({ ...made, path: [...made.path] });
  };

  /** All that were told; the last one says how many were not. */
  list(): readonly Fault[] {
    const last = this.faults.at(-1);
    return last && this.more > 0 ? [...this.faults.slice(0, -1), { ...last, more: this.more }] : this.faults;
  }
}

/**
 * A number that was written with a fraction or an exponent, or is no number at all (`1.0`, `1e3`, `inf`, `nan`): from a form
 * that tells these from whole numbers, which is what every number here has to be.
 */
export class Fraction {
  constructor(readonly value: number) {}
  toString(): string {
    return Number.isInteger(this.value) && Math.abs(this.value) < 1e21
      ? `${this.value}.0`
      : String(this.value).replace("Infinity", "inf").replace("NaN", "nan");
  }
}

/** Whether a parsed value is a table: not a list, a date or a number. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !(value instanceof Date) && !(value instanceof Fraction);
}

export interface Shape<T> {
  /** What is allowed, as it reads after "allowed is". */
  readonly want: string;
  /**
   * The value, or undefined after at least one fault was reported. `path` is the walk's own: it may be extended while a part is
   * read and is then as it was; a fault keeps a copy of it.
   */
  read(value: unknown, path: (string | number)[], report: Report): T | undefined;
  /** The fields, of a table shape: for the documentation and for tests. */
  readonly fields?: Readonly<Record<string, Field<unknown>>>;
  /** The shape of every value, of a map or list shape. */
  readonly element?: Shape<unknown>;
}

/** One key of a table. */
export interface Field<T> {
  readonly shape: Shape<T>;
  readonly doc: string;
  readonly presence: "required" | "optional" | "default";
  /** Value when the key is left out, of a `default` field; a table field reads an empty table instead. */
  readonly fallback?: T;
}

export const required = <T>(shape: Shape<T>, doc: string): Field<T> => ({ shape, doc, presence: "required" });
export const optional = <T>(shape: Shape<T>, doc: string): Field<T> => ({ shape, doc, presence: "optional" });
export const defaulted = <T>(shape: Shape<T>, fallback: T, doc: string): Field<T> => ({
  shape,
  doc,
  presence: "default",
  fallback,
});
/** A table that may be left out: then each of its keys has its own default. */
export const section = <T>(shape: Shape<T>, doc: string): Field<T> => ({ shape, doc, presence: "default" });

/** Fields for every key of `T`; a key of the type without a field doesn't compile. */
export type FieldsOf<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** Reads a whole document. All faults at once, or the value. */
export function readShape<T>(shape: Shape<T>, value: unknown): Result<T, readonly Fault[]> {
  const found = new FaultList();
  const read = shape.read(value, [], found.report);
  const faults = found.list();
  if (faults.length > 0) return err(faults);
  // A shape that returns nothing without a fault would be a defect of that shape.
  if (read === undefined) throw new Error("a shape returned nothing and reported nothing");
  return ok(read);
}

/** `profiles.office.shares[0].path`; keys that are not bare words are quoted. */
export function pathText(path: KeyPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else {
      const key = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(sanitizeLine(part, 64));
      text += text === "" ? key : `.${key}`;
    }
  }
  return text;
}

/** A value as it is shown in a message: JSON where possible, one line, at most 60 characters. */
export function seen(value: unknown): string {
  if (value instanceof Date) return "a date";
  if (value instanceof Fraction) return value.toString();
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (isObject(value)) return "a table";
  if (typeof value === "string") return JSON.stringify(sanitizeLine(value, 60));
  return sanitizeLine(String(value), 60);
}

function wrong(
  shape: { readonly want: string },
  value: unknown,
  path: KeyPath,
  report: Report,
  hint?: string,
) {
  const where = path.length === 0 ? "the document" : pathText(path);
  report({
    path,
    at: "value",
    message: `${where} is ${seen(value)}; allowed is ${shape.want}`,
    ...(hint === undefined ? {} : { hint }),
  });
  return undefined;
}

export const bool: Shape<boolean> = {
  want: "true or false",
  read(value, path, report) {
    if (typeof value === "boolean") return value;
    const word = value === "true" || value === "false" ? `write ${value} without quotes` : undefined;
    return wrong(this, value, path, report, word);
  },
};

function numberHint(value: unknown): string | undefined {
  if (typeof value === "string" && /^\d+$/.test(value)) return "write the number without quotes";
  if (value instanceof Fraction && Number.isSafeInteger(value.value)) {
    return `write it as a whole number: ${value.value}`;
  }
  return undefined;
}

/** A whole number from `min` to `max`. */
export function int(min: number, max: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  const most = max === Number.MAX_SAFE_INTEGER ? "or more" : `to ${max}`;
  return {
    want: min === max ? `only ${min}` : `a whole number, ${min} ${most}`,
    read(value, path, report) {
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
        return value;
      }
      return wrong(this, value, path, report, numberHint(value));
    },
  };
}

/** One of a closed list of words (or of `only` one boolean, through {@link only}). */
export function oneOf<const T extends string>(words: readonly T[]): Shape<T> {
  return {
    want: words.map((word) => JSON.stringify(word)).join(", "),
    read(value, path, report) {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      const near = typeof value === "string" ? didYouMean(value, words) : undefined;
      return wrong(this, value, path, report, near === undefined ? undefined : `did you mean "${near}"?`);
    },
  };
}

/** Exactly this value: for keys that version 0 knows but does not let anyone change. */
export function only<const T extends boolean | number>(value: T): Shape<T> {
  return {
    want: `only ${value} in version 0`,
    read(given, path, report) {
      return given === value ? value : wrong(this, given, path, report);
    },
  };
}

/** Text that `parse` accepts; `parse` answers with the value, or `{why}` naming what is wrong with it. */
export function text<T extends string | number | object>(
  want: string,
  parse: (text: string) => TextOutcome<T>,
): Shape<T> {
  return {
    want,
    read(value, path, report) {
      if (typeof value !== "string") return wrong(this, value, path, report);
      const parsed = parse(value);
      if (!isRefusal(parsed)) return parsed.value;
      const why = parsed.why === undefined ? "" : `: ${parsed.why}`;
      report({
        path,
        at: "value",
        message: `${pathText(path)} is ${seen(value)}${why}; allowed is ${want}`,
        ...(parsed.hint === undefined ? {} : { hint: parsed.hint }),
        ...(parsed.rule === undefined ? {} : { rule: parsed.rule }),
      });
      return undefined;
    },
  };
}

/** Why a text is refused; `rule` is the id of a rule of the policy that it breaks. */
export interface TextRefusal {
  readonly value?: never;
  readonly why?: string;
  readonly hint?: string;
  readonly rule?: string;
}
export type TextOutcome<T> = { readonly value: T } | TextRefusal;

function isRefusal<T>(outcome: TextOutcome<T>): outcome is TextRefusal {
  return outcome.value === undefined;
}

/** A list; `max` bounds its length. Elements that are the same text twice are reported. */
export function list<T>(element: Shape<T>, max = 1024): Shape<readonly T[]> {
  return {
    want: `a list of at most ${max} (each: ${element.want})`,
    element,
    read(value, path, report) {
      if (!Array.isArray(value) || value.length > max) return wrong(this, value, path, report);
      const seenBefore = new Set<string>();
      const items: T[] = [];
      value.forEach((item: unknown, index) => {
        if (typeof item === "string") {
          if (seenBefore.has(item)) {
            const at = [...path, index];
            report({ path: at, at: "value", message: `${pathText(at)} is ${seen(item)} a second time` });
            return;
          }
          seenBefore.add(item);
        }
        path.push(index);
        const read = element.read(item, path, report);
        path.pop();
        if (read !== undefined) items.push(read);
      });
      return items;
    },
  };
}

/** Tables by name, where `name` says which names are allowed. */
export function mapOf<T>(
  name: Shape<string>,
  element: Shape<T>,
  max = 4096,
): Shape<Readonly<Record<string, T>>> {
  return {
    want: `a table of at most ${max} entries`,
    element,
    read(value, path, report) {
      if (!isTable(value)) return wrong(this, value, path, report);
      const keys = Object.keys(value);
      if (keys.length > max) {
        report({
          path,
          at: "key",
          message: `${pathText(path)} has ${keys.length} entries; allowed is ${this.want}`,
        });
        return undefined;
      }
      const entries: [string, T][] = [];
      const ofKey: Report = (fault) =>
        report(() => ({ ...(typeof fault === "function" ? fault() : fault), at: "key" }));
      for (const key of keys) {
        path.push(key);
        const isName = name.read(key, path, ofKey) !== undefined;
        const read = isName ? element.read(value[key], path, report) : undefined;
        path.pop();
        if (read !== undefined) entries.push([key, read]);
      }
      return Object.fromEntries(entries);
    },
  };
}

/** A table with exactly these keys; anything else is a fault, with the near key where there is one. */
export function table<T extends object>(fields: FieldsOf<T>): Shape<T> {
  const names = Object.keys(fields);
  const entries = Object.entries<Field<unknown>>(fields);
  return {
    want: "a table",
    fields,
    read(value, path, report) {
      if (!isTable(value)) return wrong(this, value, path, report);
      const result: Record<string, unknown> = {};
      for (const [key, field] of entries) {
        if (Object.hasOwn(value, key)) {
          path.push(key);
          const read = field.shape.read(value[key], path, report);
          path.pop();
          if (read !== undefined) result[key] = read;
        } else if (field.presence === "required") {
          const at = [...path, key];
          report({
            path: at,
            at: "key",
            missing: true,
            message: `${pathText(at)} is missing; allowed is ${field.shape.want}`,
          });
        } else if (field.presence === "default") {
          const fallback = field.fallback === undefined
            ? field.shape.read({}, [...path, key], report)
            : field.fallback;
          if (fallback !== undefined) result[key] = fallback;
        }
      }
      let unknown = 0;
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(fields, key)) continue;
        const candidates = unknown++ < MOST_SUGGESTIONS ? names : [];
        report(() => unknownKey(key, path, candidates, names));
      }
      // Complete when no fault was reported: readShape gives the value out only then.
      return result as T;
    },
  };
}

/** Looking for near words takes time; after so many slips in one table it was no slip. */
const MOST_SUGGESTIONS = 200;

function unknownKey(
  key: string,
  path: KeyPath,
  candidates: readonly string[],
  known: readonly string[],
): Fault {
  const at = [...path, key];
  const near = didYouMean(key, candidates);
  const where = path.length === 0 ? "at the top" : `in ${pathText(path)}`;
  return {
    path: at,
    at: "key",
    message: `${pathText(at)} is an unknown key; allowed ${where}: ${known.join(", ")}`,
    ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
  };
}
