import assert from "node:assert/strict";
import fc from "fast-check";
import { readAssignments } from "./assignments.ts";

Deno.test("readAssignments() reads plain, quoted and joined words, arrays and comments", () => {
  const { assignments, unread } = readAssignments(
    [
      "#!/usr/bin/quickemu --vm",
      'guest_os="windows"  # which',
      "disk_img='a b/disk.qcow2'",
      "ram=8G\r",
      'iso="a\\"b"\'c d\'e\\ f#g',
      "empty=",
      "port_forwards=(\"22:22\" '80:80' 443:443)",
      "usb_devices=()",
    ].join("\n"),
  );
  assert.deepEqual(unread, []);
  assert.deepEqual(assignments.map(({ name, line, value }) => [name, line, value]), [
    ["guest_os", 2, "windows"],
    ["disk_img", 3, "a b/disk.qcow2"],
    ["ram", 4, "8G"],
    ["iso", 5, 'a"bc de f#g'],
    ["empty", 6, ""],
    ["port_forwards", 7, ["22:22", "80:80", "443:443"]],
    ["usb_devices", 8, []],
  ]);
});

const HOSTILE: readonly (readonly [string, RegExp])[] = [
  ['ram="$(rm -rf /)"', /\$/],
  ["ram=$(id)", /\$/],
  ['ram="`id`"', /`/],
  ["ram=`id`", /`/],
  ['ram="${HOME}"', /\$/],
  ["ram=$((1+1))", /\$/],
  ["ram=$'\\x41'", /\$/],
  ["ram=<(id)", /</],
  ["ram=1;id", /;/],
  ["ram=1&", /&/],
  ["ram=1|id", /\|/],
  ["ram=1 id", /would be run/],
  ['ram=1 ram="2"', /would be run/],
  ["ram=~root", /~/],
  ["ram={a,b}", /\{/],
  ["ram=*", /\*/],
  ["ram=1>/etc/passwd", />/],
  ["ram=1\\", /goes on/],
  ['ram="1', /not closed/],
  ["ram='1", /not closed/],
  ["ram=(1 2", /not closed/],
  ["ram=(1 $(id))", /\$/],
  ["ram=(1)(2)", /would be run/],
  ["ram+=1", /no assignment/],
  ["ram[0]=1", /no assignment/],
  ["export ram=1", /no assignment/],
  ["id", /no assignment/],
  ["source /etc/passwd", /no assignment/],
  ["f() { id; }", /no assignment/],
  ["\u00e9=1", /no assignment/],
];

Deno.test("readAssignments() takes nothing from a line that a shell would act on, and says why", () => {
  for (const [text, why] of HOSTILE) {
    const { assignments, unread } = readAssignments(`\n${text}\n`);
    assert.deepEqual(assignments, [], text);
    assert.equal(unread.length, 1, text);
    assert.equal(unread[0]?.line, 2);
    assert.match(unread[0]?.why ?? "", why, text);
  }
});

Deno.test("readAssignments() survives any text, and is linear in it", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    readAssignments(text);
    readAssignments(`a=${text}`);
  }));
  const { unread } = readAssignments("a=(".repeat(20_000) + "\n" + "x\n".repeat(5000));
  assert.match(unread.at(-1)?.why ?? "", /more than 2000 lines/);
});

Deno.test("what readAssignments() accepts, bash reads as the same value", async () => {
  // Nothing but harmless letters, and what is accepted has nothing in it that a shell would act on.
  const unit = fc.constantFrom(..."ab/. #'\"\\:=-\t,");
  const values = new Map<string, string>();
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      const [found] = readAssignments(`v=${text}`).assignments;
      if (found && typeof found.value === "string") values.set(`v=${text}`, found.value);
    }),
    { numRuns: 2000 },
  );
  assert.ok(values.size > 100);
  const script = [...values.keys()].map((line) => `${line}\nprintf '%s\\0' "$v"`).join("\n");
  const { stdout, code } = await new Deno.Command("/bin/bash", {
    args: ["--norc", "--noprofile", "-r", "-c", script],
    clearEnv: true,
    env: { PATH: "/nonexistent" },
  }).output();
  assert.equal(code, 0);
  const said = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  assert.deepEqual(said, [...values.values()]);
});
