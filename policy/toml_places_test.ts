import assert from "node:assert/strict";
import fc from "fast-check";
import { type AST, parseTOML } from "toml-positions";
import { parse, stringify } from "toml";
import { pathText } from "../src/core/shape.ts";
import { findPlaces, nearestPlace } from "./toml_places.ts";

/** Places as an independent parser with positions sees them. */
function expectedPlaces(text: string): Map<string, string> {
  const places = new Map<string, string>();
  const put = (path: (string | number)[], key: AST.TOMLNode, value: AST.TOMLNode) => {
    const [k, v] = [key.loc.start, value.loc.start];
    const name = pathText(path);
    if (!places.has(name)) places.set(name, `${k.line}:${k.column + 1} ${v.line}:${v.column + 1}`);
  };
  const name = (key: AST.TOMLBare | AST.TOMLQuoted) => key.type === "TOMLBare" ? key.name : key.value;
  const content = (node: AST.TOMLContentNode, path: (string | number)[]) => {
    if (node.type === "TOMLArray") {
      node.elements.forEach((element, i) => {
        put([...path, i], element, element);
        content(element, [...path, i]);
      });
    } else if (node.type === "TOMLInlineTable") node.body.forEach((pair) => keyValue(pair, path));
  };
  const keyValue = (node: AST.TOMLKeyValue, table: (string | number)[]) => {
    const path = [...table, ...node.key.keys.map(name)];
    put(path, node.key, node.value);
    content(node.value, path);
  };
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === "TOMLKeyValue") keyValue(node, []);
    else {
      put(node.resolvedKey, node, node);
      node.body.forEach((pair) => keyValue(pair, node.resolvedKey));
    }
  }
  return places;
}

function check(text: string): void {
  const found = [...findPlaces(text)].map((
    [path, p],
  ) => [path, `${p.line}:${p.column} ${p.valueLine}:${p.valueColumn}`]);
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expectedPlaces(text)));
}

Deno.test("findPlaces() agrees with an independent parser on every construct", () => {
  check(Deno.readTextFileSync(new URL("./cases/base/full.toml", import.meta.url)));
  check(`a = 1 # x = 2\r\n"b c".'d.e' = "q # \\" r"\n[ t . "u" ]\nx={y=[1,{z=2}], w = 'v' }\n`);
  check(
    `s = """\n[no]\nkey = 1 \\""" """ # c\nl = '''\n[x]'''''\nd = 1979-05-27 07:32:00Z\ne = [ # c\n 1,\n  "]", [ ], [[2]] ]\n`,
  );
  check("[[a]]\nx = 1\n[a.b]\ny = 2\n[[a.c]]\n[[a.c]]\nz = 1\n[[a]]\n[[a.c]]\nz = 3\n");
});

Deno.test("findPlaces() agrees with an independent parser on random documents", () => {
  const key = fc.oneof(fc.stringMatching(/^[a-z_-]{1,5}$/), fc.string({ minLength: 1, maxLength: 5 }));
  const document = fc.letrec((tie) => ({
    leaf: fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 12 })),
    list: fc.oneof(fc.array(fc.integer(), { maxLength: 3 }), fc.array(tie("table"), { maxLength: 3 })),
    table: fc.dictionary(
      key,
      fc.oneof({ depthSize: "small", maxDepth: 3 }, tie("leaf"), tie("list"), tie("table")),
      { maxKeys: 4 },
    ),
  })).table;
  fc.assert(
    fc.property(document, (value) => {
      // The printer is trusted only as far as the parser reads its text back.
      const text = stringify(value);
      if (text.includes("__proto__")) return;
      parse(text);
      check(text);
    }),
    { numRuns: 150 },
  );
});

Deno.test("findPlaces() ends on any text, in one pass over it", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."[]{}='\".,#\n a1\\") }), (text) => {
    findPlaces(text);
  }));
  findPlaces(`a = ${"[".repeat(200_000)}`);
  findPlaces(`a = ${"{b=".repeat(200_000)}`);
  assert.equal(findPlaces(`${"a.".repeat(100_000)}b = 1\n[${"a.".repeat(100_000)}b]\n`).size, 0);
});

Deno.test("nearestPlace() falls back to the table that a key is missing from", () => {
  const places = findPlaces("[a]\nb = 1\n");
  assert.equal(nearestPlace(places, ["a", "c"])?.line, 1);
  assert.equal(nearestPlace(places, ["a", "b", 3])?.line, 2);
  assert.equal(nearestPlace(places, ["x"]), undefined);
});
