/**
 * Reads a tree of XML and remembers what was read, so that whatever was not is known in the end: nothing of a stranger's
 * description is dropped in silence.
 */
import { sanitizeLine } from "../core/sanitize.ts";
import type { Remark } from "./types.ts";
import type { XmlElement } from "./xml_read.ts";

/** Longest list of remarks; what is beyond is counted in the last one. */
export const MAX_REMARKS = 200;

export class Reading {
  readonly #elements = new Set<XmlElement>();
  readonly #attributes = new Map<XmlElement, Set<string>>();
  readonly #texts = new Set<XmlElement>();
  readonly #remarks: Remark[] = [];
  readonly #blockers: Remark[] = [];
  readonly #paths = new Map<XmlElement, string>();

  constructor(readonly root: XmlElement) {
    this.#elements.add(root);
    this.#name(root, "");
  }

  #name(element: XmlElement, path: string): void {
    this.#paths.set(element, path);
    const counts = new Map<string, number>();
    for (const { name } of element.children) counts.set(name, (counts.get(name) ?? 0) + 1);
    const seen = new Map<string, number>();
    for (const child of element.children) {
      const n = (seen.get(child.name) ?? 0) + 1;
      seen.set(child.name, n);
      const name = (counts.get(child.name) ?? 0) > 1 ? `${child.name}[${n}]` : child.name;
      this.#name(child, path === "" ? name : `${path}/${name}`);
    }
  }

  /** Children of that name and no namespace, as read. Their attributes, texts and children are not yet. */
  all(parent: XmlElement | undefined, name: string): XmlElement[] {
    const found = (parent?.children ?? []).filter((c) => c.name === name && c.namespace === "");
    for (const child of found) this.#elements.add(child);
    return found;
  }

  /** The first child of that name; further ones stay unread. */
  one(parent: XmlElement | undefined, name: string): XmlElement | undefined {
    const found = parent?.children.find((c) => c.name === name && c.namespace === "");
    if (found) this.#elements.add(found);
    return found;
  }

  /** A child of another namespace, as read. */
  foreign(parent: XmlElement | undefined, namespace: string, name: string): XmlElement | undefined {
    const found = parent?.children.find((c) => c.name === name && c.namespace === namespace);
    if (found) this.#elements.add(found);
    return found;
  }

  /** The child at the end of a path of names. */
  at(parent: XmlElement | undefined, ...names: string[]): XmlElement | undefined {
    return names.reduce<XmlElement | undefined>((at, name) => this.one(at, name), parent);
  }

  attribute(element: XmlElement | undefined, name: string): string | undefined {
    const value = element?.attributes.get(name);
    if (element && value !== undefined) {
      const read = this.#attributes.get(element) ?? new Set();
      this.#attributes.set(element, read.add(name));
    }
    return value;
  }

  text(element: XmlElement | undefined): string | undefined {
    if (element) this.#texts.add(element);
    return element?.text;
  }

  /** The element with all that is in it, as read. */
  whole(element: XmlElement | undefined): void {
    if (!element) return;
    this.#elements.add(element);
    this.#texts.add(element);
    this.#attributes.set(element, new Set(element.attributes.keys()));
    for (const child of element.children) this.whole(child);
  }

  /** What is told of an element that was read and does not come over as it is. */
  remark(element: XmlElement, becomes: string, what = describe(element)): void {
    this.#remarks.push(this.#about(element, what, becomes));
  }

  /** What stands in the way of bringing the guest in. */
  block(element: XmlElement, why: string, what = describe(element)): void {
    this.#blockers.push(this.#about(element, what, why));
  }

  path(element: XmlElement): string {
    return this.#paths.get(element) ?? element.name;
  }

  #about(element: XmlElement, what: string, becomes: string): Remark {
    return {
      path: sanitizeLine(this.path(element) || element.name, 120),
      line: element.line,
      what: sanitizeLine(what, 160),
      becomes: sanitizeLine(becomes, 200),
    };
  }

  /**
   * All remarks in the order of the file. What was not read is among them, with the word of `fate` for it: what becomes of it,
   * or null where it says what holds for every guest here anyway.
   */
  finish(fate: (path: string, element: XmlElement) => string | null | undefined): {
    remarks: Remark[];
    blockers: Remark[];
  } {
    const found = [...this.#remarks];
    this.#leftovers(this.root, fate, found);
    const remarks = found.sort((a, b) => a.line - b.line);
    return { remarks: bounded(remarks), blockers: bounded(this.#blockers) };
  }

  #leftovers(
    element: XmlElement,
    fate: (path: string, element: XmlElement) => string | null | undefined,
    found: Remark[],
  ): void {
    const path = this.path(element).replaceAll(/\[\d+\]/g, "");
    if (!this.#elements.has(element)) {
      const becomes = fate(path, element);
      if (becomes !== null) found.push(this.#about(element, describe(element), becomes ?? LEFT_OUT));
      return;
    }
    const read = this.#attributes.get(element);
    for (const [name, value] of element.attributes) {
      if (read?.has(name)) continue;
      const becomes = fate(`${path}@${name}`, element);
      if (becomes === null) continue;
      found.push(this.#about(element, `${name}="${value}"`, becomes ?? LEFT_OUT));
    }
    if (element.text !== "" && !this.#texts.has(element)) {
      found.push(this.#about(element, `text ${JSON.stringify(element.text)}`, LEFT_OUT));
    }
    for (const child of element.children) this.#leftovers(child, fate, found);
  }
}

export const LEFT_OUT = "not understood: left out";

function bounded(remarks: Remark[]): Remark[] {
  if (remarks.length <= MAX_REMARKS) return remarks;
  const kept = remarks.slice(0, MAX_REMARKS - 1);
  const line = remarks[MAX_REMARKS - 1]?.line ?? 1;
  const more = remarks.length - kept.length;
  return [...kept, { path: "", line, what: `${more} more`, becomes: "not listed: the list is full" }];
}

/** The element in one line: its start tag, and its text or that there is more inside. */
function describe({ name, attributes, text, children }: XmlElement): string {
  const given = [...attributes].map(([key, value]) => ` ${key}="${value}"`).join("");
  if (text !== "") return `<${name}${given}>${text}</${name}>`;
  return children.length > 0
    ? `<${name}${given}> with ${children.map((c) => c.name).join(", ")}`
    : `<${name}${given}/>`;
}
