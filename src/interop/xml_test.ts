import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_XML_BYTES, readXml, type XmlElement } from "./xml_read.ts";
import { element, xmlText } from "./xml_write.ts";

const LAUGHS = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">${
  Array.from({ length: 20 }, (_, i) => `<!ENTITY a${i} "&a;&a;&a;&a;&a;&a;&a;&a;">`).join("")
}]><domain>&a19;</domain>`;

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["a billion laughs", LAUGHS, /line 1: it has a document type/],
  [
    "an external entity",
    '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/shadow">]>\n<d>&x;</d>',
    /document type/,
  ],
  ["a document type after the root", "<d/><!DOCTYPE d>", /document type/],
  ["a document type that is cut off", "<!DOCTYPE", /document type/],
  ["an entity that nobody declared", "<d>\n&nbsp;</d>", /line 2: undefined entity/],
  ["names of JavaScript's as entities", "<d>&constructor;&__proto__;</d>", /undefined entity/],
  ["deep nesting", "<a>".repeat(100_000), /nested deeper than 32/],
  ["many elements", `<d>${"<a/>".repeat(100_000)}</d>`, /more than 20000 elements/],
  [
    "many attributes",
    `<d ${Array.from({ length: 5000 }, (_, i) => `a${i}="1"`).join(" ")}/>`,
    /more than 64 attr/,
  ],
  ["a huge file", `<d>${"x".repeat(MAX_XML_BYTES)}</d>`, /larger than 1048576 bytes/],
  ["text beside the root", "<d/>words", /text outside/],
  ["tags that do not match", "<d>\n\n<a></d>", /line 3: unexpected close tag/],
  ["an end in the middle", "<d><a", /unclosed|unexpected end/],
  ["an attribute twice", "<d a='1' a='2'/>", /duplicate attribute/],
  ["a prefix of no namespace", "<x:d/>", /unbound namespace prefix/],
  ["a NUL", "<d>\0</d>", /disallowed character/],
  ["another encoding", '<?xml version="1.0" encoding="UTF-16"?><d/>', /encoding is UTF-16/],
  ["nothing", "", /no XML element/],
];

Deno.test("readXml() refuses what is hostile or broken, says where, and is quick about it", () => {
  for (const [name, text, expected] of REFUSED) {
    const read = readXml(text);
    assert.ok(!read.ok, name);
    assert.match(read.error.message, expected, name);
    assert.equal(read.error.code, "usage");
    assert.ok(read.error.message.length < 300, name);
  }
});

Deno.test("readXml() gives names, namespaces, attributes, own text and lines, and every root", () => {
  const read = readXml(
    '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<!-- said -->\n<d a="&lt;1&gt;">\n <n:e xmlns:n="urn:x" n:b="2"/>' +
      " one <![CDATA[<two>]]>\n</d>\n<d/>",
  );
  assert.ok(read.ok, JSON.stringify(read));
  const [first, second] = read.value;
  assert.deepEqual([...first?.attributes ?? []], [["a", "<1>"]]);
  assert.equal(first?.text, "one <two>");
  assert.equal(first?.line, 3);
  const [inner] = first?.children ?? [];
  assert.deepEqual([inner?.name, inner?.namespace, inner?.line], ["e", "urn:x", 4]);
  assert.deepEqual([...inner?.attributes ?? []], [["n:b", "2"]]);
  assert.equal(second?.line, 6);
});

Deno.test("readXml() survives any text", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "<a>",
      "</a>",
      "<",
      "<!",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "&#",
      "&#x0;",
      "<?",
      "?>",
      "a='",
    ),
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    readXml(pieces.join(""));
  }));
});

Deno.test("what xmlText() writes, readXml() reads: any text, as content and as attribute", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ab <>&'\"\t\n\r]é\ud83d\ude00\0\uffff") });
  fc.assert(fc.property(text, text, (a, b) => {
    const read = readXml(xmlText(element("d", { a }, [element("e", {}, b)])));
    assert.ok(read.ok, JSON.stringify(read));
    const root: XmlElement | undefined = read.value[0];
    const kept = (s: string) => s.replace(/[\0\uffff]/g, "\ufffd");
    assert.equal(root?.attributes.get("a"), kept(a));
    assert.equal(root?.children[0]?.text, kept(b).trim());
  }));
});
