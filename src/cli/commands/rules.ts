/**
 * `policy`, `registry`, `net`: what is allowed, what exists, what is asked for. The reading of policy and registry is
 * loaded only by the commands that do it themselves: most commands leave it to the supervisor.
 */
import { explainText, policySummary } from "../policy_text.ts";
import { EXIT_OF, fail } from "../../core/problem.ts";
import { formatBytes } from "../../core/units.ts";
import { parseVmId, VM_ID_RULE } from "../../core/ids.ts";
import { type AnyCommand, Command, ExitWith } from "../command.ts";
import { renderRights } from "../render.ts";
import { policyTestCommand } from "./policy_cases.ts";
import { addPolicyFiles } from "./policy_files.ts";
import { change } from "./vm.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";
import { actionSpec } from "../../actions/table.ts";
import type { ExplainView, NetView } from "../../actions/views.ts";

export function policyCommand(context: MakeContext): AnyCommand {
  const policy = new Command("policy").description("the policy file: check it, show it, ask it");
  addPolicyFiles(policy, context);
  policy.addCommand(policyTestCommand(context));
  policy.command("show [id]").description(
    "the policy in force, or the effective rights of a guest and why each is so",
  )
    .action(async (id, _options, command) => {
      const c = context(command);
      const { readPolicy } = await import("../../supervisor/policy_source.ts");
      const loaded = await readPolicy(c.layout.policyFile, c.root);
      if (id === undefined) {
        return c.output.result(
          { file: loaded.file, revision: loaded.revision, policy: loaded.policy },
          () => policySummary(loaded),
        );
      }
      const vmId = parseVmId(id) ?? fail("usage", `'${id}' is no guest id: ${VM_ID_RULE}`);
      const { RegistryStore } = await import("../../../registry/store.ts");
      const { effectiveRights } = await import("../../../policy/rights.ts");
      const record = (await new RegistryStore(c.layout).read()).vms.get(vmId) ??
        fail("not_found", `there is no guest '${id}'`, { hint: "`rayvisor vm list` shows all" });
      const rights = effectiveRights(loaded, record.type, record.policy_profile);
      if (!rights.ok) fail("denied", rights.error.why, { reasons: [rights.error] });
      c.output.result(rights.value, (value) => renderRights(value));
    });
  policy.command("explain <id> <action> [params...]")
    .description(
      "what would be decided about an action, layer by layer; does nothing (`net.set profile=office`)",
    )
    .action(async (id, action, params, _options, command) => {
      const c = context(command);
      const view = await withSupervisor(
        c,
        (s) => s.perform<ExplainView>("policy.explain", { ...keyValues(params), id, action }, c.deadline),
      );
      const { ruleOf } = await import("../../../policy/rules.ts");
      c.output.result(view, (v) => explainText(c.output, v, (rule) => ruleOf(rule).remedy));
      if (view.decision.effect === "deny") throw new ExitWith(EXIT_OF.denied);
    });
  return policy;
}

function keyValues(params: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const param of params) {
    const at = param.indexOf("=");
    if (at < 1) fail("usage", `'${param}' is not of the form key=value`);
    pairs[param.slice(0, at)] = param.slice(at + 1);
  }
  return pairs;
}

export function registryCommand(context: MakeContext): AnyCommand {
  const registry = new Command("registry").description("the registry file: check it, show it");
  registry.command("validate [file]").description("check a registry file and list every problem")
    .action(async (file, _options, command) => {
      const c = context(command);
      const path = file ?? c.layout.registryFile;
      const { RegistryStore } = await import("../../../registry/store.ts");
      const read = await new RegistryStore({ ...c.layout, registryFile: path }).read();
      if (read.broken.length > 0) {
        const problems = read.broken.flatMap((one) => one.problems);
        fail("invalid_registry", `${path}: ${read.broken.length} of the records can't be used`, {
          path,
          problems,
        });
      }
      c.output.result(
        { valid: true, file: path, vms: read.vms.size },
        () => `${path} is valid (${read.vms.size} guests)`,
      );
    });
  registry.command("show").description("the registry as it is on disk").action(async (_options, command) => {
    const c = context(command);
    const { RegistryStore } = await import("../../../registry/store.ts");
    const read = await new RegistryStore(c.layout).read();
    const document = { version: 0, vms: Object.fromEntries(read.vms), broken: read.broken };
    c.output.result(document, () => JSON.stringify(document, null, 2));
  });
  return registry;
}

function networkText(on: NetView["on"]): string {
  if (!on) return "";
  const { reason, since, mac, figures } = on;
  const said = figures
    ? `received ${formatBytes(figures.rx_bytes)} in ${figures.rx_packets} packets, ` +
      `sent ${formatBytes(figures.tx_bytes)} in ${figures.tx_packets}; ${figures.denied} tries refused`
    : "its gateway does not answer";
  return `\n  on since ${since} (${reason}), card ${mac}; ${said}`;
}

export function netCommand(context: MakeContext): AnyCommand {
  const net = new Command("net").description("a guest's network: what it is, and switching it within policy");
  net.command("show <id>").description(actionSpec("net.show").summary).action(
    async (id, _options, command) => {
      const c = context(command);
      const view = await withSupervisor(c, (s) => s.perform<NetView>("net.show", { id }, c.deadline));
      c.output.result(
        view,
        (v) =>
          `${v.vm}: network ${v.network}; asked for ${v.asked ?? "nothing"}; policy grants ${v.granted}` +
          (v.profiles.length ? ` (${v.profiles.join(", ")})` : "") + networkText(v.on),
      );
    },
  );
  net.command("set <id> <profile>").description(actionSpec("net.set").summary)
    .action(async (id, profile, _options, command) => {
      await change(context(command), "net.set", { id, profile });
    });
  return net;
}
