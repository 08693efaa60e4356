/** Versions of Windows by build, and until when Microsoft services them. */

/** Editions that are serviced equally long. */
export type EditionFamily = "home_pro" | "enterprise_education" | "ltsc" | "iot_ltsc";

export interface WindowsVersion {
  readonly windows: 10 | 11;
  /** `23H2`. */
  readonly version: string;
  readonly build: number;
  /** Last day of updates, `YYYY-MM-DD`, by family; a family that is not there had no such version. */
  readonly ends: Readonly<Partial<Record<EditionFamily, string>>>;
  /** Families whose day was not found at the source: it follows from {@link SERVICED_FOR}. */
  readonly derived?: readonly EditionFamily[];
}

/** How long Microsoft says that it services a version, by family; the last day is a second Tuesday. */
export const SERVICED_FOR: Readonly<Record<EditionFamily, string>> = {
  home_pro: "24 months",
  enterprise_education: "36 months",
  ltsc: "5 years",
  iot_ltsc: "10 years",
};

/** Where the table's days come from, and when it was last compared with it. */
export const SERVICING_SOURCE =
  "https://learn.microsoft.com/windows/release-health/windows11-release-information";
export const SERVICING_AS_OF = "2026-11-04";

/**
 * Windows 11 by build. Microsoft ends servicing on the second Tuesday of a month. Of Windows 10 only what is still met:
 * https://learn.microsoft.com/windows/release-health/release-information
 */
export const WINDOWS_VERSIONS: readonly WindowsVersion[] = [
  { windows: 10, version: "2004", build: 19041, ends: both("2021-12-14", "2021-12-14") },
  {
    windows: 10,
    version: "21H2",
    build: 19044,
    ends: { ...both("2023-06-13", "2024-06-11"), ltsc: "2027-01-12", iot_ltsc: "2032-01-13" },
  },
  { windows: 10, version: "22H2", build: 19045, ends: both("2025-10-14", "2025-10-14") },
  { windows: 11, version: "21H2", build: 22000, ends: both("2023-10-10", "2024-10-08") },
  { windows: 11, version: "22H2", build: 22621, ends: both("2024-10-08", "2025-10-14") },
  { windows: 11, version: "23H2", build: 22631, ends: both("2025-11-11", "2026-11-10") },
  {
    windows: 11,
    version: "24H2",
    build: 26100,
    ends: { ...both("2026-10-13", "2027-10-12"), ltsc: "2029-10-09", iot_ltsc: "2034-10-10" },
    derived: ["ltsc", "iot_ltsc"],
  },
  {
    windows: 11,
    version: "25H2",
    build: 26200,
    ends: both("2027-10-12", "2028-10-10"),
    derived: ["enterprise_education"],
  },
  {
    windows: 11,
    version: "26H2",
    build: 26300,
    ends: both("2028-10-10", "2029-10-09"),
    derived: ["enterprise_education"],
  },
  // For new devices only, from another branch of the sources: 26H2 is no update for it.
  { windows: 11, version: "26H1", build: 28000, ends: both("2028-03-14", "2029-03-13") },
];

function both(homePro: string, enterprise: string) {
  return { home_pro: homePro, enterprise_education: enterprise };
}

/** First build of Windows 11 23H2. */
export const FIRST_BUILD_23H2 = 22631;
const FIRST_BUILD_11 = 22000;

/**
 * 23H2 is 22H2 with a package that switches features on, and raises the number only in the installed system. The images on its
 * media say 22621, "by design" (https://github.com/alaurie/WimWitchFK/issues/28), with the revision of the release or a later
 * one: 22631.2428 was the first. 22H2's own media were renewed after that day too, so such an image may be either.
 */
const SHARED_BUILD_23H2 = 22621, FIRST_REVISION_23H2 = 2428;

/** `unsure`: the image may be 22H2 or 23H2, and no number on the medium tells. */
export type Is23H2 = "yes" | "no" | "unsure";

export function is23H2OrLater(build: number | undefined, revision: number | undefined): Is23H2 {
  if (build === undefined) return "no";
  if (build >= FIRST_BUILD_23H2) return "yes";
  return build === SHARED_BUILD_23H2 && (revision ?? 0) >= FIRST_REVISION_23H2 ? "unsure" : "no";
}

/** Windows 10 and 11 both call themselves 10.0. */
export function isWindows11(build: number | undefined): boolean {
  return build !== undefined && build >= FIRST_BUILD_11;
}

/** The version that a build number means; undefined for previews, and for what is newer or older than the table. */
export function versionOf(build: number): WindowsVersion | undefined {
  return WINDOWS_VERSIONS.find((one) => one.build === build);
}

/** The family of an `EDITIONID`; undefined where the table has nothing for it (Server, preinstallation environment). */
export function familyOf(edition: string): EditionFamily | undefined {
  const id = edition.replace(/(Eval|N|KN)$/, "").replace(/(Eval|N|KN)$/, "");
  if (/^IoTEnterpriseS/.test(id)) return "iot_ltsc";
  if (/^EnterpriseS/.test(id)) return "ltsc";
  if (/^(Enterprise|Education|IoTEnterprise|ServerRdsh)/.test(id)) return "enterprise_education";
  if (/^(Core|Professional|CloudEdition)/.test(id)) return "home_pro";
  return undefined;
}

/** Until when something is serviced. */
export interface ServicingEnd {
  /** Last day of updates, `YYYY-MM-DD`. */
  readonly day: string;
  /** Nobody has said this day: it follows from Microsoft's rule for the family. */
  readonly derived: boolean;
}

/** The last day of updates for a build and an edition; undefined when the table does not know. */
export function servicingEnd(build: number, edition: string): ServicingEnd | undefined {
  const family = familyOf(edition);
  const version = versionOf(build);
  const day = family && version?.ends[family];
  if (family === undefined || day === undefined) return undefined;
  return { day, derived: version?.derived?.includes(family) ?? false };
}
