/**
 * First contents of a guest's TPM: endorsement key with certificate and platform certificate, made by `swtpm_setup` with a
 * certificate authority that belongs to the data root (the distribution's own lies in a folder of another user).
 */
import { fail } from "../core/problem.ts";
import type { SwtpmCapabilities } from "../host/capabilities.ts";
import { makeFolder, writeFileAtomic } from "../ports/files.ts";
import { fileFacts } from "../ports/folders.ts";
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
  /** Is there after the command has succeeded. */
  readonly stateFile: string;
}

export interface TpmSetupPlace {
  /** Folder of this guest's TPM state. */
  readonly stateDir: string;
  /** Private folder of the data root for the authority's keys and the tools' configuration. */
  readonly authorityDir: string;
}

/** Pure. Running it again changes nothing: `--not-overwrite` keeps a state that is there. */
export function planTpmSetup(capabilities: SwtpmCapabilities, place: TpmSetupPlace): TpmSetupPlan {
  const { stateDir, authorityDir } = place;
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
        stateDir,
        "--config",
        config,
        "--create-ek-cert",
        "--create-platform-cert",
        "--lock-nvram",
        "--not-overwrite",
      ],
      env: PLAIN_ENV,
    },
    stateFile: `${stateDir}/tpm2-00.permall`,
  };
}

function lines(members: Readonly<Record<string, string>>): string {
  return Object.entries(members).map(([key, value]) => `${key}=${value}\n`).join("");
}

/** Most that `swtpm_setup` may take, milliseconds: about 1 s with making the authority, much more on a loaded host. */
const SETUP_TIMEOUT_MS = 60_000;

/**
 * Carries a plan out. Failure `failed` with the tool's own words, `missing` without the tool, `outcome_unknown` after the
 * time-out. Safe to repeat after each of them.
 */
export async function prepareTpm(plan: TpmSetupPlan, signal?: AbortSignal): Promise<void> {
  for (const folder of plan.folders) await makeFolder(folder);
  for (const [path, text] of Object.entries(plan.files)) await writeFileAtomic(path, text);
  const { program, args, env } = plan.command;
  const result = await run(program, {
    args,
    env,
    timeoutMs: SETUP_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  const state = await fileFacts(plan.stateFile);
  if (result.code === 0 && state && state.size > 0) return;
  const words = sanitizeLine(
    `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-3).join(" | "),
    600,
  );
  fail(
    "failed",
    `swtpm_setup could not make the TPM state in ${plan.stateFile}: exit code ${result.code}: ${words}`,
    {
      path: plan.stateFile,
    },
  );
}
