/**
 * A reader of small XML documents that nobody vouches for: elements, attributes, text. No document type, no entities but the
 * five of XML and numbers, so that nothing can grow or refer to something outside.
 */
import { err, ok, type Result } from "../core/result.ts";

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Text directly in it, all pieces joined. */
  readonly text: string;
}

const MAX_DEPTH = 64, MAX_ELEMENTS = 20_000;
/** Longest tag: matching attributes takes time that grows with its square. */
const MAX_TAG = 2_000;
const TOKEN = /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<[^<>]*>|[^<]+|</g;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

interface Open {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: XmlElement[];
  text: string;
}

/** The root element, or in a sentence why there is none. */
export function parseXml(source: string): Result<XmlElement, string> {
  const document: Open = { name: "", attributes: {}, children: [], text: "" };
  const stack: Open[] = [document];
  let elements = 0;
  for (const [token] of source.replace(/^\ufeff/, "").matchAll(TOKEN)) {
    const top = stack.at(-1) ?? document;
    if (token.startsWith("<![CDATA[")) top.text += token.slice(9, -3);
    else if (token.startsWith("<!--") || token.startsWith("<?")) continue;
    else if (token.startsWith("<!")) return err("it has a document type, which is not read");
    else if (!token.startsWith("<")) top.text += decode(token);
    else if (token.startsWith("</")) {
      const name = token.slice(2, -1).trim();
      if (stack.length < 2 || top.name !== name) return err(`</${name.slice(0, 40)}> ends nothing`);
      stack.pop();
      stack.at(-1)?.children.push(top);
    } else {
      if (token.length > MAX_TAG) return err("it has a tag longer than is read");
      const inside = /^<([^\s/>]+)([\s\S]*?)(\/?)>$/.exec(token);
      if (!inside) return err(`'${token.slice(0, 40)}' is no tag`);
      if (++elements > MAX_ELEMENTS || stack.length > MAX_DEPTH) {
        return err("it has more elements than are read");
      }
      const open: Open = {
        name: inside[1] ?? "",
        attributes: attributesOf(inside[2] ?? ""),
        children: [],
        text: "",
      };
      if (inside[3]) top.children.push(open);
      else stack.push(open);
    }
  }
  if (stack.length > 1) return err(`<${stack.at(-1)?.name.slice(0, 40)}> has no end`);
  const [root, ...more] = document.children;
  return root && more.length === 0 ? ok(root) : err("it has no root element");
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = Object.create(null);
  for (const [, name = "", double, single] of text.matchAll(ATTRIBUTE)) {
    found[name] = decode(double ?? single ?? "");
  }
  return found;
}

function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The first child of that name, in any case. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name.toUpperCase() === name);
}

/** Text of the element at a path of names below `element`; undefined when it is not there or empty. */
export function textAt(element: XmlElement, ...path: readonly string[]): string | undefined {
  let at: XmlElement | undefined = element;
  for (const name of path) at = child(at, name);
  const text = at?.text.trim();
  return text === "" ? undefined : text;
}
