/**
 * The policy file as the supervisor holds it: opened once, checked on what was opened, its signature verified where one is
 * demanded, loaded whole or not at all.
 */
import { fail, Failure, type Problem, problemOf } from "../core/problem.ts";
import type { PolicyRevision } from "../core/ids.ts";
import { DEFAULT_LOGGING, type LoggingRules, sha256Hex } from "../audit/log.ts";
import { MIB } from "../core/units.ts";
import {
  type CheckedFile,
  type FileRefusal,
  isTrusty,
  ownership,
  readChecked,
} from "../ports/checked_file.ts";
import { dirname } from "../ports/files.ts";
import type { Layout } from "../../registry/layout.ts";
import type { VmRecord } from "../../registry/types.ts";
import { type EffectiveRights, effectiveRights } from "../../policy/rights.ts";
import type { PolicyState } from "../../policy/types.ts";
import { loadPolicyBytes, MAX_POLICY_BYTES, summaryOf } from "../../policy/load.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { MAX_SIGNATURE_BYTES } from "../../policy/signature.ts";
import { judgeSignature, type SignatureState } from "./policy_signature.ts";
import { readTrustedKeys, trustedKeysFolder } from "./trusted_keys.ts";

export interface ReadOptions {
  /**
   * True for the file of a data root: owner and mode count, and a symbolic link is followed only inside its folder. Of
   * any other file only the content is looked at.
   */
  readonly guarded: boolean;
}

/** A policy whose signature is as it must be. */
export interface JudgedPolicy {
  readonly loaded: LoadedPolicy;
  readonly signature: SignatureState;
}

/**
 * Reads a policy file for the data root `root`, without regard to its signature. Failure `not_found`, or `invalid_policy`
 * with every problem.
 */
export async function readPolicy(
  path: string,
  root: string,
  options: ReadOptions = { guarded: true },
): Promise<LoadedPolicy> {
  return loadOrFail((await openPolicy(path, options)).bytes, path, root);
}

/**
 * As {@link readPolicy}, on the data root's own file, and its signature is verified where one is demanded: by the host's
 * keys, by the policy itself, or by `before`, the policy that was in force. Reason rule `signature_required`.
 */
export async function readJudgedPolicy(layout: Layout, before?: LoadedPolicy): Promise<JudgedPolicy> {
  const path = layout.policyFile;
  const { bytes } = await openPolicy(path, { guarded: true });
  return await judgePolicy({
    bytes,
    signature: await readSignature(layout.policySignature),
    file: path,
    root: layout.root,
    before,
  });
}

/** A policy that is not yet in force, with what is known of its signature. */
export interface PolicyCandidate {
  readonly bytes: Uint8Array;
  /** Text of the signature file; undefined when there is none. */
  readonly signature: string | undefined;
  /** Name for messages. */
  readonly file: string;
  readonly root: string;
  /** The policy in force. */
  readonly before: LoadedPolicy | undefined;
}

/** Loads a candidate, its signature verified. Failures as {@link readJudgedPolicy}. */
export async function judgePolicy(candidate: PolicyCandidate): Promise<JudgedPolicy> {
  const { bytes, file, root, before } = candidate;
  const keys = await readTrustedKeys(await trustedKeysFolder());
  // What the host or the policy in force demands is looked at before anything is read into the file.
  const early = await judgeSignature(candidate, keys, before, undefined);
  const loaded = loadOrFail(bytes, file, root);
  if (early.state !== "not_demanded") return { loaded, signature: early };
  return { loaded, signature: await judgeSignature(candidate, keys, before, loaded) };
}

/** Text of a signature file; undefined when there is none. Failure `invalid_policy` when it can't be used. */
export async function readSignature(path: string): Promise<string | undefined> {
  const read = await readChecked(path, { maxBytes: MAX_SIGNATURE_BYTES, within: dirname(path) });
  if (read.ok) return new TextDecoder().decode(read.file.bytes); // the parser refuses what is no plain text
  if (read.why.kind === "missing") return undefined;
  const { message } = refusal(path, read.why, MAX_SIGNATURE_BYTES);
  return fail("invalid_policy", message, {
    path,
    reasons: [{ rule: "signature_required", why: message }],
  });
}

async function openPolicy(path: string, { guarded }: ReadOptions): Promise<CheckedFile> {
  const read = await readChecked(path, {
    maxBytes: MAX_POLICY_BYTES,
    ...(guarded ? { within: dirname(path) } : {}),
  });
  if (!read.ok) throw new Failure(refusal(path, read.why, MAX_POLICY_BYTES));
  const { file } = read;
  if (guarded && !isTrusty(file)) {
    const seen = ownership(file.uid, file.mode);
    fail(
      "invalid_policy",
      `${path} ${seen}: others than its owner can write it, or its owner is a stranger`,
      {
        path,
        hint: `chmod go-w ${path}, and give it to the user that runs the supervisor`,
        reasons: [{
          rule: "policy_file_permissions",
          why: `a policy that others can write proves nothing: it ${seen}`,
        }],
      },
    );
  }
  return file;
}

/** What is told of a file that was not read. */
function refusal(path: string, why: FileRefusal, most: number): Problem {
  const problem = (rule: string, message: string, hint?: string): Problem => ({
    code: "invalid_policy",
    message,
    path,
    ...(hint === undefined ? {} : { hint }),
    reasons: [{ rule, why: message }],
  });
  switch (why.kind) {
    case "missing":
      return {
        ...problem(
          "policy_invalid",
          `there is no policy file at ${path}`,
          "`rayvisor init` writes a commented one",
        ),
        code: "not_found",
      };
    case "dangling":
      return problem("policy_file_permissions", `${path} is a symbolic link that leads nowhere`);
    case "outside":
      return problem(
        "policy_file_permissions",
        `${path} is a symbolic link to ${why.target}, outside of its folder`,
        "put the file itself there: `rayvisor policy apply FILE` does",
      );
    case "exchanged":
      return problem("policy_file_permissions", `${path} was exchanged for another file while it was opened`);
    case "not_regular":
      return problem("policy_invalid", `${path} is not a regular file`);
    case "too_large":
      return problem("policy_invalid", `${path} is larger than ${most} bytes`);
    case "unreadable":
      return problem("policy_invalid", `${path} can't be read: ${why.why}`);
  }
}

function loadOrFail(bytes: Uint8Array, file: string, root: string): LoadedPolicy {
  const loaded = loadPolicyBytes(bytes, file, sha256Hex(bytes) as PolicyRevision, root); // the hash is what a revision is
  if (loaded.ok) return loaded.value;
  throw new Failure(summaryOf(file, loaded.error));
}

/** What the engine goes by after a try to (re)load: the new policy, or safe mode with the last good one kept. */
export async function nextPolicyState(
  layout: Layout,
  before: PolicyState | undefined,
): Promise<PolicyState> {
  const lastGood = before && inForce(before);
  try {
    const { loaded, signature } = await readJudgedPolicy(layout, lastGood);
    return { mode: "normal", loaded, ...(signature.state === "valid" ? { signedBy: signature.key } : {}) };
  } catch (error) {
    const problem = problemOf(error);
    const reason: Problem = problem.code === "not_found" ? { ...problem, code: "invalid_policy" } : problem;
    return { mode: "safe", reason, ...(lastGood ? { lastGood } : {}) };
  }
}

/** The policy that what already runs goes by. */
export function inForce(state: PolicyState): LoadedPolicy | undefined {
  return state.mode === "normal" ? state.loaded : state.lastGood;
}

/** Effective rights of a guest under the policy in force; undefined where there is none, or it grants no such profile. */
export function rightsInForce(
  state: PolicyState,
  record: Pick<VmRecord, "type" | "policy_profile">,
): EffectiveRights | undefined {
  const loaded = inForce(state);
  const rights = loaded && effectiveRights(loaded, record.type, record.policy_profile);
  return rights?.ok ? rights.value : undefined;
}

/** Revision of what is in force, for records. */
export function revisionOf(state: PolicyState): PolicyRevision {
  return inForce(state)?.revision ?? "none" as PolicyRevision; // "none" is the documented value for no policy
}

/** The `[logging]` in force; the defaults while no policy was ever loaded. */
export function loggingOf(policy: PolicyState): LoggingRules {
  const loaded = inForce(policy);
  if (!loaded) return DEFAULT_LOGGING;
  const { level, persist, keep_files, max_file_mib } = loaded.policy.logging;
  return { level, persist, keepFiles: keep_files, maxBytes: max_file_mib * MIB };
}
