/** The registry file read (contract, section 3): every fault named, nothing guessed, one bad record never hides the others. */
import { type GuestKind, parseVmId, VM_ID_RULE } from "../src/core/ids.ts";
import { isObject } from "../src/core/json.ts";
import { duplicateKeys } from "../src/core/json_duplicates.ts";
import type { Problem } from "../src/core/problem.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { sanitizeLine } from "../src/core/sanitize.ts";
import {
  bool,
  type Fault,
  type FieldsOf,
  int,
  list,
  mapOf,
  oneOf,
  optional,
  pathText,
  readShape,
  required,
  seen,
  type Shape,
  table,
  text,
} from "../src/core/shape.ts";
import { normaliseInRoot } from "./paths.ts";
import type { Registry, RegistryState, ShareRequest, VmRecord } from "./types.ts";

/** A larger registry is refused unread. */
export const MAX_REGISTRY_BYTES = 8 * 1024 * 1024;
const MOST_VMS = 4096;

/** A record that can't be used, and why. */
export interface BrokenRecord {
  /** Its key in the file, for display; it may be no valid id. */
  readonly id: string;
  readonly problems: readonly Problem[];
}

export interface RegistryContents {
  readonly vms: ReadonlyMap<string, VmRecord>;
  readonly broken: readonly BrokenRecord[];
}

const id: Shape<VmRecord["id"]> = text(`a guest id (${VM_ID_RULE})`, (written) => {
  const parsed = parseVmId(written);
  return parsed === undefined ? {} : { value: parsed };
});

const name = text("1 to 64 characters without control characters", (written) => {
  const length = [...written].length;
  return length >= 1 && length <= 64 && sanitizeLine(written, 64) === written && written.trim() !== ""
    ? { value: written }
    : {};
});

const pattern = (want: string, regexp: RegExp) =>
  text(want, (written) => regexp.test(written) ? { value: written } : {});
const fileName = pattern(
  "a short name of letters, digits, '.', '_' and '-'",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,35}$/,
);
const profileName = pattern("the name of a profile", /^[a-z0-9][a-z0-9._-]{0,62}$/);
const machine = pattern("a machine type, for example pc-q35-7.2", /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

/** A path below the root, in its relative normal form; an absolute one only where the root is known. */
function pathShape(root: string | undefined): Shape<string> {
  return text("a path below the data root", (written) => {
    if (root === undefined && written.startsWith("/")) return { why: "it is absolute", rule: "path_escape" };
    const normal = normaliseInRoot(root ?? "/", written);
    if (!normal.ok) {
      const why = normal.error.message.replace(/^.* is refused: /s, "");
      return { why: sanitizeLine(why, 200), rule: "path_escape" };
    }
    return { value: normal.value };
  });
}

function recordShape(root: string | undefined): Shape<VmRecord> {
  const path = pathShape(root);
  const fields: FieldsOf<VmRecord> = {
    id: required(id, "Immutable, equals its key."),
    name: required(name, "Shown to people."),
    type: required(oneOf<GuestKind>(["linux", "windows"]), "What it runs."),
    state: required(oneOf<RegistryState>(["stopped", "running", "suspended", "hibernated"]), "Last known."),
    storage: required(
      table<VmRecord["storage"]>({
        disks: required(mapOf(fileName, path, 32), "Name to path."),
        ovmf_vars: optional(path, "UEFI variable store."),
        tpm_state: optional(path, "Folder of the TPM's state."),
        cdroms: optional(mapOf(fileName, path, 8), "Install media."),
      }),
      "Files.",
    ),
    devices: required(
      table<VmRecord["devices"]>({
        vcpu: required(int(1, 512), "vCPUs."),
        memory_mb: required(int(64, 16 * 1024 * 1024), "MiB."),
        network: required(
          table<VmRecord["devices"]["network"]>({
            enabled: required(bool, "Asked for."),
            profile: optional(profileName, "Network profile."),
          }),
          "What is asked for.",
        ),
        tpm: optional(table<{ enabled: boolean }>({ enabled: required(bool, "Asked for.") }), "TPM 2.0."),
        secure_boot: optional(bool, "UEFI Secure Boot."),
        shares: optional(
          list(
            table<ShareRequest>({
              name: required(fileName, "Mount tag."),
              path: required(path, "Folder."),
              readonly: required(bool, "Read-only."),
            }),
            32,
          ),
          "virtio-fs mounts.",
        ),
      }),
      "Devices.",
    ),
    machine: optional(machine, "Pinned machine type."),
    policy_profile: required(profileName, "A profile of the policy."),
  };
  return table<VmRecord>(fields);
}

function problemOf(fault: Fault, prefix: string): Problem {
  const inside = pathText(fault.path);
  const path = inside === "" || inside.startsWith("[") ? `${prefix}${inside}` : `${prefix}.${inside}`;
  const message = fault.message.startsWith(inside) && inside !== ""
    ? path + fault.message.slice(inside.length)
    : fault.message.replace(/^the document/, prefix);
  return {
    code: fault.rule === "path_escape" ? "path_escape" : "invalid_registry",
    message,
    path,
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    ...(fault.rule === undefined ? {} : { reasons: [{ rule: fault.rule, why: message, where: path }] }),
  };
}

/**
 * Reads one record. `path` names it in messages (`vms.a`, or the file it comes from). With `root` an absolute path inside it
 * is accepted and made relative. All problems at once.
 */
export function parseRecord(
  value: unknown,
  path: string,
  root?: string,
): Result<VmRecord, readonly Problem[]> {
  const read = readShape(recordShape(root), value);
  if (!read.ok) return err(read.error.map((fault) => problemOf(fault, path)));
  const faults = contradictions(read.value);
  return faults.length === 0 ? ok(read.value) : err(faults.map((fault) => problemOf(fault, path)));
}

function contradictions({ storage, devices }: VmRecord): readonly Fault[] {
  const faults: Fault[] = [];
  const needs = (key: string, why: string) =>
    faults.push({ path: ["storage", key], at: "key", message: `storage.${key} is missing: ${why}` });
  if (devices.tpm?.enabled && storage.tpm_state === undefined) needs("tpm_state", "the TPM is enabled");
  if (devices.secure_boot && storage.ovmf_vars === undefined) needs("ovmf_vars", "Secure Boot is on");
  const files = [...Object.values(storage.disks), storage.ovmf_vars, storage.tpm_state].filter((f) =>
    f !== undefined
  );
  const twice = files.find((file, i) => files.indexOf(file) !== i);
  if (twice !== undefined) {
    faults.push({ path: ["storage"], at: "value", message: `storage names the file ${seen(twice)} twice` });
  }
  return faults;
}

/** The outer form of a registry: its records as they stand, unread. Refused whole with code `registry_unsupported` or `invalid_registry`. */
export function parseEnvelope(
  text: string,
  file: string,
): Result<Readonly<Record<string, unknown>>, Problem> {
  const refuse = (message: string, more: Partial<Problem> = {}): Result<never, Problem> =>
    err({ code: "invalid_registry", message: `${file} ${message}`, path: file, ...more });
  if (text.length > MAX_REGISTRY_BYTES) return refuse(`is larger than ${MAX_REGISTRY_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = sanitizeLine(error instanceof Error ? error.message : String(error), 160);
    return refuse(`is not JSON: ${why}`, { hint: "it is left as it is; repair it, or put back a copy" });
  }
  if (!isObject(value)) return refuse(`is ${seen(value)}, not a JSON object`);
  const version = Object.hasOwn(value, "version") ? value["version"] : 0;
  if (version !== 0) {
    return err({
      code: "registry_unsupported",
      message: `${file} has version ${seen(version)}; this rayvisor reads version 0`,
      path: file,
      hint: "it is left as it is; use the rayvisor that wrote it",
    });
  }
  const twice = duplicateKeys(text);
  if (twice.length > 0) {
    return refuse(
      `has keys that stand twice: ${twice.slice(0, 5).map((k) => sanitizeLine(k, 80)).join(", ")}`,
    );
  }
  const outer = readShape(
    table<{ version: 0; vms: object }>({
      version: optional({ want: "0", read: () => 0 as const }, "Version."),
      vms: required({ want: "a table", read: (vms) => isObject(vms) ? vms : undefined }, "Guests."),
    }),
    { vms: {}, ...value },
  );
  if (!outer.ok) {
    return refuse(`is refused: ${outer.error[0]?.message ?? "unknown"}`, {
      problems: outer.error.map((f) => problemOf(f, file)),
    });
  }
  const vms = value["vms"];
  if (!isObject(vms)) {
    return refuse(vms === undefined ? "has no vms" : `has vms that are ${seen(vms)}, not a JSON object`);
  }
  if (Object.keys(vms).length > MOST_VMS) {
    return refuse(`has ${Object.keys(vms).length} guests; at most ${MOST_VMS} are read`);
  }
  return ok(vms);
}

/**
 * Reads a registry with every record that can be used; the others are listed as broken. The error is the reason why the
 * file is refused whole. `file` is for messages, `root` as in {@link parseRecord}.
 */
export function readRegistry(text: string, file: string, root?: string): Result<RegistryContents, Problem> {
  const envelope = parseEnvelope(text, file);
  if (!envelope.ok) return envelope;
  const vms = new Map<string, VmRecord>();
  const broken: BrokenRecord[] = [];
  for (const [key, value] of Object.entries(envelope.value)) {
    const path = pathText(["vms", key]);
    const record = parseRecord(value, path, root);
    if (!record.ok) broken.push({ id: sanitizeLine(key, 80), problems: record.error });
    else if (record.value.id !== key) {
      const message = `${path}.id is ${seen(record.value.id)}; it must equal its key ${seen(key)}`;
      broken.push({
        id: sanitizeLine(key, 80),
        problems: [{ code: "invalid_registry", message, path: `${path}.id` }],
      });
    } else vms.set(key, record.value);
  }
  return ok({ vms, broken });
}

/** Reads a registry in which every record must be right. All problems at once. */
export function parseRegistry(
  text: string,
  file = "registry.json",
  root?: string,
): Result<Registry, readonly Problem[]> {
  const read = readRegistry(text, file, root);
  if (!read.ok) return err(read.error.problems ?? [read.error]);
  const problems = read.value.broken.flatMap((broken) => broken.problems);
  return problems.length > 0 ? err(problems) : ok({ version: 0, vms: Object.fromEntries(read.value.vms) });
}
