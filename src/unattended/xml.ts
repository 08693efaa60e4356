/** A small writer of XML: elements as data, every text and attribute escaped, so that no value can end its element. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

/** An element with attributes. */
export function elementWith(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (XmlElement | string)[]
): XmlElement {
  return { name, attributes, children };
}

/** An element without attributes. */
export function element(name: string, ...children: readonly (XmlElement | string)[]): XmlElement {
  return { name, attributes: {}, children };
}

/** A whole document, indented, with a declaration. Throws where a text has a character that XML 1.0 has no way to write. */
export function xmlDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n${written(root, "")}\n`;
}

function written({ name, attributes, children }: XmlElement, indent: string): string {
  if (!NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name of an element`);
  const attribute = ([key, value]: [string, string]) => {
    if (!NAME.test(key)) throw new Error(`${JSON.stringify(key)} is no name of an attribute`);
    return ` ${key}="${escaped(value)}"`;
  };
  const head = `${indent}<${name}${Object.entries(attributes).map(attribute).join("")}`;
  if (children.length === 0) return `${head} />`;
  // An element that has text keeps it to the letter: no blank is added.
  if (children.some((child) => typeof child === "string")) {
    const inner = children.map((child) => typeof child === "string" ? escaped(child) : written(child, ""));
    return `${head}>${inner.join("")}</${name}>`;
  }
  const inner = children.map((child) => typeof child === "string" ? "" : written(child, `${indent}  `));
  return `${head}>\n${inner.join("\n")}\n${indent}</${name}>`;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?$/;

/** What is no Char of XML 1.0, section 2.2. A lone surrogate is none either. */
// deno-lint-ignore no-control-regex
const NO_CHAR = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  // A parser would make a blank or a line feed of these.
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escaped(text: string): string {
  if (NO_CHAR.test(text) || !text.isWellFormed()) {
    throw new Error("a text has a character that XML can't hold");
  }
  return text.replace(/[&<>"'\t\n\r]/g, (found) => ENTITIES[found] ?? found);
}
