import assert from "node:assert/strict";
import { GUEST_KINDS } from "../core/ids.ts";
import { parseAnswers } from "./answers.ts";
import { answersKeys } from "./answers_schema.ts";
import { answersMarkdown, answersTemplate } from "./answers_text.ts";

function problemsOf(text: string): readonly string[] {
  const read = parseAnswers(text, "template");
  return read.ok ? [] : read.error.map((problem) => problem.message);
}

for (const kind of GUEST_KINDS) {
  Deno.test(`the template of a ${kind} guest loads as it stands, and shows every key`, () => {
    const text = answersTemplate(kind);
    assert.deepEqual(problemsOf(text), []);
    for (const [path, field] of answersKeys(kind)) {
      const key = path.split(".").at(-1);
      const line = field.shape.fields ? `^\\[${path}\\]$` : `^(# )?${key} = `;
      assert.match(text, new RegExp(line, "m"), path);
    }
  });

  Deno.test(`each key behind '#' of the template of a ${kind} guest may be set, and a default shown is the default`, () => {
    const text = answersTemplate(kind);
    const plain = parseAnswers(text, "template");
    const lines = text.split("\n");
    let section = "";
    lines.forEach((line, index) => {
      section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
      const key = /^# ([a-z_0-9]+) = /.exec(line)?.[1];
      if (key === undefined) return;
      const set = lines.with(index, line.slice(2)).join("\n");
      // Another way to log in takes the place of the one that stands there.
      const other = key === "password_file" || key === "password_hash";
      const shown = other ? set.replace(/^password_prompt = .*$/m, "") : set;
      assert.deepEqual(problemsOf(shown), [], line);
      const field = answersKeys(kind).find(([path]) => path === `${section}.${key}`)?.[1];
      if (field?.presence === "default") assert.deepEqual(parseAnswers(shown, "template"), plain, line);
    });
  });
}

Deno.test("the page of the keys has every key of both kinds", () => {
  const page = answersMarkdown();
  for (const kind of GUEST_KINDS) {
    for (const [path] of answersKeys(kind)) assert.ok(page.includes(`| \`${path}\` |`), path);
  }
});
