/**
 * XML of strangers as a tree. Well-formed XML 1.0 with namespaces and nothing else: a document type is refused, so there are no
 * entities but the five of XML itself, and size, depth and number of elements are bounded.
 */
import { SaxesParser } from "xml";
import { type Problem, problemOf } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";

export interface XmlElement {
  /** Name without its prefix. */
  readonly name: string;
  /** URI of its namespace; empty for none. */
  readonly namespace: string;
  /** By name as written; declarations of namespaces are left out. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its own text without that of its children, without white space around it. */
  readonly text: string;
  /** Line in the file, from 1. */
  readonly line: number;
}

export const MAX_XML_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 20_000;
const MAX_ATTRIBUTES = 64;
const NO_DOCTYPE = "it has a document type, and entities are not expanded";

/** Thrown inside the parser to end it, for its events can't. */
class Refused extends Error {}

interface Open {
  readonly element: XmlElement & { readonly children: XmlElement[] };
  readonly texts: string[];
}

/**
 * The documents of a text, each as its root element: `virt-install --print-xml` writes one for the installation and one
 * for afterwards into one file. Problem `usage` with the line for what is refused.
 */
export function readXml(text: string): Result<readonly XmlElement[], Problem> {
  if (new TextEncoder().encode(text).length > MAX_XML_BYTES) {
    return err({ code: "usage", message: `the XML is larger than ${MAX_XML_BYTES} bytes` });
  }
  const parser = new SaxesParser({ xmlns: true, position: true, fragment: true });
  try {
    const roots = collect(parser);
    parser.write(withoutDeclaration(text)).close();
    if (roots.length === 0) return err({ code: "usage", message: "there is no XML element in it" });
    return ok(roots);
  } catch (error) {
    const message = error instanceof Refused || isSyntax(error)
      ? sanitizeLine(error.message, 200)
      : problemOf(error).message;
    return err({ code: "usage", message: `the XML is refused: ${message}` });
  }
}

/**
 * The text with white space in place of its XML declaration: several documents in one file are read as a fragment, which may have
 * none. What is read was decoded as UTF-8 already, so another encoding is refused.
 */
function withoutDeclaration(text: string): string {
  const declared = /^\ufeff?<\?xml\s[^<>]{0,200}\?>/.exec(text)?.[0];
  if (declared === undefined) return text;
  const encoding = /\sencoding\s*=\s*["']([^"']*)["']/.exec(declared)?.[1] ?? "utf-8";
  if (!/^(utf-8|us-ascii)$/i.test(encoding)) {
    throw new Refused(`line 1: its encoding is ${encoding}, not UTF-8`);
  }
  return declared.replace(/[^\n]/g, " ") + text.slice(declared.length);
}

/** What the parser itself throws is a plain Error; whatever else comes is a defect and is told as one. */
function isSyntax(error: unknown): error is Error {
  return error instanceof Error && error.name === "Error";
}

function collect(parser: SaxesParser<{ xmlns: true; position: true; fragment: true }>): XmlElement[] {
  const roots: XmlElement[] = [];
  const open: Open[] = [];
  let count = 0, attributes = 0, line = 1;
  const refuse = (why: string): never => {
    throw new Refused(`line ${parser.line}: ${why}`);
  };
  parser.on("error", (error) => {
    if (/doctype/.test(error.message)) refuse(NO_DOCTYPE);
    refuse(error.message.replace(/^\d+:\d+: /, ""));
  });
  parser.on("doctype", () => refuse(NO_DOCTYPE));
  parser.on("opentagstart", () => {
    line = parser.line;
    attributes = 0;
    if (++count > MAX_ELEMENTS) refuse(`it has more than ${MAX_ELEMENTS} elements`);
    if (open.length >= MAX_DEPTH) refuse(`it is nested deeper than ${MAX_DEPTH} elements`);
  });
  parser.on("attribute", () => {
    if (++attributes > MAX_ATTRIBUTES) refuse(`an element has more than ${MAX_ATTRIBUTES} attributes`);
  });
  parser.on("opentag", (tag) => {
    const given = Object.entries(tag.attributes).filter(([name]) => !/^xmlns(:|$)/.test(name));
    const element = {
      name: tag.local,
      namespace: tag.uri,
      attributes: new Map(given.map(([name, { value }]) => [name, value])),
      children: [],
      text: "",
      line,
    };
    open.push({ element, texts: [] });
  });
  const takeText = (text: string) => open.at(-1)?.texts.push(text);
  parser.on("text", (text) => {
    if (open.length === 0 && text.trim() !== "") refuse("there is text outside of any element");
    takeText(text);
  });
  parser.on("cdata", takeText);
  parser.on("closetag", () => {
    const closed = open.pop();
    if (!closed) return;
    const whole: XmlElement = { ...closed.element, text: closed.texts.join("").trim() };
    (open.at(-1)?.element.children ?? roots).push(whole);
  });
  return roots;
}
