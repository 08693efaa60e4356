/** Every name on disk below a data root (contract, section 2). No other file spells one. */
import { createHash } from "node:crypto";
import type { GuestKind } from "../src/core/ids.ts";
import { GUEST_KINDS } from "../src/core/ids.ts";
import { fail } from "../src/core/problem.ts";
import { makeFolder } from "../src/ports/files.ts";
import { lookAt, ownUid, realPath, setMode } from "../src/ports/paths.ts";

/** Lasting files of one guest; absolute paths. */
export interface GuestFolder {
  readonly folder: string;
  readonly snapshots: string;
  readonly state: SavedState;
  readonly provision: ProvisionFiles;
  /** When it was started again after crashes. */
  readonly restarts: string;
  readonly logs: string;
  readonly qemuLog: string;
  readonly swtpmLog: string;
  readonly serialLog: string;
}

/** Files of a provisioning run. */
export interface ProvisionFiles {
  readonly folder: string;
  /** How far the run is; it is under way, or was interrupted, as long as this is here. */
  readonly run: string;
  /** The medium with the answers. */
  readonly seed: string;
  /** Copies of install media that lie outside the data root. */
  readonly media: string;
  /** What came of the last run that ended well; stays. */
  readonly done: string;
}

/** What a suspended guest is made of, beside its images (`docs/suspend.md`). */
export interface SavedState {
  readonly folder: string;
  /** What the memory belongs to. The guest is suspended as long as this is here. */
  readonly manifest: string;
  /** QEMU's migration stream: memory and devices, the TPM's content among them. */
  readonly memory: string;
  /** The stream while it is being written. */
  readonly part: string;
  /** Why the guest stands still while a suspend or a resume is under way, for the next supervisor to read. */
  readonly standstill: string;
}

/** Sockets and records of one running guest; absolute paths, safe to lose at a reboot. */
export interface GuestRuntime {
  readonly folder: string;
  /** Which processes the guest is. */
  readonly record: string;
  /** Is there while a guest that stands still for an error of a disk was paused by the operator too. */
  readonly held: string;
  readonly qmp: string;
  readonly agent: string;
  readonly serial: string;
  readonly tpm: string;
  readonly vnc: string;
  /** The migration stream, while it flows. */
  readonly stream: string;
  /** QEMU's end of the wire to the gateway, while the guest has a network. */
  readonly net: string;
  /** What a gateway says on its standard error. */
  readonly netLog: string;
}

/** A data root's names; every path is absolute. */
export interface Layout {
  readonly root: string;
  readonly policyFile: string;
  readonly policySignature: string;
  readonly registryFile: string;
  /** What is being done and must be finished or undone when the supervisor dies meanwhile: a file a guest. */
  readonly intents: string;
  readonly rayosLog: string;
  readonly auditFile: string;
  /** Last link of the audit chain, kept apart so that a tail that was cut off shows. */
  readonly auditHead: string;
  /** What a supervisor in the background says on its standard error. */
  readonly supervisorLog: string;
  readonly crashFolder: string;
  readonly runFolder: string;
  /** A folder for each guest that runs. */
  readonly runtimeFolder: string;
  /** The control API. */
  readonly socket: string;
  readonly lock: string;
  /** From where the service manager is told; the file is gone as soon as it was made. */
  readonly notifySocket: string;
  /** What the host was found able to do. */
  readonly capabilitiesCache: string;
  /** Where in cgroupfs this root's guests have their groups. */
  readonly groupsFile: string;
  /** Keys and certificates by which TPMs of this root are made. */
  readonly tpmAuthority: string;
  guest(kind: GuestKind, id: string): GuestFolder;
  runtime(id: string): GuestRuntime;
}

/** Longest id that is its own name below `run/`. */
const LONGEST_PLAIN = 24;

/**
 * Name of a guest's folder below `run/g/`. A socket's path may have 107 bytes and an id 63, so a long id is cut and given a
 * hash. `~` stands in no id: a cut name is never the name of another guest. It depends on the id alone, so that whoever
 * knows the id finds the socket, and leaves 59 bytes for the root.
 */
export function runtimeName(id: string): string {
  if (id.length <= LONGEST_PLAIN) return id;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 12);
  return `${id.slice(0, LONGEST_PLAIN - 13)}~${hash}`;
}

/** The names of a data root. `root` is an absolute path without a final slash. */
export function layoutOf(root: string): Layout {
  return {
    root,
    policyFile: `${root}/policy/rayos-policy.toml`,
    policySignature: `${root}/policy/rayos-policy.toml.sig`,
    registryFile: `${root}/vm/registry.json`,
    intents: `${root}/vm/intents`,
    rayosLog: `${root}/logs/rayos.log`,
    auditFile: `${root}/logs/audit.jsonl`,
    auditHead: `${root}/logs/audit.head`,
    supervisorLog: `${root}/logs/supervisor.log`,
    crashFolder: `${root}/crash`,
    runFolder: `${root}/run`,
    runtimeFolder: `${root}/run/g`,
    socket: `${root}/run/rayvisor.sock`,
    lock: `${root}/run/lock`,
    notifySocket: `${root}/run/notify.sock`,
    capabilitiesCache: `${root}/run/capabilities.json`,
    groupsFile: `${root}/run/groups.json`,
    tpmAuthority: `${root}/vm/tpm-authority`,
    guest(kind, id) {
      const folder = `${root}/vm/${kind}/${id}`;
      const logs = `${folder}/logs`;
      return {
        folder,
        snapshots: `${folder}/snapshots`,
        state: savedStateIn(`${folder}/state`),
        provision: provisionIn(folder),
        restarts: `${folder}/restarts.json`,
        logs,
        qemuLog: `${logs}/qemu.log`,
        swtpmLog: `${logs}/swtpm.log`,
        serialLog: `${logs}/serial.log`,
      };
    },
    runtime(id) {
      const folder = `${root}/run/g/${runtimeName(id)}`;
      return {
        folder,
        record: `${folder}/run.json`,
        held: `${folder}/held`,
        qmp: `${folder}/qmp.sock`,
        agent: `${folder}/agent.sock`,
        serial: `${folder}/serial.sock`,
        tpm: `${folder}/tpm.sock`,
        vnc: `${folder}/vnc.sock`,
        stream: `${folder}/ram.sock`,
        net: `${folder}/net.sock`,
        netLog: `${folder}/net.log`,
      };
    },
  };
}

/** The names of a provisioning run in a guest's folder. */
function provisionIn(guest: string): ProvisionFiles {
  const folder = `${guest}/provision`;
  return {
    folder,
    run: `${folder}/run.json`,
    seed: `${folder}/seed.iso`,
    media: `${folder}/media`,
    done: `${guest}/provisioned.json`,
  };
}

/** The names in the folder of a suspended guest's state. */
export function savedStateIn(folder: string): SavedState {
  return {
    folder,
    manifest: `${folder}/manifest.json`,
    memory: `${folder}/ram.bin`,
    part: `${folder}/ram.bin.part`,
    standstill: `${folder}/standstill.json`,
  };
}

/** Folders of a data root, relative; parents first. */
const FOLDERS: readonly string[] = [
  "policy",
  "vm",
  ...GUEST_KINDS.map((kind) => `vm/${kind}`),
  "vm/intents",
  "logs",
  "crash",
  "run",
  "run/g",
];

/**
 * Makes the folders of a data root, mode 0700; what is there keeps its content. A root that others can write, or that
 * belongs to someone else, is refused (`failed`): everything in it is trusted because of who can write it. A folder in it
 * that is a symbolic link is refused (`path_escape`).
 */
export async function makeDataRoot(root: string): Promise<void> {
  if (await lookAt(root) === undefined) await makeFolder(root);
  const real = await realPath(root);
  const facts = real === undefined ? undefined : await lookAt(real);
  if (facts?.kind !== "dir") fail("failed", `the data root ${root} is not a folder`, { path: root });
  refuseStrangers(root, facts.uid, facts.mode);
  for (const name of FOLDERS) {
    const path = `${root}/${name}`;
    const there = await lookAt(path);
    if (there === undefined) await makeFolder(path);
    else if (there.kind === "symlink") {
      fail("path_escape", `${path} is a symbolic link; the folders of a data root are its own`, { path });
    } else if (there.kind !== "dir") fail("failed", `${path} is not a folder`, { path });
    else if ((there.mode & 0o777) !== 0o700) await setMode(path, 0o700);
  }
}

function refuseStrangers(root: string, uid: number, mode: number): void {
  if (uid !== ownUid()) {
    fail("failed", `the data root ${root} belongs to user ${uid}; this is user ${ownUid()}`, {
      path: root,
      hint: "run as that user, or choose another root (--root)",
    });
  }
  if ((mode & 0o022) !== 0) {
    const seen = mode.toString(8).padStart(4, "0");
    fail("failed", `the data root ${root} can be written by others than its owner (mode ${seen})`, {
      path: root,
      hint: `chmod go-w ${root}`,
    });
  }
}
