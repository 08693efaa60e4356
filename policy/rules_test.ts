import assert from "node:assert/strict";
import { isRuleId, ruleOf, RULES, rulesMarkdown } from "./rules.ts";
import { policyMarkdown } from "./granting.ts";

const doc = (name: string) => Deno.readTextFileSync(new URL(`../docs/${name}`, import.meta.url));

Deno.test("docs/rules.md and docs/policy.md are what the tables generate", () => {
  assert.equal(doc("rules.md"), rulesMarkdown());
  assert.equal(doc("policy.md"), policyMarkdown());
});

Deno.test("every rule of the contract is in the table, with a title, a why and a remedy", () => {
  const contract =
    `policy_invalid unsupported_version safe_mode kind_disabled profile_unknown vcpu_cap memory_cap
    total_memory_cap total_cpu_cap vtpm_required secure_boot_required network_default_off network_profile_not_allowed
    network_profile_unknown network_enforcer_missing presentation_not_allowed presentation_busy input_not_presented
    input_not_allowed device_not_allowed passthrough_denied mount_not_allowed path_escape image_backing_escape
    snapshot_guest_initiated snapshot_limit guest_exec_not_allowed policy_file_permissions signature_required
    autoboot_not_allowed`.split(/\s+/);
  for (const id of contract) assert.ok(isRuleId(id), id);
  for (const rule of RULES) {
    assert.ok(rule.title && rule.why && rule.remedy && ruleOf(rule.id).layer === rule.layer);
  }
  assert.ok(!isRuleId("constructor"));
});
