/** Whether a policy must be signed, and whether it is. */
import { Failure } from "../core/problem.ts";
import type { LoadedPolicy } from "../../policy/model.ts";
import { parseSignatures, shortKey, verifySignatures } from "../../policy/signature.ts";
import type { PolicyCandidate } from "./policy_source.ts";
import type { TrustedKeys } from "./trusted_keys.ts";

export type SignatureState =
  | { readonly state: "not_demanded" }
  | {
    readonly state: "valid";
    readonly key: string;
    /** File that the key came from. */
    readonly name: string;
    /** Why a signature is demanded. */
    readonly demandedBy: string;
  };

/**
 * Who demands a signature, in words; undefined when nobody does. The presence of keys on the host is enough: what was
 * once signed can't be replaced by a file that leaves the demand out, also not across restarts.
 */
export function signatureDemand(
  keys: TrustedKeys,
  before: LoadedPolicy | undefined,
  loaded: LoadedPolicy | undefined,
): string | undefined {
  if (keys.state === "keys") return `the host trusts keys in ${keys.folder}`;
  if (keys.state === "distrusted") return `the host has ${keys.folder}`;
  if (before?.policy.security.require_signature) {
    return "security.require_signature of the policy in force is true";
  }
  if (loaded?.policy.security.require_signature) return "security.require_signature is true";
  return undefined;
}

/** Failure `invalid_policy` with rule `signature_required` when a signature is demanded and there is none that proves anything. */
export async function judgeSignature(
  candidate: Pick<PolicyCandidate, "bytes" | "signature" | "file">,
  keys: TrustedKeys,
  before: LoadedPolicy | undefined,
  loaded: LoadedPolicy | undefined,
): Promise<SignatureState> {
  const demandedBy = signatureDemand(keys, before, loaded);
  if (demandedBy === undefined) return { state: "not_demanded" };
  const { file, bytes, signature } = candidate;
  const refuse = (why: string, hint: string): never => {
    const message = `${file} must be signed (${demandedBy}), and ${why}`;
    throw new Failure({
      code: "invalid_policy",
      message,
      path: file,
      hint,
      reasons: [{ rule: "signature_required", why: message }],
    });
  };
  if (keys.state === "distrusted") {
    return refuse(
      `no key can be trusted: ${keys.why}`,
      `${keys.folder} and its files must belong to root and be writable by nobody else`,
    );
  }
  if (keys.state === "none") {
    return refuse(
      `no key is trusted: there is no *.pub in ${keys.folder}`,
      "put the public key there (docs/signing.md)",
    );
  }
  if (signature === undefined) {
    return refuse(`there is no ${file}.sig`, "sign the file: `rayvisor policy sign FILE --key KEY`");
  }
  const parsed = parseSignatures(signature);
  if (!parsed.ok) return refuse(`${file}.sig is no signature file: ${parsed.error}`, "sign the file anew");
  const verified = await verifySignatures(bytes, parsed.value, keys.keys);
  if (!verified.ok) {
    const known = keys.keys.map((key) => `${key.name} (${shortKey(key.id)})`).join(", ");
    return refuse(
      `its signature does not hold: ${verified.error}`,
      `sign this exact file; trusted are ${known}`,
    );
  }
  return { state: "valid", key: verified.value.id, name: verified.value.name, demandedBy };
}
