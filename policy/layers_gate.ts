/** The two gates of a running guest: its network, and the one screen that is shown (contract, section 5, 2 and 3). */
import { seen } from "../src/core/shape.ts";
import { didYouMean } from "../src/core/suggest.ts";
import { cap, deny, type Finding, type Question, whereOf } from "./finding.ts";
import type { NetworkProfile } from "./model.ts";
import { isPlainNat } from "./network_profile.ts";
import { keyText, whereIn } from "./rights.ts";
import type { PolicyFacts, PolicyReason, Rights } from "./types.ts";

/** Profile that a guest gets whose record asks for a network and names none. */
export const DEFAULT_NETWORK_PROFILE = "restricted";

/** `net.set` is about the profile it names; every other action about what the guest's record asks for. */
export function networkLayer(question: Question): readonly Finding[] {
  const { request, guest, rights } = question;
  if (!rights) return [];
  if (request.action === "net.set") {
    if (request.network === undefined) return [deny("unevaluable", "the request names no network profile")];
    const denied = networkDenial(
      question,
      rights,
      request.network.profile,
      request.network.provisioning === true,
    );
    return denied ? [{ deny: denied }] : revert(rights);
  }
  const asked = guest.devices.network;
  if (asked.enabled !== true || asked.profile === "off") return [];
  const denied = networkDenial(
    question,
    rights,
    asked.profile ?? DEFAULT_NETWORK_PROFILE,
    request.network?.provisioning === true,
  );
  if (!denied) return request.action === "vm.start" ? revert(rights) : [];
  return [
    cap(question, denied.rule, denied.why, denied.where ?? "network_profiles", { kind: "clamp_network" }),
  ];
}

function revert(rights: Rights): readonly Finding[] {
  return rights.networking === "provisioning_only" ? [{ obligation: { kind: "revert_network_at_end" } }] : [];
}

/** Why the guest may not have this network, the first of the rules in their fixed order. */
function networkDenial(
  question: Question,
  rights: Rights,
  profile: string,
  provisioning: boolean,
): PolicyReason | undefined {
  const { guest, request, loaded } = question;
  const where = whereOf(question, "networking");
  if (rights.networking === "off") {
    return { rule: "network_default_off", why: `networking is off for ${guest.id}`, where };
  }
  const known = loaded.policy.network_profiles;
  if (!Object.hasOwn(known, profile)) {
    const near = didYouMean(profile, Object.keys(known));
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return {
      rule: "network_profile_unknown",
      why: `there is no network profile ${seen(profile)}${hint}`,
      where: "network_profiles",
    };
  }
  if (!rights.networkProfiles.includes(profile)) {
    const list = rights.networkProfiles.length === 0 ? "none" : rights.networkProfiles.join(", ");
    return {
      rule: "network_profile_not_allowed",
      why: `${guest.id} may not use the network profile ${seen(profile)}; allowed: ${list}`,
      where: whereOf(question, "networkProfiles"),
    };
  }
  if (rights.networking === "provisioning_only" && !provisioning) {
    return {
      rule: "network_provisioning_only",
      why: `${guest.id} has a network only during a provisioning run`,
      where,
    };
  }
  // What is defined or shown now can be enforced later; what is switched on must be enforced at once.
  if (
    (request.action === "net.set" || request.action === "vm.start") &&
    !isEnforced(request.facts.networkEnforcer, known[profile], provisioning)
  ) {
    return {
      rule: "network_enforcer_missing",
      why: `what enforces the network profile ${seen(profile)} is missing or does not work on this host`,
      where: whereIn(loaded, `network_profiles.${keyText(profile)}`),
    };
  }
  return undefined;
}

function isEnforced(
  enforcer: PolicyFacts["networkEnforcer"],
  profile: NetworkProfile | undefined,
  provisioning: boolean,
): boolean {
  if (enforcer !== "provisioning_nat") return enforcer === true;
  return provisioning && profile !== undefined && isPlainNat(profile);
}

/** Presenting, typing, viewing and the console: the one gate of the screen and the keyboard. */
export function presentationLayer(question: Question): readonly Finding[] {
  const { request, guest, rights } = question;
  if (!rights) return [];
  const { presented } = request.facts;
  const findings: Finding[] = [];
  if (request.action === "vm.present" || request.action === "vm.view") {
    if (!rights.present) {
      findings.push(
        deny("presentation_not_allowed", `${guest.id} may not be presented`, whereOf(question, "present")),
      );
    } else if (request.trigger !== "operator" && !rights.presentOnBoot) {
      const why = `${guest.id} may not be presented unless an operator asks`;
      findings.push(deny("presentation_not_allowed", why, whereOf(question, "presentOnBoot")));
    }
  }
  if (request.action === "vm.present") {
    if (presented !== null && presented !== guest.id) {
      findings.push(
        deny(
          "presentation_busy",
          `${seen(presented)} is presented; at most one guest is`,
          whereIn(question.loaded, "presentation.max_presented"),
        ),
      );
    }
    return findings;
  }
  if (presented !== guest.id) {
    const other = presented === null ? "no guest" : seen(presented);
    findings.push(deny("input_not_presented", `${guest.id} is not presented (${other} is)`));
  }
  if (request.action !== "vm.view" && !rights.input) {
    findings.push(deny("input_not_allowed", `${guest.id} takes no input`, whereOf(question, "input")));
  }
  return findings;
}
