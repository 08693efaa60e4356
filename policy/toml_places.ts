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

const BARE_KEY = /[A-Za-z0-9_-]*/y;
const BARE_VALUE = /[^,\]}\n#]*/y;
const BLANKS = /[ \t]*/y;
const BLANK_LINES = /(?:[ \t\r\n]+|#[^\n]*)*/y;

class Walk {
  private at = 0;
  private line = 1;
  private lineStart = 0;
  private nextBreak: number;
  private readonly places = new Map<string, KeyPlace>();
  /** How many elements each array of tables has so far. */
  private readonly counts = new Map<string, number>();

  constructor(private readonly text: string) {
    this.nextBreak = text.indexOf("\n");
  }

  document(): Places {
    let table = ROOT;
    for (this.skip(BLANK_LINES); this.at < this.text.length; this.skip(BLANK_LINES)) {
      const before = this.at;
      if (this.text[this.at] === "[") table = this.header();
      else this.keyValue(table);
      if (this.at === before) break;
    }
    return this.places;
  }

  private header(): Path {
    const isArray = this.text.startsWith("[[", this.at);
    const start = this.place();
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
    const start = this.place();
    const path = this.keys().reduce(child, table);
    this.at++;
    this.skip(BLANKS);
    this.record(path, start, this.place());
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
        const start = this.place();
        this.record(element, start, start);
        this.value(element);
      });
    } else if (first === "{") this.items("}", () => this.keyValue(path));
    else this.skip(BARE_VALUE);
  }

  /** What stands between brackets, with commas between. */
  private items(end: string, item: () => void): void {
    this.at++;
    for (this.skip(BLANK_LINES); this.at < this.text.length; this.skip(BLANK_LINES)) {
      const before = this.at;
      const next = this.text[this.at];
      if (next === end) break;
      if (next === ",") this.at++;
      else item();
      if (this.at === before) return;
    }
    this.at++;
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

  private skip(what: RegExp): void {
    what.lastIndex = this.at;
    if (what.test(this.text)) this.at = what.lastIndex;
  }

  private record(path: Path, key: TextPoint, value: TextPoint): void {
    if (path.depth > DEEPEST || this.places.size >= MOST_PLACES || this.places.has(path.text)) return;
    this.places.set(path.text, {
      line: key.line,
      column: key.column,
      valueLine: value.line,
      valueColumn: value.column,
    });
  }

  /** Where the walk stands now; it only goes forward, so lines are counted once. */
  private place(): TextPoint {
    while (this.nextBreak >= 0 && this.nextBreak < this.at) {
      this.line++;
      this.lineStart = this.nextBreak + 1;
      this.nextBreak = this.text.indexOf("\n", this.lineStart);
    }
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }
}

interface TextPoint {
  readonly line: number;
  readonly column: number;
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
