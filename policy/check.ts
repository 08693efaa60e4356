/**
 * Faults that lie between keys: contradictions, and names that don't exist. Works on the value as it was parsed, so that
 * these faults are found beside those of single keys.
 */
import { type Fault, type KeyPath, pathText, type Report, seen } from "../src/core/shape.ts";
import { didYouMean } from "../src/core/suggest.ts";
import { isObject } from "../src/core/json.ts";
import { BUILTIN_NETWORK_PROFILES, isPrivateNetwork, parseAllowEntry } from "./network_profile.ts";
import { parseRelativePath } from "../src/core/relative_path.ts";

type Table = Readonly<Record<string, unknown>>;
const NOTHING: Table = {};

/** All faults between keys of a parsed file; `root` as in `loadPolicy`. Never throws, whatever the value is. */
export function checkPolicy(value: Table, root?: string): readonly Fault[] {
  const faults: Fault[] = [];
  const report: Report = (fault) => faults.push(fault);
  checkKinds(value, report);
  checkSecurity(value, report);
  checkNetworkProfiles(value, report);
  checkProfiles(value, report);
  checkPaths(value, root, report);
  return faults;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

function tableAt(value: unknown, ...path: readonly string[]): Table {
  const found = at(value, ...path);
  return isObject(found) ? found : NOTHING;
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

function checkProfiles(value: Table, report: Report): void {
  const known = [
    ...Object.keys(BUILTIN_NETWORK_PROFILES),
    ...Object.keys(tableAt(value, "network_profiles")),
  ];
  for (const [name, profile] of Object.entries(tableAt(value, "profiles"))) {
    const path = ["profiles", name];
    checkProfileKind(name, profile, value, report);
    const wanted = at(profile, "network_profiles");
    (Array.isArray(wanted) ? wanted : []).forEach((wish: unknown, index) => {
      if (typeof wish !== "string" || known.includes(wish)) return;
      const near = didYouMean(wish, known);
      const hint = near === undefined ? `known are ${known.join(", ")}` : `did you mean "${near}"?`;
      report(
        contradiction(
          [...path, "network_profiles", index],
          `is ${seen(wish)}, which is no network profile`,
          hint,
          "network_profile_unknown",
        ),
      );
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
    const paths = (Array.isArray(shares) ? shares : []).map((share: unknown) => at(share, "path"));
    paths.forEach((share, index) => {
      if (typeof share !== "string" || paths.indexOf(share) === index) return;
      report(
        contradiction(
          [...path, "shares", index, "path"],
          `is ${seen(share)} a second time`,
          "keep one of them",
        ),
      );
    });
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
