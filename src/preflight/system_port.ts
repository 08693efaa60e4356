/** The host that this program runs on. */
import { fail, Failure } from "../core/problem.ts";
import { systemHost } from "../cgroup/host.ts";
import { look } from "../cgroup/set_up.ts";
import { probeKvm } from "../host/kvm_probe.ts";
import { systemClock } from "../ports/clock.ts";
import { spaceOf } from "../ports/disk_space.ts";
import {
  isNotFound,
  makeTemporaryFolder,
  readFileBounded,
  readTextBounded,
  removeTree,
} from "../ports/files.ts";
import { findProgram, listFolder, readStart } from "../ports/folders.ts";
import { hashFile } from "../media/hash.ts";
import { machineName } from "../ports/machine.ts";
import { MARK, processesThatHave } from "../ports/own_processes.ts";
import { ownUid, statOf } from "../ports/paths.ts";
import { readKernelFiles, readKernelFilesApart } from "../ports/proc_files.ts";
import { PLAIN_ENV } from "../ports/processes.ts";
import { runGroup } from "../ports/run_group.ts";
import { envVar } from "../ports/terminal.ts";
import { firmwareFolders, readFirmwareDescriptors } from "../qemu/firmware_files.ts";
import type { FlashFile } from "../qemu/firmware.ts";
import { parseQcow2Header, QCOW2_HEADER_BYTES } from "../qemu/qcow2_header.ts";
import { probeQemu } from "../qemu/probe.ts";
import { MAX_STORE_BYTES } from "../efi/var_store.ts";
import { probeSwtpm } from "../tpm/probe.ts";
import type { HostPort, HostProbes, MarkedProcess } from "./host_port.ts";
import { lookAtMedium } from "./medium.ts";
import { tryTpm } from "./tpm_trial.ts";

const MAX_TEXT = 1024 * 1024;
const PATH = PLAIN_ENV["PATH"] ?? "";
/** Where distributions keep programs for administrators; not in every user's PATH. */
const ADMIN_PATH = "/usr/sbin:/sbin:/usr/local/sbin";
/** More than the probe's own limit, for other programs start beside it; a KVM that emulates needs more than twice as long. */
const KVM_ROM_MS = 2_000;
const CONVERT_LIMIT_MS = 10_000;

const probes: HostProbes = {
  qemu: probeQemu,
  kvm: (program, signal) => probeKvm(program, { signal, timeoutMs: KVM_ROM_MS }),
  swtpm: () => probeSwtpm(PATH),
  tpm: tryTpm,
  firmware: () => readFirmwareDescriptors(firmwareFolders()),
  variables: readVariables,
  groups: () => look({ host: systemHost, bySystemd: envVar("INVOCATION_ID") !== undefined }),
  marked: markedProcesses,
  medium: lookAtMedium,
  sha256: hashFile,
};

export const systemPort: HostPort = {
  uid: ownUid(),
  clock: systemClock,
  machine: machineName(),
  run: (program, args, limitMs, signal) => runGroup(program, { args, limitMs, signal, env: sessionEnv() }),
  async find(program) {
    const path = await findProgram(program, PATH);
    if (path !== undefined) return { path, inPath: true };
    const hidden = await findProgram(program, ADMIN_PATH);
    return hidden === undefined ? undefined : { path: hidden, inPath: false };
  },
  read,
  list: (folder) => listFolder(folder).catch(() => []),
  stat: (path) => statOf(path).catch(() => undefined),
  async mayUse(path, signal) {
    const result = await runGroup("test", {
      args: ["-r", path, "-a", "-w", path],
      limitMs: 5_000,
      signal,
    });
    return result.kind === "ended" && result.code === 0;
  },
  space: spaceOf,
  env: envVar,
  probes,
};

/** A user's own libvirt is found by these. */
function sessionEnv(): Record<string, string> {
  const home = envVar("HOME");
  return {
    ...PLAIN_ENV,
    ...(home === undefined ? {} : { HOME: home }),
    ...(ownUid() === 0 ? {} : { XDG_RUNTIME_DIR: `/run/user/${ownUid()}` }),
  };
}

async function read(path: string): Promise<string | undefined> {
  if (/^\/(proc|sys)\//.test(path)) return await readTogether(path);
  try {
    return await readTextBounded(path, MAX_TEXT);
  } catch {
    return undefined; // absent, not this user's, or no text: nothing is known
  }
}

/** What was asked for in this turn of the event loop, and will be read by one program. */
let together:
  | { readonly paths: Set<string>; readonly texts: Promise<ReadonlyMap<string, string>> }
  | undefined;

/** A file of procfs or sysfs. A program is started for it, so those that are asked for at once are read by one. */
async function readTogether(path: string): Promise<string | undefined> {
  if (!together) {
    const paths = new Set<string>();
    const texts = new Promise<void>((resolve) => systemClock.after(0, resolve)).then(() => {
      together = undefined;
      return readKernelFilesApart([...paths]).catch(() => new Map<string, string>());
    });
    together = { paths, texts };
  }
  together.paths.add(path);
  return (await together.texts).get(path);
}

/** Converts what is qcow2 into a temporary file, whatever runs on it; it may have been written by a hostile guest. */
async function readVariables(file: FlashFile, signal: AbortSignal): Promise<Uint8Array> {
  if (file.format === "raw") return await readFileBounded(file.path, MAX_STORE_BYTES);
  const header = parseQcow2Header(await startOf(file.path));
  if (!header.ok) fail("io", header.error.message, { path: file.path });
  const { virtualBytes, backingFile, externalData } = header.value;
  if (backingFile !== undefined || externalData) fail("path_escape", `${file.path} rests on another file`);
  if (virtualBytes > MAX_STORE_BYTES) fail("io", `${file.path} is larger than a variable store`);
  const folder = await makeTemporaryFolder("rayvisor-vars-");
  try {
    const raw = `${folder}/vars.raw`;
    const result = await runGroup("qemu-img", {
      args: ["convert", "-q", "-U", "-f", "qcow2", "-O", "raw", file.path, raw],
      limitMs: CONVERT_LIMIT_MS,
      signal,
    });
    if (result.kind === "missing") fail("missing", "qemu-img is not installed");
    if (result.kind === "timed_out") fail("outcome_unknown", "qemu-img did not end in time and was ended");
    if (result.code !== 0) fail("io", `qemu-img can't read it: ${result.stderr.trim().slice(0, 200)}`);
    return await readFileBounded(raw, MAX_STORE_BYTES);
  } finally {
    await removeTree(folder);
  }
}

async function startOf(path: string): Promise<Uint8Array> {
  try {
    return await readStart(path, QCOW2_HEADER_BYTES);
  } catch (error) {
    throw isNotFound(error) ? new Failure({ code: "not_found", message: `${path} is not there` }) : error;
  }
}

async function markedProcesses(): Promise<MarkedProcess[]> {
  const found = await processesThatHave(MARK.root);
  return await Promise.all(found.map(async ({ identity: { pid }, env }) => ({
    pid,
    vm: env.get(MARK.vm) ?? "",
    role: env.get(MARK.role) ?? "",
    commandLine: (await readKernelFiles(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " "),
  })));
}
