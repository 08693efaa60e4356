/**
 * Putting a policy and its signature in the place of those that are there. Each file is replaced as one step, and the two
 * in an order in which the pair on disk is good at every moment:
 *
 * 1. the signature file becomes one with the new signatures and the old ones: the old policy still verifies;
 * 2. the policy is replaced: the new policy verifies;
 * 3. the old signatures are dropped.
 *
 * A crash after any step leaves the old policy or the new one, signed. Without a signature the policy comes first and an
 * old signature file, of which nothing depends then, is removed.
 */
import { formatSignatures, MOST_SIGNATURES, parseSignatures } from "../../policy/signature.ts";
import { basename, dirname, removeTree, writeFileAtomic } from "../ports/files.ts";
import { listFolder } from "../ports/folders.ts";
import type { Layout } from "../../registry/layout.ts";

/** The steps on disk; each is done wholly or not at all. */
export interface InstallSteps {
  write(path: string, data: string | Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
}

const ON_DISK: InstallSteps = { write: (path, data) => writeFileAtomic(path, data), remove: removeTree };

/** `signature` and `oldSignature` are texts of signature files; the first has been verified. */
export async function installPolicy(
  layout: Pick<Layout, "policyFile" | "policySignature">,
  policy: { readonly bytes: Uint8Array; readonly signature: string | undefined },
  oldSignature: string | undefined,
  steps: InstallSteps = ON_DISK,
): Promise<void> {
  const { policyFile, policySignature } = layout;
  if (policy.signature === undefined) {
    await steps.write(policyFile, policy.bytes);
    await steps.remove(policySignature);
    return;
  }
  const both = [policy.signature, oldSignature].flatMap((text) => {
    const parsed = text === undefined ? undefined : parseSignatures(text);
    return parsed?.ok ? parsed.value : [];
  });
  await steps.write(policySignature, formatSignatures(both.slice(0, MOST_SIGNATURES)));
  await steps.write(policyFile, policy.bytes);
  await steps.write(policySignature, policy.signature);
}

/** Removes temporary files that a crash left. Only for the one that holds the root's lock. */
export async function removeInstallLeftovers({ policyFile }: Pick<Layout, "policyFile">): Promise<void> {
  const folder = dirname(policyFile);
  const own = `${basename(policyFile)}.`;
  for (const name of await listFolder(folder)) {
    if (name.startsWith(own) && name.endsWith(".tmp")) await removeTree(`${folder}/${name}`);
  }
}
