/** Programs that must be there, one check each. */
import type { Need } from "../../host/distribution.ts";
import type { Facts } from "../facts.ts";
import type { FoundProgram } from "../host_port.ts";
import { install } from "../remedies.ts";
import {
  bad,
  type Check,
  check,
  type CheckGroup,
  type JudgeContext,
  pass,
  PROFILES,
  skip,
  type Verdict,
  warn,
} from "../types.ts";

/** What the absence of a program means. */
type Weight = "needed" | "useful" | "interop";

interface Row {
  readonly program: Need;
  readonly group: CheckGroup;
  readonly weight: Weight;
  readonly why: string;
  /** Another program that will do. */
  readonly instead?: string;
}

const ROWS: readonly Row[] = [
  { program: "qemu-system-x86_64", group: "qemu", weight: "needed", why: "It runs the guests." },
  { program: "qemu-img", group: "qemu", weight: "needed", why: "It makes and looks into guests' disks." },
  { program: "swtpm", group: "tpm", weight: "needed", why: "It is the TPM 2.0 that Windows 11 demands." },
  {
    program: "swtpm_setup",
    group: "tpm",
    weight: "needed",
    why: "It gives a new TPM its keys and certificates.",
  },
  {
    program: "nft",
    group: "network",
    weight: "useful",
    why: "It loads the kernel's filter, where a network profile is enforced by the kernel.",
  },
  {
    program: "dnsmasq",
    group: "network",
    weight: "useful",
    why: "It answers names for guests, where a network profile is enforced by the kernel.",
  },
  {
    program: "bwrap",
    group: "confinement",
    weight: "useful",
    why: "It gives helper programs a view of the file system that holds only what they need.",
  },
  {
    program: "virsh",
    group: "libvirt",
    weight: "interop",
    why: "Libvirt's own tool; rayvisor runs guests without it.",
  },
  {
    program: "virt-install",
    group: "libvirt",
    weight: "interop",
    why: "Another way to install guests; rayvisor installs them itself.",
  },
  {
    program: "virt-host-validate",
    group: "libvirt",
    weight: "interop",
    why: "Libvirt's own look at the host.",
  },
  {
    program: "xorriso",
    group: "media",
    weight: "needed",
    why: "It builds the medium with a guest's answers.",
    instead: "genisoimage",
  },
  {
    program: "openssl",
    group: "media",
    weight: "useful",
    why: "It hashes the password of a new guest's user, so that the answers hold none.",
  },
];

interface Found {
  readonly itself: FoundProgram | undefined;
  readonly instead: FoundProgram | undefined;
}

const JUDGED: Readonly<Record<Weight, string>> = {
  needed: "FAIL when it is not in PATH.",
  useful: "WARN when it is not in PATH.",
  interop:
    "SKIP when it is not in PATH: nothing here needs it. WARN, virsh FAIL, when `--connect-uri` is given.",
};

/** Pure. */
export function judgeProgram(row: Row, { itself, instead }: Found, context: JudgeContext): Verdict {
  const { program, weight } = row;
  if (itself?.inPath) return pass(itself.path);
  if (itself) {
    const folder = itself.path.slice(0, itself.path.lastIndexOf("/"));
    return (weight === "needed" ? bad : warn)(
      `${itself.path} is not in PATH, so it can't be started`,
      `start rayvisor with PATH=$PATH:${folder}`,
    );
  }
  const remedy = install([program], context);
  if (instead?.inPath) return pass(`${instead.path} does it in place of ${program}`);
  const found = `${program} is not installed`;
  if (weight === "needed") return bad(found, remedy);
  if (weight === "useful") return warn(found, remedy);
  if (!context.options.wantsLibvirt) {
    return skip(
      `${found}; rayvisor does not need it`,
      `needed only for work with libvirt (vm export, vm import): ${remedy}`,
    );
  }
  return (program === "virsh" ? bad : warn)(found, remedy);
}

function checkOf(row: Row): Check {
  return check({
    id: `host.command.${row.program}`,
    group: row.group,
    blocks: row.weight !== "needed" ? [] : row.group === "tpm" ? ["windows"] : PROFILES,
    title: row.program,
    why: row.why,
    judged: row.instead === undefined ? JUDGED[row.weight] : `${JUDGED[row.weight]} ${row.instead} will do.`,
    ask: async (facts: Facts): Promise<Found> => ({
      itself: await facts.program(row.program),
      instead: row.instead === undefined ? undefined : await facts.program(row.instead),
    }),
    judge: (found, context) => judgeProgram(row, found, context),
  });
}

/** The checks of one group's programs. */
export function commandChecks(group: CheckGroup): Check[] {
  return ROWS.filter((row) => row.group === group).map(checkOf);
}
