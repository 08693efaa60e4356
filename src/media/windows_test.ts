import assert from "node:assert/strict";
import type { BootImage } from "./el_torito.ts";
import type { EditionReport } from "./report.ts";
import { judge } from "./windows.ts";

const EFI: BootImage = { platform: "efi", bootable: true, emulation: "none", offset: 0, load_bytes: 512 };
const GOOD: EditionReport = {
  index: 1,
  name: "Windows 11 Pro",
  edition: "Professional",
  installation: "Client",
  architecture: "amd64",
  build: 26200,
  languages: ["en-US"],
  release: "Windows 11 25H2",
  family: "home_pro",
  windows_11_23h2_or_later: "yes",
  servicing_ends: "2027-10-12",
};

const TABLE: [string, Partial<EditionReport>, string, string[]][] = [
  ["nothing where all is well", {}, "2026-11-27", []],
  ["of the end of servicing 90 days before", {}, "2027-07-14", ["servicing_ends_soon"]],
  ["not of it 91 days before", {}, "2027-07-13", []],
  ["of it on its last day still as coming", {}, "2027-10-12", ["servicing_ends_soon"]],
  ["of servicing that has ended", {}, "2027-10-13", ["servicing_ended"]],
  ["of another architecture", { architecture: "arm64" }, "2026-11-27", ["other_architecture"]],
  ["of an older Windows 11", { build: 22000, windows_11_23h2_or_later: "no" }, "2026-11-27", [
    "older_than_23h2",
  ]],
  ["of Windows 10", { build: 19045, windows_11_23h2_or_later: "no" }, "2026-11-27", ["not_windows_11"]],
  [
    "of Windows Server",
    { build: 26100, installation: "Server", windows_11_23h2_or_later: "no" },
    "2026-11-27",
    ["not_windows_11"],
  ],
  [
    "of a build that may be 22H2 or 23H2",
    { build: 22621, windows_11_23h2_or_later: "unsure" },
    "2026-11-27",
    ["perhaps_older_than_23h2"],
  ],
];
for (const [name, change, today, codes] of TABLE) {
  Deno.test(`judge() warns ${name}`, () => {
    const found = judge([{ ...GOOD, ...change }], { boot: [EFI] }, today, "");
    assert.deepEqual(found.map((one) => one.code), codes);
  });
}

Deno.test("judge() warns of a medium that does not start by EFI, and of an edition without a build", () => {
  const { build: _, ...unnamed } = GOOD;
  const boot: BootImage[] = [{ ...EFI, bootable: false }, { ...EFI, platform: "bios" }];
  const found = judge([{ ...unnamed, windows_11_23h2_or_later: "no" }], { boot }, "2026-11-27", "");
  assert.deepEqual(found.map((one) => one.code), ["version_unknown", "no_efi_boot"]);
});

Deno.test("judge() says of a build that may be either what the medium's name says", () => {
  const either: EditionReport = { ...GOOD, build: 22621, windows_11_23h2_or_later: "unsure" };
  const [found] = judge([either], { boot: [EFI] }, "2026-11-27", "CCCOMA Win11_23H2_English_x64v2.iso");
  assert.match(found?.message ?? "", /its name says 23H2/);
});

Deno.test("judge() tells editions that end on the same day in one warning", () => {
  const other: EditionReport = { ...GOOD, index: 2, name: "Windows 11 Home", edition: "Core" };
  const found = judge([GOOD, other], { boot: [EFI] }, "2028-01-01", "");
  assert.equal(found.length, 1);
  assert.match(found[0]?.message ?? "", /Windows 11 Pro, Windows 11 Home/);
});

Deno.test("judge() says of a day that was reckoned by which rule, and asks to look it up", () => {
  const reckoned: EditionReport = {
    ...GOOD,
    edition: "Enterprise",
    family: "enterprise_education",
    servicing_ends: "2028-10-10",
    servicing_derived: true,
  };
  const [found] = judge([reckoned], { boot: [EFI] }, "2028-10-11", "");
  assert.match(found?.message ?? "", /ended on 2028-10-10 by Microsoft's rule of 36 months: /);
  assert.match(found?.hint ?? "", /reckoned/);
  const [read] = judge([GOOD], { boot: [EFI] }, "2028-10-11", "");
  assert.doesNotMatch(`${read?.message} ${read?.hint}`, /rule|reckoned/);
});
