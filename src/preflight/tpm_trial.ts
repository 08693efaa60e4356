/** A TPM made and tested for real, in a temporary folder of which nothing is left. */
import { fail, problemOf } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { parseTpmAnswer } from "../efi/evidence.ts";
import type { SwtpmCapabilities } from "../host/capabilities.ts";
import { makeFolder, makeTemporaryFolder, removeTree, writeFileAtomic } from "../ports/files.ts";
import { runGroup } from "../ports/run_group.ts";
import { type ByteStream, connectWhenReady } from "../ports/unix_socket.ts";
import { planTpmSetup } from "../tpm/setup.ts";
import { swtpmCommand } from "../tpm/swtpm.ts";

export interface TpmTrial {
  /** Of swtpm. */
  readonly version: string;
  /** Of TPM2_SelfTest; 0 is success. TPM 2.0 Library part 2, 6.6 */
  readonly responseCode: number;
}

/** TPM2_SelfTest(fullTest = YES), without sessions. TPM 2.0 Library part 3, 10.2 */
const SELF_TEST = Uint8Array.of(0x80, 0x01, 0, 0, 0, 11, 0, 0, 0x01, 0x43, 1);
const MAX_ANSWER = 4096;

/**
 * Makes a TPM as for a guest, its certificates included, starts swtpm on it and has it test itself. Failure `failed` with the tool's own
 * words, `outcome_unknown` when `limitMs` are over. No process and no file is left however it ends.
 */
export async function tryTpm(
  swtpm: SwtpmCapabilities,
  limitMs: number,
  signal: AbortSignal,
): Promise<TpmTrial> {
  const folder = await makeTemporaryFolder("rayvisor-tpm-");
  try {
    const state = await makeTpm(swtpm, folder, limitMs, signal);
    return { version: swtpm.version, responseCode: await selfTest(swtpm, folder, state, limitMs, signal) };
  } finally {
    await removeTree(folder);
  }
}

/** Returns the folder of its state. */
async function makeTpm(
  swtpm: SwtpmCapabilities,
  folder: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<string> {
  const plan = planTpmSetup(swtpm, { stateDir: `${folder}/state`, authorityDir: `${folder}/authority` });
  for (const one of [...plan.folders, plan.workFolder]) await makeFolder(one);
  for (const [path, text] of Object.entries(plan.files)) await writeFileAtomic(path, text);
  const { program, args, env } = plan.command;
  const result = await runGroup(program, { args, env, limitMs, signal });
  if (result.kind === "missing") fail("missing", `${program} is not there`);
  if (result.kind === "timed_out") {
    fail("outcome_unknown", `swtpm_setup was not through within ${limitMs / 1000} s and was ended`);
  }
  if (result.code !== 0) {
    const words = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-3).join(" | ");
    fail(
      "failed",
      `swtpm_setup could not make a TPM (exit code ${result.code}): ${sanitizeLine(words, 400)}`,
    );
  }
  return plan.workFolder;
}

async function selfTest(
  swtpm: SwtpmCapabilities,
  folder: string,
  state: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<number> {
  const socket = `${folder}/tpm.sock`;
  const command = swtpmCommand(swtpm, { stateDir: state, socket: `${folder}/control.sock` });
  const over = new AbortController();
  const running = runGroup(command.program, {
    // It starts up by itself: nobody tells it to over its control socket, as QEMU would.
    args: [...command.args, "--server", `type=unixio,path=${socket},mode=0600`, "--flags", "startup-clear"],
    env: command.env,
    limitMs,
    signal: AbortSignal.any([signal, over.signal]),
  });
  const ended = running.then(
    (result) => {
      const words = result.kind === "ended" ? `: ${sanitizeLine(result.stderr.trim(), 300)}` : "";
      over.abort(new Error(`swtpm ended before it had answered${words}`));
    },
    () => {}, // it was called off
  );
  try {
    const stream = await connectWhenReady(socket, limitMs, AbortSignal.any([signal, over.signal]));
    over.signal.addEventListener("abort", () => stream.close(), { once: true });
    try {
      return await ask(stream);
    } finally {
      stream.close();
    }
  } catch (error) {
    if (signal.aborted) fail("cancelled", "the trial of the TPM was cancelled");
    const why = over.signal.reason instanceof Error ? over.signal.reason.message : problemOf(error).message;
    return fail("failed", why);
  } finally {
    over.abort();
    await ended;
  }
}

async function ask(stream: ByteStream): Promise<number> {
  await stream.write(SELF_TEST);
  const buffer = new Uint8Array(MAX_ANSWER);
  let size = 0;
  while (size < 10) {
    const n = await stream.read(buffer.subarray(size));
    if (n === null) fail("failed", "swtpm closed the connection without an answer");
    size += n;
  }
  return parseTpmAnswer(buffer.subarray(0, size))?.responseCode ??
    fail("failed", "swtpm answered something that is no TPM's answer");
}
