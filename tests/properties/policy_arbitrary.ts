/** Random valid policies as plain values, made from the schema itself, and random requests. */
import fc from "fast-check";
import { plainGuest } from "../../policy/cases.ts";
import { ACTION_NAMES } from "../../policy/cases_schema.ts";
import { POLICY_SHAPE } from "../../policy/schema.ts";
import type { GuestAsk, PolicyRequest } from "../../policy/types.ts";
import { isTable, type Shape } from "../../src/core/shape.ts";

export type Value = Record<string, unknown>;

const PROFILES = ["default-linux", "default-windows", "office", "constructor", "a.b"] as const;
const NETWORKS = ["restricted", "unrestricted", "office", "constructor"] as const;

/** Any value that a shape allows, by what it says is allowed. */
function valueOf(shape: Shape<unknown>, key: string): fc.Arbitrary<unknown> {
  if (shape.fields) return tableOf(shape);
  const range = /^a whole number, (\d+) to (\d+)$/.exec(shape.want);
  if (range) {
    const [min, max] = [Number(range[1]), Number(range[2])];
    return fc.oneof(fc.integer({ min, max: Math.min(max, min + 9) }), fc.integer({ min, max }));
  }
  const only = /^only (\w+) in version 0$/.exec(shape.want);
  if (only) return fc.constant(JSON.parse(only[1] ?? ""));
  if (/^"[^"]*"(, "[^"]*")*$/.test(shape.want)) return fc.constantFrom(...JSON.parse(`[${shape.want}]`));
  if (shape.want === "true or false") return fc.boolean();
  if (shape.want.startsWith("a list")) return listOf(shape, key);
  if (shape.want.startsWith("a table") && shape.element) return mapOf(shape.element, key);
  const texts: Readonly<Record<string, readonly string[]>> = {
    vm_id: ["linux-desktop-001", "windows-desktop-001", "other"],
    every: ["1m", "24h", "1h30m", "366d"],
  };
  return fc.constantFrom(...texts[key] ?? ["shares/a", "shares/b/c", "x.qcow2"]);
}

function listOf(shape: Shape<unknown>, key: string): fc.Arbitrary<unknown> {
  if (key === "network_profiles") return fc.subarray([...NETWORKS]);
  if (key === "allow") {
    return fc.subarray(["a.example:443/tcp", "*.b.example:1-9/udp", "203.0.113.0/24:1/tcp"]);
  }
  if (!shape.element) throw new Error(`no elements known for ${key}`);
  const by = key === "shares" ? { selector: (share: unknown) => (share as Value)["path"] } : {};
  return fc.uniqueArray(valueOf(shape.element, key), { maxLength: 3, ...by });
}

function mapOf(element: Shape<unknown>, key: string): fc.Arbitrary<unknown> {
  const names = key === "profiles" ? PROFILES : NETWORKS;
  return fc.subarray([...names], { maxLength: 3 }).chain((chosen) =>
    fc.tuple(...chosen.map(() => valueOf(element, key))).map((values) =>
      Object.fromEntries(chosen.map((name, i) => [name, values[i]]))
    )
  );
}

function tableOf(shape: Shape<unknown>): fc.Arbitrary<Value> {
  const fields = Object.entries(shape.fields ?? {});
  const requiredKeys = fields.filter(([, field]) => field.presence === "required").map(([key]) => key);
  return fc.record(Object.fromEntries(fields.map(([key, field]) => [key, valueOf(field.shape, key)])), {
    requiredKeys,
  });
}

/** A valid policy: random keys, and what would contradict itself put right. */
export const policies: fc.Arbitrary<Value> = tableOf(POLICY_SHAPE).map(withoutContradictions);

export function withoutContradictions(policy: Value): Value {
  const made = structuredClone(policy);
  const at = (key: string): Value => {
    const found = made[key];
    return isTable(found) ? found : {};
  };
  if (at("windows")["enabled"] === true) {
    const devices = at("windows")["devices"];
    at("windows")["devices"] = { ...(isTable(devices) ? devices : {}), vtpm: true };
  }
  if (at("linux")["vm_id"] === at("windows")["vm_id"]) delete at("windows")["vm_id"];
  if (at("security")["confine_processes"] === false) at("security")["developer"] = true;
  for (const profile of Object.values(at("network_profiles")).filter(isTable)) {
    profile["egress"] = "allowlist";
    if (profile["dns"] === "any") profile["egress"] = "any";
    if (profile["egress"] === "any") delete profile["allow"];
    if (profile["dns"] === "allowlist" && profile["egress"] === "any") delete profile["dns"];
  }
  const known = ["restricted", "unrestricted", ...Object.keys(at("network_profiles"))];
  for (const [name, profile] of Object.entries(at("profiles"))) {
    if (!isTable(profile)) continue;
    if (name.startsWith("default-")) profile["kind"] = name.slice("default-".length);
    if (profile["tpm"] === "denied" && profile["kind"] === "windows") delete profile["tpm"];
    const networks = profile["network_profiles"];
    if (Array.isArray(networks)) profile["network_profiles"] = networks.filter((n) => known.includes(n));
    const snapshots = profile["snapshots"];
    if (isTable(snapshots) && Number(snapshots["retain"] ?? 0) > Number(snapshots["max"] ?? 0)) {
      delete snapshots["retain"];
    }
  }
  return made;
}

const asks: fc.Arbitrary<GuestAsk> = fc.constantFrom("linux" as const, "windows" as const).chain((kind) => {
  const plain = plainGuest(kind);
  return fc.record({
    policy_profile: fc.constantFrom(`default-${kind}`, ...PROFILES, "nowhere"),
    vcpu: fc.integer({ min: 1, max: 8 }),
    memory_mb: fc.constantFrom(64, 100, 1024, 4096, 8192),
    network: fc.constantFrom(
      { enabled: false },
      { enabled: true },
      ...NETWORKS.map((profile) => ({ enabled: true, profile })),
    ),
    tpm: fc.constantFrom({ enabled: true }, { enabled: false }),
    secure_boot: fc.boolean(),
    shares: fc.constantFrom([], [{ name: "a", path: "shares/a", readonly: true }], [{
      name: "b",
      path: "shares/b/c",
      readonly: false,
    }]),
  }).map(({ policy_profile, ...devices }): GuestAsk => ({
    ...plain,
    policy_profile,
    storage: { ...plain.storage, tpm_state: `vm/${kind}/x/tpm` },
    devices,
  }));
});

/** Requests that could come up, most of them on a host with room. */
export const requests: fc.Arbitrary<PolicyRequest> = fc.record({
  action: fc.oneof(fc.constant("vm.start" as const), fc.constantFrom(...ACTION_NAMES)),
  trigger: fc.constantFrom("operator", "operator", "operator", "autoboot", "schedule", "recovery", "guest"),
  guest: asks,
  facts: fc.record({
    hostVcpus: fc.constant(8),
    hostMemoryMib: fc.constantFrom(8192, 65536),
    running: fc.record({
      count: fc.nat(9),
      vcpus: fc.nat(8),
      memoryMib: fc.constantFrom(0, 0, 4000, 60000),
      cpuPercent: fc.constantFrom(0, 0, 50, 90),
    }),
    presented: fc.constantFrom(null, plainGuest("linux").id, plainGuest("windows").id),
    guestRunning: fc.boolean(),
    kvm: fc.boolean(),
    networkEnforcer: fc.constantFrom<boolean | "provisioning_nat">(true, false, "provisioning_nat"),
  }),
  network: fc.record({ profile: fc.constantFrom("off", ...NETWORKS), provisioning: fc.boolean() }),
  agentCall: fc.constantFrom("ping", "osinfo", "exec", "files"),
  snapshot: fc.record({ count: fc.nat(12) }),
  restarts: fc.nat(5),
  deviceModels: fc.constantFrom([], ["virtio-vga"], ["usb-kbd"], ["virtio-net-pci"], ["tpm-crb"]),
});
