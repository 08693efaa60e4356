import assert from "node:assert/strict";
import fc from "fast-check";
import { planGuest } from "../qemu/plan.ts";
import { testInput } from "../qemu/testing.ts";
import {
  awaitingState,
  comparable,
  firstDifference,
  imagesIn,
  optionIn,
  parseCmdline,
} from "./command_line.ts";

const ROOT = "/srv/r";
const planned = (): readonly string[] => {
  const plan = planGuest(
    testInput({
      kind: "linux",
      disks: [{ name: "root", path: "/srv/r/vm/d.qcow2", format: "qcow2", backing: [] }],
    }),
  );
  assert.ok(plan.ok);
  return plan.value.qemu.args;
};
const disk = (node: string, file: string) => [
  "-blockdev",
  JSON.stringify({ driver: "file", "node-name": node, filename: file }),
];
const device = (id: string, driver = "virtio-blk-pci", more = {}) => [
  "-device",
  JSON.stringify({ driver, id, ...more }),
];
const BASE = ["-machine", "pc-q35-7.2,smm=on", "-m", "64M", ...device("a"), ...device("b")];

Deno.test("parseCmdline() gives the arguments of /proc/PID/cmdline, empty ones too", () => {
  assert.deepEqual(parseCmdline("qemu\0-m\0" + "64M\0\0-S\0"), ["-m", "64M", "", "-S"]);
});

Deno.test("comparable() forgets how QEMU was started and where the data root is", () => {
  const args = [
    "-S",
    ...BASE,
    ...disk("f", `${ROOT}/vm/d.raw`),
    "-chardev",
    `socket,id=c,path=${ROOT}/run/s`,
  ];
  const moved = args.map((arg) => arg.replaceAll(ROOT, '/elsewhere, "in" a root'));
  const here = comparable(args, ROOT);
  assert.deepEqual(comparable(awaitingState(args), ROOT), here);
  assert.deepEqual(
    comparable([
      ...args.slice(0, -4),
      ...disk("f", '/elsewhere, "in" a root/vm/d.raw'),
      "-chardev",
      'socket,id=c,path=/elsewhere,, "in" a root/run/s',
    ], '/elsewhere, "in" a root'),
    here,
  );
  assert.notDeepEqual(comparable(moved, ROOT), here);
  assert.ok(!here.includes("-S") && !here.some((arg) => arg.includes(ROOT)));
});

Deno.test("comparable() of a real plan is the same with and without what a resume adds, and holds its images", () => {
  const args = planned(), root = ROOT;
  assert.equal(firstDifference(comparable(args, root), comparable(awaitingState(args), root)), undefined);
  assert.deepEqual(imagesIn(comparable(args, root)), ["vm/d.qcow2"]);
  assert.match(optionIn(comparable(args, root), "-machine") ?? "", /^pc-q35-/);
});

Deno.test("imagesIn() names the files of the data root, not the host's firmware", () => {
  const args = comparable([
    ...disk("a", `${ROOT}/vm/linux/g/disk.raw`),
    "-blockdev",
    JSON.stringify({ driver: "raw", "node-name": "b", file: "a" }),
    ...disk("c", "/usr/share/OVMF/OVMF_CODE.fd"),
    "-blockdev",
    "{broken",
  ], ROOT);
  assert.deepEqual(imagesIn(args), ["vm/linux/g/disk.raw"]);
});

const DIFFERENCES: readonly (readonly [string, readonly string[], readonly string[], RegExp | undefined])[] =
  [
    ["nothing", BASE, BASE, undefined],
    ["the memory", BASE, BASE.map((arg) => arg === "64M" ? "96M" : arg), /^the memory is 96M, it was 64M$/],
    [
      "the machine",
      BASE,
      ["-machine", "pc-q35-8.0,smm=on", ...BASE.slice(2)],
      /^the machine is pc-q35-8\.0.*it was pc-q35-7\.2/,
    ],
    [
      "a new device",
      BASE,
      [...BASE, ...device("c", "virtio-net-pci")],
      /^device c \(virtio-net-pci\) is new$/,
    ],
    ["a device less", BASE, BASE.slice(0, -2), /^device b \(virtio-blk-pci\) is gone$/],
    [
      "a changed device",
      BASE,
      [...BASE.slice(0, -2), ...device("b", "virtio-blk-pci", { addr: "9" })],
      /^device b .* is \{/,
    ],
    [
      "the order of devices",
      BASE,
      [...BASE.slice(0, 4), ...device("b"), ...device("a")],
      /^device a .* stands elsewhere/,
    ],
    [
      "one of two alike",
      [...BASE, "-global", "x.y=1", "-global", "x.y=2"],
      [...BASE, "-global", "x.y=1"],
      /^-global x\.y \(2\) is gone$/,
    ],
    ["a flag", BASE, [...BASE, "-nodefaults"], /^-nodefaults is new$/],
  ];

for (const [what, then, now, sentence] of DIFFERENCES) {
  Deno.test(`firstDifference() names ${what}`, () => {
    const difference = firstDifference(then, now);
    if (sentence === undefined) assert.equal(difference, undefined);
    else assert.match(difference ?? "none", sentence);
  });
}

Deno.test("firstDifference() finds none exactly where the command lines are the same", () => {
  const option = fc.constantFrom(...["-m", "-cpu", "-device", "-blockdev", "-global", "-x"]);
  const value = fc.constantFrom("1", "a=b,id=c", '{"id":"d","driver":"e"}', '{"node-name":"n"}', "{");
  const line = fc.array(fc.tuple(option, value), { maxLength: 6 }).map((pairs) => pairs.flat());
  fc.assert(fc.property(line, line, (a, b) => {
    const same = JSON.stringify(a) === JSON.stringify(b);
    assert.equal(firstDifference(a, b) === undefined, same, `${a} | ${b}`);
  }));
});
