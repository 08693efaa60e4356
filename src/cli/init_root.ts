/** `init`: makes a data root. */
import { type Layout, makeDataRoot } from "../../registry/layout.ts";
import { exists, writeFileAtomic } from "../ports/files.ts";

/** Makes what is missing of a data root; returns the files it made. */
export async function initRoot(
  { root, layout }: { readonly root: string; readonly layout: Layout },
): Promise<string[]> {
  const { POLICY_TEMPLATE } = await import("../../policy/template.ts");
  await makeDataRoot(root);
  const wanted: readonly (readonly [string, string])[] = [
    [layout.policyFile, POLICY_TEMPLATE],
    [layout.registryFile, JSON.stringify({ version: 0, vms: {} }, null, 2) + "\n"],
  ];
  const made: string[] = [];
  for (const [file, text] of wanted) {
    if (await exists(file)) continue;
    await writeFileAtomic(file, text);
    made.push(file);
  }
  return made;
}
