import assert from "node:assert/strict";
import { initRoot } from "./init_root.ts";
import { layoutOf } from "../../registry/layout.ts";
import { policyChoices } from "./wizard_policy.ts";

Deno.test("profiles of the kind, and network profiles but off, are taken from a policy that is good", async () => {
  const root = await Deno.makeTempDir();
  try {
    assert.deepEqual(await policyChoices(root, {}), {});
    await initRoot({ root, layout: layoutOf(root) });
    const { profiles, networkProfiles } = await policyChoices(root, { "guest.type": "windows" });
    assert.ok(profiles?.includes("default-windows") && !profiles.includes("default-linux"));
    assert.ok(networkProfiles?.includes("unrestricted") && !networkProfiles.includes("off"));
    await Deno.writeTextFile(layoutOf(root).policyFile, "version = 7\n");
    assert.deepEqual(await policyChoices(root, {}), {});
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
