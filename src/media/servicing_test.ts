import assert from "node:assert/strict";
import { familyOf, is23H2OrLater, servicingEnd, versionOf, WINDOWS_VERSIONS } from "./servicing.ts";

Deno.test("every day of the table is a second Tuesday, as Microsoft ends servicing, and no build is there twice", () => {
  for (const { version, ends } of WINDOWS_VERSIONS) {
    for (const day of Object.values(ends)) {
      const date = new Date(`${day}T00:00:00Z`);
      assert.equal(date.getUTCDay(), 2, `${version}: ${day}`);
      assert.ok(date.getUTCDate() > 7 && date.getUTCDate() <= 14, `${version}: ${day}`);
    }
  }
  assert.equal(new Set(WINDOWS_VERSIONS.map((one) => one.build)).size, WINDOWS_VERSIONS.length);
});

Deno.test("Enterprise and Education are serviced at least as long as Home and Pro", () => {
  for (const { ends } of WINDOWS_VERSIONS) {
    assert.ok((ends.enterprise_education ?? "") >= (ends.home_pro ?? ""));
  }
});

Deno.test("is23H2OrLater() goes by the build, and is unsure where media of 22H2 and 23H2 say the same", () => {
  const table: readonly [number | undefined, number | undefined, string][] = [
    [undefined, undefined, "no"],
    [19045, 2006, "no"],
    [22000, 1, "no"],
    [22621, undefined, "no"],
    [22621, 525, "no"],
    [22621, 1702, "no"],
    [22621, 2428, "unsure"],
    [22621, 3447, "unsure"],
    [22631, 2428, "yes"],
    [26100, 1742, "yes"],
    [26200, 6584, "yes"],
  ];
  for (const [build, revision, answer] of table) {
    assert.equal(is23H2OrLater(build, revision), answer, `${build}.${revision}`);
  }
});

Deno.test("familyOf() knows the editions of clients, their N and evaluation forms too", () => {
  const table: Record<string, string | undefined> = {
    Core: "home_pro",
    CoreN: "home_pro",
    CoreSingleLanguage: "home_pro",
    Professional: "home_pro",
    ProfessionalWorkstationN: "home_pro",
    Enterprise: "enterprise_education",
    EnterpriseEval: "enterprise_education",
    Education: "enterprise_education",
    EnterpriseS: "ltsc",
    EnterpriseSN: "ltsc",
    EnterpriseSEval: "ltsc",
    IoTEnterprise: "enterprise_education",
    IoTEnterpriseS: "iot_ltsc",
    ServerStandard: undefined,
    WindowsPE: undefined,
  };
  for (const [edition, family] of Object.entries(table)) assert.equal(familyOf(edition), family, edition);
});

Deno.test("servicingEnd() gives the days of Microsoft's table, and nothing for what is not in it", () => {
  assert.deepEqual(servicingEnd(22631, "Professional"), { day: "2025-11-11", derived: false });
  assert.deepEqual(servicingEnd(22631, "Education"), { day: "2026-11-10", derived: false });
  assert.deepEqual(servicingEnd(26100, "Enterprise"), { day: "2027-10-12", derived: false });
  assert.equal(servicingEnd(27_842, "Professional"), undefined);
  assert.equal(servicingEnd(26200, "EnterpriseS"), undefined);
  assert.equal(versionOf(27_842), undefined);
});

Deno.test("servicingEnd() says of a day that it was reckoned by the rule, and not read", () => {
  assert.deepEqual(servicingEnd(26100, "EnterpriseS"), { day: "2029-10-09", derived: true });
  assert.deepEqual(servicingEnd(26100, "IoTEnterpriseS"), { day: "2034-10-10", derived: true });
  assert.deepEqual(servicingEnd(26200, "Enterprise"), { day: "2028-10-10", derived: true });
  assert.deepEqual(servicingEnd(26300, "Education"), { day: "2029-10-09", derived: true });
  assert.deepEqual(servicingEnd(26200, "Core"), { day: "2027-10-12", derived: false });
});

Deno.test("a day that was reckoned is the rule's years after that of the version's other editions, or after its release", () => {
  const years = (from: string | undefined, to: string | undefined) =>
    Number(to?.slice(0, 4)) - Number(from?.slice(0, 4));
  for (const { version, ends, derived = [] } of WINDOWS_VERSIONS) {
    for (const family of derived) {
      // Home and Pro have 24 months.
      const more = { home_pro: 0, enterprise_education: 1, ltsc: 3, iot_ltsc: 8 }[family];
      assert.equal(years(ends.home_pro, ends[family]), more, `${version} ${family}`);
      assert.equal(ends.home_pro?.slice(5, 7), ends[family]?.slice(5, 7), `${version} ${family}`);
    }
  }
});
