import fc from "fast-check";
import assert from "node:assert/strict";
import { parseXml, textAt } from "./xml.ts";

Deno.test("parseXml() reads elements, attributes, text, entities and CDATA", () => {
  const parsed = parseXml(
    `<?xml version="1.0"?><!-- a --><A x="1 &lt; 2" y='"'><B>one &#65;&#x42;&unknown;</B><C/><B><![CDATA[<two>]]></B></A>`,
  );
  assert.ok(parsed.ok);
  const root = parsed.value;
  assert.deepEqual({ ...root.attributes }, { x: "1 < 2", y: '"' });
  assert.equal(textAt(root, "B"), "one AB&unknown;");
  assert.equal(textAt(root, "C"), undefined);
  assert.deepEqual(root.children.map((one) => one.text), ["one AB&unknown;", "", "<two>"]);
});

Deno.test("parseXml() refuses what is not whole, and documents made to grow", () => {
  const deep = "<a>".repeat(100) + "</a>".repeat(100);
  const broken = [
    "",
    "x",
    "<a>",
    "</a>",
    "<a></b>",
    "<a/><b/>",
    "<a",
    "<>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    deep,
  ];
  for (const text of broken) assert.ok(!parseXml(text).ok, text.slice(0, 60));
});

Deno.test("parseXml() answers to any text, in time that grows with its length alone", () => {
  const piece = fc.constantFrom(
    "<",
    ">",
    "</",
    "/>",
    "<a>",
    "</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "&",
    "&#",
    ";",
    "a='",
    '"',
    "=",
    " ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 60 }), (pieces) => {
      parseXml(pieces.join(""));
    }),
  );
  // Each of these has a way to make a careless pattern look at everything again from every place.
  for (
    const hostile of ["<!--", "<![CDATA[", "<?", "<a b='", "<a b", "&#", "<a " + " ".repeat(100), "a", "<a/>"]
  ) {
    parseXml(hostile.repeat(100_000));
    parseXml(`<w>${hostile.repeat(100_000)}</w>`);
    parseXml(`<w ${hostile.replaceAll("<", "").repeat(100_000)}></w>`);
  }
});
