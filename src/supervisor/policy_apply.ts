/** `policy.check` and `policy.apply`: another policy, what it would change, and taking it. */
import type { ActionParams } from "../actions/params.ts";
import type { PolicyApplyView, PolicyCheckView } from "../actions/views.ts";
import { fail, Failure } from "../core/problem.ts";
import { policyDifference } from "../../policy/difference.ts";
import { MOST_OF_ONE_POLICY, parseSignatures } from "../../policy/signature.ts";
import type { Change } from "./changes.ts";
import { installPolicy } from "./policy_install.ts";
import { consequencesOf, takePolicyFile, whenPolicyIsStill } from "./policy_live.ts";
import { inForce, type JudgedPolicy, judgePolicy, readSignature, revisionOf } from "./policy_source.ts";
import type { Supervisor } from "./supervisor.ts";

type Given = ActionParams<"policy.apply">;

/** What taking this policy would change. Failures as of {@link applyPolicy}. */
export async function checkPolicy(s: Supervisor, given: Given): Promise<PolicyCheckView> {
  return await viewOf(s, await judge(s, given));
}

/** Failure `invalid_policy` with every problem, or `denied` when it must be signed and is not. */
export async function applyPolicy(s: Supervisor, given: Given): Promise<Change> {
  const judged = await judge(s, given);
  const to = judged.loaded.revision;
  return {
    detail: { from: revisionOf(s.policy), to },
    act: () =>
      whenPolicyIsStill(s, async (): Promise<PolicyApplyView> => {
        // What is in force may have changed since, and with it whether a signature is demanded.
        const view = await viewOf(s, await judge(s, given));
        const { layout } = s.parts;
        await installPolicy(
          layout,
          { bytes: bytesOf(given), signature: given.signature },
          await readSignature(layout.policySignature).catch(() => undefined), // one that can't be used is replaced
        );
        await takePolicyFile(s);
        if (s.policy.mode !== "normal" || s.policy.loaded.revision !== to) {
          const why = s.policy.mode === "safe"
            ? s.policy.reason.message
            : "another file was put there meanwhile";
          fail("failed", `the policy was installed, but it is not in force: ${why}`);
        }
        return { done: "policy.apply", ...view };
      }),
  };
}

function bytesOf({ text }: Given): Uint8Array {
  return new TextEncoder().encode(text);
}

async function judge(s: Supervisor, given: Given): Promise<JudgedPolicy> {
  const { layout, root } = s.parts;
  checkSignatureText(given);
  try {
    return await judgePolicy({
      bytes: bytesOf(given),
      signature: given.signature,
      file: given.name ?? layout.policyFile,
      root,
      before: inForce(s.policy),
    });
  } catch (error) {
    const isUnsigned = error instanceof Failure &&
      error.problem.reasons?.every(({ rule }) => rule === "signature_required");
    // Here it is a request that is refused, not a file that is found to be bad.
    throw isUnsigned ? new Failure({ ...error.problem, code: "denied" }) : error;
  }
}

function checkSignatureText({ signature }: Given): void {
  if (signature === undefined) return;
  const parsed = parseSignatures(signature);
  if (!parsed.ok) fail("usage", `the signature file can't be used: ${parsed.error}`);
  if (parsed.value.length > MOST_OF_ONE_POLICY) {
    fail(
      "usage",
      `the policy has ${parsed.value.length} signatures; at most ${MOST_OF_ONE_POLICY} are taken`,
    );
  }
}

async function viewOf(s: Supervisor, { loaded, signature }: JudgedPolicy): Promise<PolicyCheckView> {
  await s.host();
  const guests = [...s.guests.values()].flatMap(({ id, record }) =>
    record ? [{ id, kind: record.type, profile: record.policy_profile }] : []
  );
  return {
    from: revisionOf(s.policy),
    to: loaded.revision,
    demanded_by: signature.state === "valid" ? signature.demandedBy : null,
    signed_by: signature.state === "valid" ? signature.key : null,
    difference: policyDifference(inForce(s.policy), loaded, guests),
    consequences: consequencesOf(s, { mode: "normal", loaded }),
    remarks: loaded.notes,
  };
}
