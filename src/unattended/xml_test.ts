import assert from "node:assert/strict";
import { element, elementWith, xmlDocument } from "./xml.ts";

Deno.test("xmlDocument() indents elements, leaves texts as they are, and escapes what would end them", () => {
  const text = xmlDocument(elementWith(
    "a",
    { x: "<&>\"'\n" },
    element("b", " ]]> & </b> "),
    element("c"),
    element("d", element("e", "1")),
  ));
  assert.equal(
    text,
    `<?xml version="1.0" encoding="utf-8"?>
<a x="&lt;&amp;&gt;&quot;&apos;&#10;">
  <b> ]]&gt; &amp; &lt;/b&gt; </b>
  <c />
  <d>
    <e>1</e>
  </d>
</a>
`,
  );
});

Deno.test("xmlDocument() refuses what XML can't hold, rather than write something else", () => {
  for (const text of ["\0", "\x1b", "\ud800", "\ufffe"]) {
    assert.throws(() => xmlDocument(element("a", text)), /can't hold/);
    assert.throws(() => xmlDocument(elementWith("a", { b: text })), /can't hold/);
  }
  assert.throws(() => xmlDocument(element("a b")), /no name/);
  assert.throws(() => xmlDocument(elementWith("a", { "b=": "" })), /no name/);
});
