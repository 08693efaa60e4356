/**
 * The policy engine: decisions in a second on one core, and the load of a file of the largest size that is read. The load is
 * measured in a fresh program (`policy validate` of the large file beyond that of a small one: nothing is compiled or warm)
 * and in this one.
 */
import { PLAIN_HOST, plainGuest } from "../../policy/cases.ts";
import { decide } from "../../policy/decide.ts";
import { loadPolicyBytes, MAX_POLICY_BYTES } from "../../policy/load.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { POLICY_TEMPLATE } from "../../policy/template.ts";
import type { PolicyRequest } from "../../policy/types.ts";
import type { PolicyRevision } from "../../src/core/ids.ts";
import { type Place, timed } from "./place.ts";
import { measure, type Rounds } from "./rounds.ts";
import { compare, type Comparison, summarize, type Summary } from "./stats.ts";

export interface PolicyReport {
  /** Decisions in a second. */
  readonly decisions: Summary;
  /** Milliseconds: the large file against a small one, each by a program of its own. */
  readonly fresh: Comparison;
  /** Milliseconds, in a program that has loaded policies before. */
  readonly warm: Summary;
  readonly bytes: number;
}

const DECISION_ROUNDS = 7;
const DECISIONS = 200_000;

export async function benchPolicy(place: Place, rounds: Rounds): Promise<PolicyReport> {
  const large = largePolicy();
  const bytes = new TextEncoder().encode(large);
  const decisions = Array.from({ length: DECISION_ROUNDS }, () => decisionsPerSecond(load(bytes)));
  const warm = Array.from({ length: rounds.counted }, () => millisecondsOf(() => load(bytes)));
  const [largeFile, smallFile] = [`${place.folder}/large.toml`, `${place.folder}/small.toml`];
  await Deno.writeTextFile(largeFile, large, { mode: 0o600 });
  await Deno.writeTextFile(smallFile, POLICY_TEMPLATE, { mode: 0o600 });
  const validate = (file: string) => () => timed(place, place.binary, ["policy", "validate", file]);
  const taken = await measure({ large: validate(largeFile), small: validate(smallFile) }, rounds);
  return {
    // The first rounds are those in which the engine is compiled.
    decisions: summarize(decisions.slice(2)),
    fresh: compare(taken.large, taken.small),
    warm: summarize(warm.slice(1)),
    bytes: bytes.length,
  };
}

/** A valid policy just below the largest size: the template and as many profiles as fit, each with every kind of value. */
export function largePolicy(): string {
  const made: string[] = [POLICY_TEMPLATE];
  let size = new TextEncoder().encode(POLICY_TEMPLATE).length;
  for (let i = 0;; i++) {
    const profile = profileText(`office-${i}`);
    size += profile.length;
    if (size > MAX_POLICY_BYTES) return made.join("");
    made.push(profile);
  }
}

const profileText = (name: string) => `
[profiles.${name}]
kind = "windows"
present = true
networking = "on"
network_profiles = ["restricted", "unrestricted"]
max_vcpu = 4
max_memory_mb = 8192
cpu_percent = 50
secure_boot = "required"
tpm = "required"
allow_below_minimum = false
guest_agent = ["ping", "osinfo", "shutdown", "fsfreeze", "network"]
input = true
clipboard = false
restart = "on-crash"
max_restarts = 3

[[profiles.${name}.shares]]
path = "shares/${name}"
readonly = true

[profiles.${name}.snapshots]
every = "24h"
retain = 7
max = 20
live = true
suspend = true
guest_initiated = false
`;

function load(bytes: Uint8Array): LoadedPolicy {
  const loaded = loadPolicyBytes(bytes, "bench.toml", "none" as PolicyRevision); // no file, so no hash of one
  if (!loaded.ok) throw new Error(`the policy of the benchmark is refused: ${loaded.error[0]?.message}`);
  return loaded.value;
}

function millisecondsOf(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Starts, presentation, input, network and snapshots in turn, some of them denied. */
export function decisionsPerSecond(loaded: LoadedPolicy): number {
  const guest = plainGuest("linux");
  const request = (more: Partial<PolicyRequest>): PolicyRequest => ({
    action: "vm.start",
    trigger: "operator",
    guest,
    facts: PLAIN_HOST,
    ...more,
  });
  const requests = [
    request({}),
    request({ guest: { ...guest, devices: { ...guest.devices, vcpu: 64 } } }),
    request({ action: "vm.present" }),
    request({ action: "vm.input", facts: { ...PLAIN_HOST, presented: guest.id, guestRunning: true } }),
    request({ action: "net.set", network: { profile: "restricted" } }),
    request({ action: "snapshot.create", snapshot: { count: 2 } }),
  ];
  let allowed = 0;
  const ms = millisecondsOf(() => {
    for (let i = 0; i < DECISIONS; i++) {
      const asked = requests[i % requests.length];
      if (asked && decide({ mode: "normal", loaded }, asked).effect === "allow") allowed++;
    }
  });
  // Also keeps the loop from being optimised away.
  if (allowed === 0 || allowed === DECISIONS) throw new Error(`${allowed} of ${DECISIONS} were allowed`);
  return DECISIONS / ms * 1000;
}
