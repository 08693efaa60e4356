/** XML written: elements as data, and their text. */

export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  /** Text, or further elements. */
  readonly content: string | readonly XmlNode[];
}

/** An element. Attributes that are undefined and children that are not there are left out. */
export function element(
  name: string,
  attributes: XmlNode["attributes"] = {},
  content: string | number | readonly (XmlNode | undefined)[] = [],
): XmlNode {
  return {
    name,
    attributes,
    content: typeof content === "object" ? content.filter((node) => node !== undefined) : String(content),
  };
}

/** The element as a document of its own, two spaces a level. Characters that XML 1.0 can't hold become U+FFFD. */
export function xmlText(node: XmlNode): string {
  return lines(node, "").join("\n") + "\n";
}

function lines({ name, attributes, content }: XmlNode, indent: string): string[] {
  const given = Object.entries(attributes)
    .map(([key, value]) => value === undefined ? "" : ` ${key}='${escape(String(value), /[&<>'"\t\n\r]/g)}'`);
  const start = `${indent}<${name}${given.join("")}`;
  if (content.length === 0) return [`${start}/>`];
  if (typeof content === "string") return [`${start}>${escape(content, /[&<>\r]/g)}</${name}>`];
  return [`${start}>`, ...content.flatMap((child) => lines(child, `${indent}  `)), `${indent}</${name}>`];
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&apos;",
  '"': "&quot;",
};

/** As references: also the white space of an attribute, which would otherwise be read as plain spaces. */
function escape(text: string, what: RegExp): string {
  return holdable(text).replace(what, (c) => ENTITIES[c] ?? `&#${c.charCodeAt(0)};`);
}

/** The text as XML 1.0 can hold it (section 2.2, `Char`). */
export function holdable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
}
