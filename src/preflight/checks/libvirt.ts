/** Libvirt, for those who use it beside rayvisor: nothing here is needed to run guests. */
import { shellQuote } from "../../core/shell.ts";
import type { Answer, Facts } from "../facts.ts";
import { VIRSH_LIMIT_MS } from "../facts.ts";
import { domainCapabilities, virshFields } from "../parse.ts";
import { asRoot, install } from "../remedies.ts";
import { bad, check, type JudgeContext, pass, skip, type Verdict, warn } from "../types.ts";
import { membershipCheck } from "./kvm.ts";

/** Above virsh's own limit, which is what ends it. */
const LIMIT_MS = VIRSH_LIMIT_MS + 3_000;
const ROW = { group: "libvirt", blocks: [], limitMs: LIMIT_MS } as const;

interface Asked {
  readonly hasVirsh: boolean;
  readonly libvirt: Answer<string>;
  readonly answer: Answer<string>;
}

/** All questions are put at once: a virsh that hangs costs its time once. */
function asking(ask: (facts: Facts) => Promise<Answer<string>>) {
  return async (facts: Facts): Promise<Asked> => {
    if (!(await facts.program("virsh"))?.inPath) {
      const none: Answer<string> = { ok: false, error: "virsh is not installed" };
      return { hasVirsh: false, libvirt: none, answer: none };
    }
    const [libvirt, answer] = await Promise.all([facts.libvirt(), ask(facts)]);
    return { hasVirsh: true, libvirt, answer };
  };
}

/** What stands in the way of an answer; undefined when there is one. */
function unasked({ hasVirsh, libvirt }: Asked): Verdict | undefined {
  if (!hasVirsh) return skip("not asked: virsh is not installed, and rayvisor does not need it");
  return libvirt.ok ? undefined : skip("not asked: see libvirt.connection");
}

/** Who named a URI wants libvirt; for everybody else it is an extra. */
function unlessWanted(context: JudgeContext): (details: string, remediation: string) => Verdict {
  return context.options.wantsLibvirt ? bad : warn;
}

const connection = check({
  ...ROW,
  id: "libvirt.connection",
  title: "connection to libvirt",
  why: "Guests are exported to libvirt, and checked there, through it.",
  judged: "WARN, with `--connect-uri` FAIL, when `virsh version` has no answer in time; SKIP without virsh.",
  ask: asking((facts) => facts.libvirt()),
  judge(asked, context) {
    if (!asked.hasVirsh) return skip("not asked: virsh is not installed, and rayvisor does not need it");
    const { connectUri } = context.options;
    if (asked.libvirt.ok) {
      return pass(
        `${connectUri}: ${virshFields(asked.libvirt.value).get("Running hypervisor") ?? "answers"}`,
      );
    }
    const start = connectUri.endsWith("/system")
      ? `${install(["libvirt-service"], context)} && ${asRoot("systemctl enable --now libvirtd", context)}`
      : "start the libvirt daemon of this user";
    return unlessWanted(context)(`${connectUri}: ${asked.libvirt.error}`, start);
  },
});

const defaultNetwork = check({
  ...ROW,
  id: "libvirt.default_network",
  title: "libvirt's default network",
  why: "Guests of libvirt's own tools get their network from it; rayvisor's don't.",
  judged: "WARN when it is not there or not active.",
  ask: asking((facts) => facts.defaultNetwork()),
  judge(asked, context) {
    const none = unasked(asked);
    if (none) return none;
    const { connectUri } = context.options;
    const command = `virsh -c ${shellQuote(connectUri)}`;
    const virsh = connectUri.endsWith("/system") ? asRoot(command, context) : command;
    const start = `${virsh} net-start default && ${virsh} net-autostart default`;
    if (!asked.answer.ok) return warn(asked.answer.error, start);
    const fields = virshFields(asked.answer.value);
    return fields.get("Active") === "yes"
      ? pass(`active, bridge ${fields.get("Bridge") ?? "?"}`)
      : warn("the network default is not active", start);
  },
});

const secureLoader = check({
  ...ROW,
  id: "libvirt.secure_loader",
  profiles: ["windows"],
  title: "libvirt offers Secure Boot",
  why: "An exported Windows guest asks libvirt for a loader with Secure Boot.",
  judged: "WARN, with `--connect-uri` FAIL, when `virsh domcapabilities` does not name a secure loader.",
  ask: asking((facts) => facts.domainCapabilities()),
  judge: (asked, context) =>
    capability(asked, context, (found) => found.secureLoader.includes("yes"), {
      yes: "q35 guests of libvirt can have a secure loader",
      no: "libvirt names no secure loader for q35",
      needs: install(["firmware"], context),
    }),
});

const tpmEmulator = check({
  ...ROW,
  id: "libvirt.tpm_emulator",
  profiles: ["windows"],
  title: "libvirt offers an emulated TPM",
  why: "An exported Windows guest asks libvirt for a TPM 2.0.",
  judged: "WARN, with `--connect-uri` FAIL, when `virsh domcapabilities` does not name an emulated TPM 2.0.",
  ask: asking((facts) => facts.domainCapabilities()),
  judge: (asked, context) =>
    capability(
      asked,
      context,
      ({ tpmSupported, tpmBackends, tpmVersions }) =>
        tpmSupported && tpmBackends.includes("emulator") &&
        (tpmVersions.length === 0 || tpmVersions.includes("2.0")),
      {
        yes: "q35 guests of libvirt can have an emulated TPM 2.0",
        no: "libvirt names no emulated TPM 2.0 for q35",
        needs: install(["swtpm", "swtpm_setup"], context),
      },
    ),
});

function capability(
  asked: Asked,
  context: JudgeContext,
  has: (found: NonNullable<ReturnType<typeof domainCapabilities>>) => boolean,
  words: { readonly yes: string; readonly no: string; readonly needs: string },
): Verdict {
  const none = unasked(asked);
  if (none) return none;
  const worse = unlessWanted(context);
  if (!asked.answer.ok) return worse(`virsh domcapabilities: ${asked.answer.error}`, words.needs);
  const found = domainCapabilities(asked.answer.value);
  if (!found) return worse("virsh domcapabilities answered something else", "upgrade libvirt");
  return has(found) ? pass(words.yes) : worse(words.no, words.needs);
}

const libvirtGroup = membershipCheck(
  "libvirt",
  {
    group: "libvirt",
    why: "Its members may use the system's libvirt without a password.",
    judged:
      "WARN, with `--connect-uri` FAIL, when the user is not in it and libvirt does not answer otherwise.",
  },
  async (facts) => {
    const there = (await facts.program("virsh"))?.inPath === true &&
      facts.options.connectUri.endsWith("/system");
    return { needless: there && (await facts.libvirt()).ok, pointless: !there };
  },
  unlessWanted,
);

export const LIBVIRT_CHECKS = [connection, defaultNetwork, secureLoader, tpmEmulator, libvirtGroup];
