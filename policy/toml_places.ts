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
export interface Places {
  readonly size: number;
  has(path: string): boolean;
  get(path: string): KeyPlace | undefined;
  [Symbol.iterator](): Iterator<readonly [string, KeyPlace]>;
}

/** More places than this are not kept; a message then names the nearest table above. */
const MOST_PLACES = 50_000;
const DEEPEST = 12;
const MOST_NESTING = 100;
/** Two offsets are kept as one number; texts are far shorter than this. */
const OFFSET_BASE = 2 ** 26;

/** Offsets by key path; lines are counted only when somebody asks for a place. */
class OffsetPlaces implements Places {
  private lineStarts: readonly number[] | undefined;
  constructor(private readonly text: string, private readonly offsets: ReadonlyMap<string, number>) {}

  get size(): number {
    return this.offsets.size;
  }

  has(path: string): boolean {
    return this.offsets.has(path);
  }

  get(path: string): KeyPlace | undefined {
    const packed = this.offsets.get(path);
    if (packed === undefined) return undefined;
    const key = this.point(Math.floor(packed / OFFSET_BASE));
    const value = this.point(packed % OFFSET_BASE);
    return { line: key.line, column: key.column, valueLine: value.line, valueColumn: value.column };
  }

  *[Symbol.iterator](): Iterator<readonly [string, KeyPlace]> {
    for (const path of this.offsets.keys()) {
      const place = this.get(path);
      if (place) yield [path, place];
    }
  }

  private point(offset: number): { readonly line: number; readonly column: number } {
    this.lineStarts ??= startsOfLines(this.text);
    let low = 0, high = this.lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (this.lineStarts[low] ?? 0) + 1 };
  }
}

function startsOfLines(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/**
 * As {@link findPlaces}, but the text is walked only when somebody asks: a policy that loads without a word needs no places
 * until a reason or a source is told. What a policy means never depends on them.
 */
export function placesWhenAsked(text: string): Places {
  let found: Places | undefined;
  const places = () => found ??= findPlaces(text);
  return {
    get size() {
      return places().size;
    },
    has: (path) => places().has(path),
    get: (path) => places().get(path),
    [Symbol.iterator]: () => places()[Symbol.iterator](),
  };
}

/** The places of a text that could not be read. */
export const NO_PLACES: Places = new OffsetPlaces("", new Map());

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

/** A key path while walking: its text is extended, not built anew for every key. */
interface Path {
  readonly text: string;
  readonly depth: number;
}
const ROOT: Path = { text: "", depth: 0 };

function child(path: Path, key: string | number): Path {
  // Naming what lies deeper than anything legal would take quadratic time.
  if (path.depth >= DEEPEST) return { text: "", depth: path.depth + 1 };
  const part = pathText([key]);
  const text = path.depth === 0 || typeof key === "number" ? path.text + part : `${path.text}.${part}`;
  return { text, depth: path.depth + 1 };
}

/** As {@link child}, for a key that needs no quotes. */
function bareChild(path: Path, key: string): Path {
  if (path.depth >= DEEPEST) return { text: "", depth: path.depth + 1 };
  return { text: path.depth === 0 ? key : `${path.text}.${key}`, depth: path.depth + 1 };
}

const BARE_KEY = /[A-Za-z0-9_-]*/y;
const BARE_VALUE = /[^,\]}\n#]*/y;
const BLANKS = /[ \t]*/y;
const BLANK_LINES = /(?:[ \t\r\n]+|#[^\n]*)*/y;
/** The start of an ordinary statement: one bare key and its equals sign. */
const PLAIN_KEY = /([A-Za-z0-9_-]+)[ \t]*=[ \t]*/y;
/** A string in its ordinary form, on one line and without escapes; never the start of a long one. */
const PLAIN_STRING = /"(?!"")[^"\\\n]*"|'(?!'')[^'\n]*'/y;

class Walk {
  private at = 0;
  private nesting = 0;
  private readonly offsets = new Map<string, number>();
  /** How many elements each array of tables has so far. */
  private readonly counts = new Map<string, number>();

  constructor(private readonly text: string) {}

  document(): Places {
    let table = ROOT;
    for (this.skip(BLANK_LINES); this.at < this.text.length; this.skip(BLANK_LINES)) {
      const before = this.at;
      if (this.text[this.at] === "[") table = this.header();
      else this.keyValue(table);
      if (this.at === before) break;
    }
    return new OffsetPlaces(this.text, this.offsets);
  }

  private header(): Path {
    const isArray = this.text.startsWith("[[", this.at);
    const start = this.at;
    this.at += isArray ? 2 : 1;
    const keys = this.keys();
    this.at += isArray ? 2 : 1;
    let path = ROOT;
    keys.forEach((key, i) => {
      path = child(path, key);
      const count = this.counts.get(path.text) ?? 0;
      if (i === keys.length - 1 && isArray) {
        this.counts.set(path.text, count + 1);
        path = child(path, count);
      } else if (count > 0) path = child(path, count - 1);
    });
    this.record(path, start, start);
    return path;
  }

  private keyValue(table: Path): void {
    const start = this.at;
    PLAIN_KEY.lastIndex = start;
    const plain = PLAIN_KEY.exec(this.text);
    let path: Path;
    if (plain) {
      path = bareChild(table, plain[1] ?? "");
      this.at = PLAIN_KEY.lastIndex;
    } else {
      path = this.keys().reduce(child, table);
      this.at++;
      this.skip(BLANKS);
    }
    this.record(path, start, this.at);
    this.value(path);
  }

  /** A dotted key; stands after it and its blanks, at `=` or `]`. */
  private keys(): string[] {
    const keys: string[] = [];
    while (this.at < this.text.length) {
      this.skip(BLANKS);
      const quote = this.text[this.at];
      const start = this.at;
      if (quote === '"' || quote === "'") {
        this.string();
        keys.push(unquote(this.text.slice(start, this.at)));
      } else {
        this.skip(BARE_KEY);
        keys.push(this.text.slice(start, this.at));
      }
      this.skip(BLANKS);
      if (this.text[this.at] !== ".") break;
      this.at++;
    }
    return keys;
  }

  private value(path: Path): void {
    const first = this.text[this.at];
    if (first === '"' || first === "'") this.string();
    else if (first === "[") {
      let index = 0;
      this.items("]", () => {
        const element = child(path, index++);
        this.record(element, this.at, this.at);
        this.value(element);
      });
    } else if (first === "{") this.items("}", () => this.keyValue(path));
    else this.skip(BARE_VALUE);
  }

  /** What stands between brackets, with commas between. */
  private items(end: string, item: () => void): void {
    this.at++;
    // A text that no parser has accepted may nest without end: the walk ends, the stack doesn't.
    if (++this.nesting > MOST_NESTING) this.at = this.text.length;
    for (this.skip(BLANK_LINES); this.at < this.text.length; this.skip(BLANK_LINES)) {
      const before = this.at;
      const next = this.text[this.at];
      if (next === end) break;
      if (next === ",") this.at++;
      else item();
      if (this.at === before) break;
    }
    this.at++;
    this.nesting--;
  }

  /** Any of the four string forms. */
  private string(): void {
    PLAIN_STRING.lastIndex = this.at;
    if (PLAIN_STRING.test(this.text)) {
      this.at = PLAIN_STRING.lastIndex;
      return;
    }
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

  private skip(what: RegExp): void {
    what.lastIndex = this.at;
    if (what.test(this.text)) this.at = what.lastIndex;
  }

  private record(path: Path, key: number, value: number): void {
    if (path.depth > DEEPEST || this.offsets.size >= MOST_PLACES || this.offsets.has(path.text)) return;
    this.offsets.set(path.text, key * OFFSET_BASE + value);
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
