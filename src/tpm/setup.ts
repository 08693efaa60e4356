/**
 * First contents of a guest's TPM: endorsement key with certificate and platform certificate, made by `swtpm_setup` with a
 * certificate authority that belongs to the data root (the distribution's own lies in a folder of another user).
 */
import { fail } from "../core/problem.ts";
import type { SwtpmCapabilities } from "../host/capabilities.ts";
import { systemFiles } from "../ports/file_ops.ts";
import { dirname, makeFolder, removeTree, writeFileAtomic } from "../ports/files.ts";
import { fileFacts, moveFile } from "../ports/folders.ts";
import { flushFile } from "../ports/large_files.ts";
import { endMarked } from "../ports/own_processes.ts";
import { PLAIN_ENV, run } from "../ports/processes.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { CommandLine } from "../qemu/options.ts";
import { swtpmValue } from "./swtpm.ts";

export interface TpmSetupPlan {
  /** Folders to make first, mode 0700. */
  readonly folders: readonly string[];
  /** Configuration files to write, path to text, mode 0600. */
  readonly files: Readonly<Record<string, string>>;
  readonly command: CommandLine;
  /**
   * Where the command works, temporary files of its tools too. It is gone afterwards; what a death has left of it goes with the next
   * try, or with the guest.
   */
  readonly workFolder: string;
  /** Is there after the command has succeeded. */
  readonly madeFile: string;
  /** What that becomes: a whole state or none. */
  readonly stateFile: string;
}

export interface TpmSetupPlace {
  /** Folder of this guest's TPM state. */
  readonly stateDir: string;
  /** Private folder of the data root for the authority's keys and the tools' configuration. */
  readonly authorityDir: string;
}

/** Pure. */
export function planTpmSetup(capabilities: SwtpmCapabilities, place: TpmSetupPlace): TpmSetupPlan {
  const { stateDir, authorityDir } = place;
  const workFolder = `${stateDir}/making`;
  // The configuration files end a value at the line, and swtpm_setup splits nothing else.
  for (const path of [stateDir, authorityDir, capabilities.localcaProgram]) swtpmValue(path);
  const config = `${authorityDir}/swtpm_setup.conf`;
  const localcaConfig = `${authorityDir}/swtpm-localca.conf`;
  const localcaOptions = `${authorityDir}/swtpm-localca.options`;
  return {
    folders: [authorityDir, stateDir],
    files: {
      [localcaConfig]: lines({
        statedir: authorityDir,
        signingkey: `${authorityDir}/signkey.pem`,
        issuercert: `${authorityDir}/issuercert.pem`,
        certserial: `${authorityDir}/certserial`,
      }),
      // What an operator sees in a certificate: which software the "hardware" is.
      [localcaOptions]: "--platform-manufacturer rayvisor\n--platform-version 1.0\n--platform-model QEMU\n",
      [config]: lines({
        create_certs_tool: capabilities.localcaProgram,
        create_certs_tool_config: localcaConfig,
        create_certs_tool_options: localcaOptions,
        active_pcr_banks: "sha256",
      }),
    },
    command: {
      program: capabilities.setupProgram,
      args: [
        "--tpm2",
        "--tpmstate",
        workFolder,
        "--config",
        config,
        "--create-ek-cert",
        "--create-platform-cert",
        "--lock-nvram",
      ],
      env: { ...PLAIN_ENV, TMPDIR: workFolder },
    },
    workFolder,
    madeFile: `${workFolder}/${STATE_NAME}`,
    stateFile: `${stateDir}/${STATE_NAME}`,
  };
}

/** The name that swtpm gives its lasting state. swtpm(8) */
const STATE_NAME = "tpm2-00.permall";

function lines(members: Readonly<Record<string, string>>): string {
  return Object.entries(members).map(([key, value]) => `${key}=${value}\n`).join("");
}

/** Most that `swtpm_setup` may take, milliseconds: about 1 s with making the authority, much more on a loaded host. */
const SETUP_TIMEOUT_MS = 60_000;

/**
 * Carries a plan out; a state that is there is kept. Failure `failed` with the tool's own words, `missing` without the tool,
 * `outcome_unknown` after the time-out. Safe to repeat after each of them.
 */
export async function prepareTpm(plan: TpmSetupPlan, signal?: AbortSignal): Promise<void> {
  const { workFolder, madeFile, stateFile } = plan;
  for (const folder of plan.folders) await makeFolder(folder);
  if (await hasContent(stateFile)) return;
  for (const [path, text] of Object.entries(plan.files)) await writeFileAtomic(path, text);
  await removeTree(workFolder);
  await makeFolder(workFolder);
  try {
    await makeState(plan, signal);
    await flushFile(madeFile);
    await moveFile(madeFile, stateFile);
    systemFiles.flushFolder(dirname(stateFile));
  } catch (error) {
    // swtpm_setup that is killed leaves the swtpm that it has started, which waits for ever.
    await endMarked("TMPDIR", workFolder).catch(() => {}); // the next supervisor ends what is left
    throw error;
  } finally {
    await removeTree(workFolder).catch(() => {}); // the next try removes it
  }
}

async function makeState(
  { command, madeFile, stateFile }: TpmSetupPlan,
  signal?: AbortSignal,
): Promise<void> {
  const { program, args, env } = command;
  const result = await run(program, {
    args,
    env,
    timeoutMs: SETUP_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.code === 0 && await hasContent(madeFile)) return;
  const words = sanitizeLine(
    `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-3).join(" | "),
    600,
  );
  fail(
    "failed",
    `swtpm_setup could not make the TPM state for ${stateFile}: exit code ${result.code}: ${words}`,
    { path: stateFile },
  );
}

async function hasContent(path: string): Promise<boolean> {
  return ((await fileFacts(path))?.size ?? 0) > 0;
}
