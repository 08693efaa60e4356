/**
 * Faults that lie between keys: contradictions, and names that don't exist. Works on the value as it was parsed, so that
 * these faults are found beside those of single keys.
 */
import {
  type Fault,
  FaultList,
  isTable,
  type KeyPath,
  pathText,
  type Report,
  seen,
} from "../src/core/shape.ts";
import { didYouMean } from "../src/core/suggest.ts";
import { BUILTIN_NETWORK_PROFILES, isPrivateNetwork, parseAllowEntry } from "./network_profile.ts";
import { parseRelativePath } from "../src/core/relative_path.ts";

type Table = Readonly<Record<string, unknown>>;
const NOTHING: Table = {};

/** All faults between keys of a parsed file; `root` as in `loadPolicy`. Never throws, whatever the value is. */
export function checkPolicy(value: Table, root?: string): readonly Fault[] {
  const faults = new FaultList();
  const { report } = faults;
  checkKinds(value, report);
  checkSecurity(value, report);
  checkNetworkProfiles(value, report);
  checkProfiles(value, root, report);
  checkPaths(value, root, report);
  return faults.list();
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) found = isTable(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

function tableAt(value: unknown, ...path: readonly string[]): Table {
  const found = at(value, ...path);
  return isTable(found) ? found : NOTHING;
}

function contradiction(path: KeyPath, message: string, hint: string, rule?: string): Fault {
  return { path, at: "value", message: `${pathText(path)} ${message}`, hint, ...(rule ? { rule } : {}) };
}

function checkKinds(value: Table, report: Report): void {
  if (at(value, "windows", "enabled") === true && at(value, "windows", "devices", "vtpm") !== true) {
    const vtpm = at(value, "windows", "devices", "vtpm");
    const is = vtpm === undefined ? "missing, so false" : seen(vtpm);
    const path = vtpm === undefined ? ["windows", "enabled"] : ["windows", "devices", "vtpm"];
    report(contradiction(
      path,
      vtpm === undefined
        ? `is true, which needs windows.devices.vtpm = true; that is ${is}`
        : `is ${is}; windows.enabled = true needs it to be true`,
      "set windows.devices.vtpm = true, or windows.enabled = false",
      "vtpm_required",
    ));
  }
  const id = at(value, "linux", "vm_id");
  if (typeof id === "string" && id === at(value, "windows", "vm_id")) {
    report(
      contradiction(["windows", "vm_id"], `is ${seen(id)}, which is linux.vm_id too`, "a guest has one kind"),
    );
  }
}

function checkSecurity(value: Table, report: Report): void {
  if (at(value, "security", "confine_processes") === false && at(value, "security", "developer") !== true) {
    report(contradiction(
      ["security", "confine_processes"],
      "is false; that is allowed only with security.developer = true",
      "leave it true, or set security.developer = true on a machine where that is meant",
    ));
  }
}

function checkNetworkProfiles(value: Table, report: Report): void {
  for (const [name, profile] of Object.entries(tableAt(value, "network_profiles"))) {
    const path = ["network_profiles", name];
    const egress = at(profile, "egress") ?? "none";
    const dns = at(profile, "dns") ?? "none";
    const allow = at(profile, "allow");
    const entries: readonly unknown[] = Array.isArray(allow) ? allow : [];
    if (name === "off") {
      report({ path, at: "key", message: "network_profiles.off can't be restated: off is always off" });
    }
    if (entries.length > 0 && egress !== "allowlist") {
      report(
        contradiction(
          [...path, "allow"],
          `has entries, but egress is ${seen(egress)}`,
          'set egress = "allowlist"',
        ),
      );
    }
    if (dns === "allowlist" && egress !== "allowlist" || dns === "any" && egress === "none") {
      report(
        contradiction([...path, "dns"], `is ${seen(dns)}, but egress is ${seen(egress)}`, 'set dns = "none"'),
      );
    }
    if (at(profile, "private_ranges") !== true) {
      entries.forEach((entry, index) => checkPrivate(entry, [...path, "allow", index], report));
    }
  }
}

function checkPrivate(entry: unknown, path: KeyPath, report: Report): void {
  const parsed = typeof entry === "string" ? parseAllowEntry(entry) : undefined;
  if (
    !parsed?.ok || parsed.value.kind !== "cidr" || !isPrivateNetwork(parsed.value.bytes, parsed.value.prefix)
  ) return;
  report(contradiction(
    path,
    `is ${seen(entry)}, a network that is not public, but private_ranges is false`,
    "set private_ranges = true where that is meant, or remove the entry",
  ));
}

/** Folders of the data root that are the host's own: sockets, other guests' disks, the policy itself. */
export const HOST_FOLDERS: readonly string[] = ["policy", "vm", "logs", "crash", "run"];

/** One folder stands once, however it is written; and none hands the host's own folders to a guest. */
function checkShares(
  path: KeyPath,
  shares: readonly unknown[],
  root: string | undefined,
  report: Report,
): void {
  const before = new Set<string>();
  shares.forEach((share, index) => {
    const written = at(share, "path");
    if (typeof written !== "string") return;
    const inside = written.startsWith("/") ? insideRoot(written, root) : parseRelativePath(written);
    const folder = typeof inside === "object" ? (inside.ok ? inside.value : undefined) : inside;
    if (folder === undefined) return;
    const place = [...path, index, "path"];
    if (before.has(folder)) {
      report(
        contradiction(place, `is ${seen(written)}, which stands here a second time`, "keep one of them"),
      );
    }
    before.add(folder);
    const [top = ""] = folder.split("/");
    if (!HOST_FOLDERS.includes(top)) return;
    report(contradiction(
      place,
      `is ${seen(written)}; the folder ${top} belongs to the host and is shared with no guest`,
      `share a folder of its own, such as "shares/${folder.split("/").at(-1) ?? "office"}"`,
      "mount_not_allowed",
    ));
  });
}

/** Most names that are looked through, and told, for one that does not exist. */
const MOST_NAMES = 200;
const TOLD_NAMES = 12;

function knownNames(names: readonly string[], all: number): string {
  if (names.length === 0) return "name a network profile that exists";
  const more = all > TOLD_NAMES ? ` and ${all - TOLD_NAMES} more` : "";
  return `known are ${names.slice(0, TOLD_NAMES).join(", ")}${more}`;
}

function checkProfiles(value: Table, root: string | undefined, report: Report): void {
  const known = new Set([
    ...Object.keys(BUILTIN_NETWORK_PROFILES),
    ...Object.keys(tableAt(value, "network_profiles")),
  ]);
  // Looking for near names takes time: after this many slips the list of names is told no more.
  let suggestions = 50;
  for (const [name, profile] of Object.entries(tableAt(value, "profiles"))) {
    const path = ["profiles", name];
    checkProfileKind(name, profile, value, report);
    const wanted = at(profile, "network_profiles");
    (Array.isArray(wanted) ? wanted : []).forEach((wish: unknown, index) => {
      if (typeof wish !== "string" || known.has(wish)) return;
      report(() => {
        const names = suggestions-- > 0 ? [...known].slice(0, MOST_NAMES) : [];
        const near = didYouMean(wish, names);
        return contradiction(
          [...path, "network_profiles", index],
          `is ${seen(wish)}, which is no network profile`,
          near === undefined ? knownNames(names, known.size) : `did you mean "${near}"?`,
          "network_profile_unknown",
        );
      });
    });
    const { retain, max } = tableAt(profile, "snapshots");
    const most = typeof max === "number" ? max : 0;
    if (typeof retain === "number" && retain > most) {
      report(
        contradiction(
          [...path, "snapshots", "retain"],
          `is ${retain}, but snapshots.max is ${most}`,
          "raise max, or lower retain",
        ),
      );
    }
    const shares = at(profile, "shares");
    checkShares([...path, "shares"], Array.isArray(shares) ? shares : [], root, report);
  }
}

function checkProfileKind(name: string, profile: unknown, value: Table, report: Report): void {
  const path = ["profiles", name];
  const kind = at(profile, "kind");
  const own = name === "default-linux" ? "linux" : name === "default-windows" ? "windows" : undefined;
  if (own !== undefined && (kind === "linux" || kind === "windows") && kind !== own) {
    report(
      contradiction(
        [...path, "kind"],
        `is ${seen(kind)}; this profile is for ${own} guests`,
        "use another name",
        "profile_kind_mismatch",
      ),
    );
  }
  if (kind === "windows" && at(profile, "tpm") === "denied" && at(value, "windows", "enabled") === true) {
    report(
      contradiction(
        [...path, "tpm"],
        'is "denied", but Windows guests need a TPM',
        'set tpm = "required"',
        "vtpm_required",
      ),
    );
  }
}

/** Absolute paths: allowed only inside the data root, where that is known. */
function checkPaths(value: Table, root: string | undefined, report: Report): void {
  const check = (path: KeyPath, written: unknown) => {
    if (typeof written !== "string" || !written.startsWith("/") || insideRoot(written, root) !== undefined) {
      return;
    }
    if (!parseRelativePath(written.replace(/^\/+/, "")).ok) return;
    const outside = root === undefined ? "" : ` ${root}`;
    report(
      contradiction(
        path,
        `is ${seen(written)}, which lies outside the data root${outside}`,
        "use a path relative to the data root",
        "path_escape",
      ),
    );
  };
  for (const kind of ["linux", "windows"]) {
    for (const [key, path] of Object.entries(tableAt(value, kind, "storage"))) {
      check([kind, "storage", key], path);
    }
  }
  for (const [name, profile] of Object.entries(tableAt(value, "profiles"))) {
    const shares = at(profile, "shares");
    (Array.isArray(shares) ? shares : []).forEach((share: unknown, index) => {
      check(["profiles", name, "shares", index, "path"], at(share, "path"));
    });
  }
}

/** The relative form of an absolute path that lies inside the root (as text), or undefined. */
export function insideRoot(path: string, root: string | undefined): string | undefined {
  if (root === undefined) return undefined;
  const prefix = root.replace(/\/+$/, "") + "/";
  if (!path.startsWith(prefix)) return undefined;
  const relative = parseRelativePath(path.slice(prefix.length).replace(/^\/+/, ""));
  return relative.ok ? relative.value : undefined;
}
