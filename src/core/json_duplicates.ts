/** Keys that stand twice in one object of a JSON text: `JSON.parse` keeps the last one without a word. */

/** Key paths of repeated keys (`vms.a.name`), in the order of the text. The text must be valid JSON. */
export function duplicateKeys(text: string): readonly string[] {
  const duplicates: string[] = [];
  /** One entry for each open bracket: an object's keys so far, or a list's. */
  const open: { readonly keys: Set<string> | undefined; key: string }[] = [];
  // Only strings, brackets and colons matter; a string is a key exactly where a colon follows it.
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;
  let last = "";
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    const top = open.at(-1);
    if (found === "{") open.push({ keys: new Set(), key: "" });
    else if (found === "[") open.push({ keys: undefined, key: "[]" });
    else if (found === "}" || found === "]") open.pop();
    else if (found === ":" && top?.keys) {
      const key: unknown = JSON.parse(last);
      top.key = String(key);
      if (top.keys.has(top.key)) duplicates.push(open.map((level) => level.key).join("."));
      top.keys.add(top.key);
    }
    last = found;
  }
  return duplicates;
}
