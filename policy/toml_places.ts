/**
 * Where each key of a TOML text stands. The text has been accepted by the TOML parser before: this walk finds places, it
 * never decides what a document means, so a mistake here can misplace a message and nothing else.
 */
import { type KeyPath, pathText } from "../src/core/shape.ts";

/** Lines and columns count from 1; columns in UTF-16 code units. */
export interface KeyPlace {
  readonly line: number;
  readonly column: number;
  readonly valueLine: number;
  readonly valueColumn: number;
}
/** Key path as text (`limits.cpu_percent`) to its place. */
export type Places = ReadonlyMap<string, KeyPlace>;

/** More places than this are not kept; a message then names the nearest table above. */
const MOST_PLACES = 50_000;
const DEEPEST = 12;

/** Places of all keys and list elements of a valid TOML text. */
export function findPlaces(text: string): Places {
  return new Walk(text).document();
}

/** The place of a key path, or of the nearest path above it that has one. */
export function nearestPlace(places: Places, path: KeyPath): KeyPlace | undefined {
  for (let length = path.length; length > 0; length--) {
    const place = places.get(pathText(path.slice(0, length)));
    if (place) return place;
  }
  return undefined;
}

class Walk {
  private at = 0;
  private readonly places = new Map<string, KeyPlace>();
  private readonly lineStarts: number[] = [0];
  /** How many elements each array of tables has so far. */
  private readonly counts = new Map<string, number>();

  constructor(private readonly text: string) {
    for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) this.lineStarts.push(i + 1);
  }

  document(): Places {
    let table: KeyPath = [];
    for (this.blank(true); this.at < this.text.length; this.blank(true)) {
      const before = this.at;
      table = this.text[this.at] === "[" ? this.header() : (this.keyValue(table), table);
      if (this.at === before) break;
    }
    return this.places;
  }

  private header(): KeyPath {
    const isArray = this.text.startsWith("[[", this.at);
    const start = this.at;
    this.at += isArray ? 2 : 1;
    const keys = this.keys();
    this.at += isArray ? 2 : 1;
    // Naming every prefix of a name with thousands of parts would take quadratic time; nothing legal is that deep.
    if (keys.length > DEEPEST) return keys;
    const path: (string | number)[] = [];
    keys.forEach((key, i) => {
      path.push(key);
      const name = pathText(path);
      const count = this.counts.get(name) ?? 0;
      if (i === keys.length - 1 && isArray) {
        this.counts.set(name, count + 1);
        path.push(count);
      } else if (count > 0) path.push(count - 1);
    });
    this.record(path, start, start);
    return path;
  }

  private keyValue(table: KeyPath): void {
    const start = this.at;
    const path = [...table, ...this.keys()];
    this.at++;
    this.blank(false);
    this.record(path, start, this.at);
    this.value(path);
  }

  /** A dotted key; stands after it and its blanks, at `=` or `]`. */
  private keys(): string[] {
    const keys: string[] = [];
    while (this.at < this.text.length) {
      this.blank(false);
      const quote = this.text[this.at];
      if (quote === '"' || quote === "'") {
        const start = this.at;
        this.string();
        keys.push(unquote(this.text.slice(start, this.at)));
      } else {
        const start = this.at;
        while (/[A-Za-z0-9_-]/.test(this.text[this.at] ?? "")) this.at++;
        keys.push(this.text.slice(start, this.at));
      }
      this.blank(false);
      if (this.text[this.at] !== ".") break;
      this.at++;
    }
    return keys;
  }

  private value(path: KeyPath): void {
    const first = this.text[this.at];
    if (first === '"' || first === "'") this.string();
    else if (first === "[") {
      this.at++;
      let index = 0;
      for (this.blank(true); this.at < this.text.length && this.text[this.at] !== "]"; this.blank(true)) {
        if (this.text[this.at] === ",") this.at++;
        else {
          const before = this.at;
          const element = [...path, index++];
          this.record(element, this.at, this.at);
          this.value(element);
          if (this.at === before) return;
        }
      }
      this.at++;
    } else if (first === "{") {
      this.at++;
      for (this.blank(true); this.at < this.text.length && this.text[this.at] !== "}"; this.blank(true)) {
        const before = this.at;
        if (this.text[this.at] === ",") this.at++;
        else this.keyValue(path);
        if (this.at === before) return;
      }
      this.at++;
    } else {
      while (this.at < this.text.length && !/[,\]}\n#]/.test(this.text[this.at] ?? "")) this.at++;
    }
  }

  /** Any of the four string forms. */
  private string(): void {
    const quote = this.text[this.at] ?? "";
    const isLong = this.text.startsWith(quote.repeat(3), this.at);
    const end = isLong ? quote.repeat(3) : quote;
    this.at += end.length;
    while (this.at < this.text.length && !this.text.startsWith(end, this.at)) {
      this.at += this.text[this.at] === "\\" && quote === '"' ? 2 : 1;
    }
    this.at += end.length;
    // Up to two quotes may stand directly before the closing three.
    while (isLong && this.text[this.at] === quote) this.at++;
  }

  private blank(lines: boolean): void {
    while (this.at < this.text.length) {
      const c = this.text[this.at];
      if (c === " " || c === "\t" || (lines && (c === "\n" || c === "\r"))) this.at++;
      else if (lines && c === "#") {
        const end = this.text.indexOf("\n", this.at);
        this.at = end < 0 ? this.text.length : end;
      } else return;
    }
  }

  private record(path: KeyPath, key: number, value: number): void {
    // A list that is one value can be longer than anyone reads: its first elements are enough.
    if (path.length > DEEPEST || this.places.size >= MOST_PLACES) return;
    const name = pathText(path);
    if (this.places.has(name)) return;
    const k = this.place(key), v = this.place(value);
    this.places.set(name, { line: k.line, column: k.column, valueLine: v.line, valueColumn: v.column });
  }

  private place(offset: number): { line: number; column: number } {
    let low = 0, high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.lineStarts[low] ?? 0) + 1 };
  }
}

/** The key that a quoted key stands for. What JSON can't read (rare TOML escapes) is kept as written. */
function unquote(quoted: string): string {
  if (quoted.startsWith("'")) return quoted.slice(1, -1);
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === "string" ? value : quoted;
  } catch {
    return quoted.slice(1, -1);
  }
}
