/**
 * The policy file as the supervisor holds it: opened once, checked on what was opened, loaded whole or not at all.
 */
import { fail, Failure, type Problem, problemOf } from "../core/problem.ts";
import type { PolicyRevision } from "../core/ids.ts";
import { sha256Hex } from "../audit/log.ts";
import { isNotFound, isPermissionDenied, openPrivate } from "../ports/files.ts";
import type { Layout } from "../../registry/layout.ts";
import type { PolicyState } from "../../policy/types.ts";
import { loadPolicyBytes, MAX_POLICY_BYTES } from "../../policy/load.ts";
import type { LoadedPolicy } from "../../policy/model.ts";

/**
 * Reads a policy file for the data root `root`. Failure `invalid_policy` with every problem; also when others than its owner can write it, or
 * its owner is neither this user nor root: checked on the open file, so nobody can swap it in between.
 */
export async function readPolicy(path: string, root: string): Promise<LoadedPolicy> {
  const { bytes, mode, uid, ownUid } = await openPrivate(path, MAX_POLICY_BYTES);
  if ((mode & 0o022) !== 0 || (uid !== ownUid && uid !== 0)) {
    const seen = `mode ${(mode & 0o777).toString(8).padStart(4, "0")}, owner uid ${uid}`;
    fail("invalid_policy", `${path} can be written by others than its owner (${seen})`, {
      path,
      hint: `chmod 600 ${path}`,
      reasons: [{
        rule: "policy_file_permissions",
        why: `a policy that others can write proves nothing: ${seen}`,
      }],
    });
  }
  const loaded = loadPolicyBytes(bytes, path, sha256Hex(bytes) as PolicyRevision, root); // the hash is what a revision is
  if (loaded.ok) return loaded.value;
  const problems = loaded.error;
  const reasons = problems.flatMap((problem) => problem.reasons ?? []);
  throw new Failure({
    code: "invalid_policy",
    message: `${path} is refused: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`,
    path,
    problems,
    ...(reasons.length ? { reasons } : {}),
  });
}

/** What the engine goes by after a try to (re)load: the new policy, or safe mode with the last good one kept. */
export async function nextPolicyState(
  layout: Layout,
  before: PolicyState | undefined,
): Promise<PolicyState> {
  const path = layout.policyFile;
  try {
    return { mode: "normal", loaded: await readPolicy(path, layout.root) };
  } catch (error) {
    const reason = policyProblem(path, error);
    const lastGood = before?.mode === "normal" ? before.loaded : before?.lastGood;
    return { mode: "safe", reason, ...(lastGood ? { lastGood } : {}) };
  }
}

function policyProblem(path: string, error: unknown): Problem {
  if (isNotFound(error)) {
    return {
      code: "invalid_policy",
      message: `there is no policy file at ${path}`,
      hint: "`rayvisor init` writes a commented one",
      path,
    };
  }
  if (isPermissionDenied(error)) {
    return { code: "invalid_policy", message: `${path} can't be read: permission denied`, path };
  }
  return problemOf(error);
}

/** Revision of what is in force, for records. */
export function revisionOf(state: PolicyState): PolicyRevision {
  const loaded = state.mode === "normal" ? state.loaded : state.lastGood;
  return loaded?.revision ?? "none" as PolicyRevision; // "none" is the documented value for no policy
}
