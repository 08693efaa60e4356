import assert from "node:assert/strict";
import type { ExplainView } from "../actions/views.ts";
import { PLAIN_HOST, plainGuest } from "../../policy/cases.ts";
import { explain } from "../../policy/decide.ts";
import { loadPolicy } from "../../policy/load.ts";
import { ruleOf } from "../../policy/rules.ts";
import { POLICY_TEMPLATE } from "../../policy/template.ts";
import type { PolicyAction, PolicyRequest } from "../../policy/types.ts";
import type { PolicyRevision } from "../core/ids.ts";
import { Output } from "./output.ts";
import { explainText } from "./policy_text.ts";

const terminal = { out: () => {}, err: () => {}, outIsTerminal: false } as unknown as Output["terminal"]; // nothing is written
const output = new Output(terminal, { json: false, quiet: false, color: false });

function told(action: PolicyAction, more: Partial<PolicyRequest> = {}, text = POLICY_TEMPLATE): string[] {
  const loaded = loadPolicy(text, "p", "none" as PolicyRevision);
  assert.ok(loaded.ok);
  const guest = plainGuest("linux");
  const request: PolicyRequest = { action, trigger: "operator", guest, facts: PLAIN_HOST, ...more };
  const view: ExplainView = {
    vm: guest.id,
    action,
    ...explain({ mode: "normal", loaded: loaded.value }, request),
  };
  return explainText(output, view, (rule) => ruleOf(rule).remedy).split("\n");
}

Deno.test("explainText() shows the verdict, the layers that were asked, why, and what would change it", () => {
  const lines = told("net.set", { network: { profile: "office" } });
  assert.equal(lines[0], "DENY net.set on linux-desktop-001");
  assert.match(
    lines.join("\n"),
    /\n {2}network +DENY +network_default_off: networking is off for linux-desktop-001 +linux\.networking \(line \d+\)\n/,
  );
  assert.match(lines.join("\n"), /\n {2}not asked: mode, request, trigger, .*, snapshot, default\n/);
  assert.equal(
    lines.at(-1),
    "hint: network_default_off: Set `networking` in the kind's section and in the profile.",
  );
  assert.ok(!lines.some((line) => /^ {2}trigger/.test(line)));
});

Deno.test("explainText() says in words what an allowed action obliges to", () => {
  const policy = POLICY_TEMPLATE.replace("clamp = false", "clamp = true");
  const guest = plainGuest("linux");
  const large = {
    ...guest,
    devices: { ...guest.devices, vcpu: 9, memory_mb: 9999, network: { enabled: true } },
  };
  const lines = told("vm.start", { guest: large }, policy);
  assert.equal(lines[0], "ALLOW vm.start on linux-desktop-001");
  assert.deepEqual(lines.filter((line) => line.startsWith("  must ")), [
    "  must start it with 2 vCPUs",
    "  must start it with 4096 MiB of memory",
    "  must run QEMU and its helpers confined",
    "  must start it without a network",
  ]);
  assert.match(lines.join("\n"), /caps +narrowed +vcpu_cap: .*\n +memory_cap: /);
});

Deno.test("explainText() names a right of a built-in profile as built in", () => {
  assert.match(told("vm.exec").join("\n"), /profiles\.default-linux\.guest_agent \(built in\)/);
});
