/** What the policy screen does outside the API: it reads policy files itself, as `rayvisor policy validate|apply` do. */
import { Failure, type Problem, problemOf } from "../../../src/core/problem.ts";
import { sha256Hex } from "../../../src/audit/log.ts";
import { readChecked } from "../../../src/ports/checked_file.ts";
import { dirname } from "../../../src/ports/files.ts";
import { watchFolder } from "../../../src/ports/watch.ts";
import { readJudgedPolicy, readPolicy, readSignature } from "../../../src/supervisor/policy_source.ts";
import type { Layout } from "../../../registry/layout.ts";
import { MAX_POLICY_BYTES } from "../../../policy/load.ts";
import type { LoadedPolicy } from "../../../policy/model.ts";
import { linesOf, type PolicyText, remarkOf, remarksOf } from "./file.ts";
import type { PolicyMessage, PolicyWork } from "./state.ts";

type Tell = (message: PolicyMessage) => void;

/**
 * Does one piece of work; a watch goes on until `signal` aborts. What is found goes to `send`. Never rejects: what can't be
 * read is told.
 */
export async function runPolicyWork(
  work: PolicyWork,
  layout: Layout,
  send: Tell,
  signal: AbortSignal,
): Promise<void> {
  const tell: Tell = (message) => {
    if (!signal.aborted) send(message);
  };
  if (work.kind === "candidate") tell(await readCandidate(work, layout.root));
  else await watch(work.run, layout, tell, signal);
}

/** Reads the policy file at once and whenever something changes in its folder; readings never overlap. */
async function watch(run: number, layout: Layout, tell: Tell, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  let reading: Promise<void> | undefined, again = false;
  const look = async () => {
    do {
      again = false;
      tell(await readInForce(run, layout));
    } while (again);
    reading = undefined;
  };
  const changed = () => {
    if (reading) again = true;
    else reading = look();
  };
  signal.addEventListener("abort", () => over.resolve(), { once: true });
  let stop = () => {};
  try {
    stop = watchFolder(dirname(layout.policyFile), (paths) => {
      if (paths.some((path) => path.startsWith(layout.policyFile))) changed();
    });
  } catch { /* there is no such folder, which is what reading says too */ }
  changed();
  if (!signal.aborted) await over.promise;
  stop();
  await reading;
}

/** The data root's own file, its owner, mode and signature judged as the supervisor judges them. */
async function readInForce(run: number, layout: Layout): Promise<PolicyMessage> {
  const path = layout.policyFile;
  const read = await readChecked(path, { maxBytes: MAX_POLICY_BYTES, within: dirname(path) });
  let loaded: LoadedPolicy | undefined, problem: Problem | undefined;
  try {
    ({ loaded } = await readJudgedPolicy(layout));
  } catch (error) {
    problem = problemOf(error);
  }
  if (!read.ok) {
    const why = problem ?? { code: "invalid_policy", message: `${path} could not be read` } as const;
    return { kind: "no_file", run, why: remarkOf(why, []) };
  }
  return { kind: "file", run, file: textOf(path, read.file.bytes, loaded, problem) };
}

function textOf(
  path: string,
  bytes: Uint8Array,
  loaded: LoadedPolicy | undefined,
  problem: Problem | undefined,
): PolicyText {
  const text = new TextDecoder().decode(bytes); // what is no UTF-8 is shown as such, and is among the problems
  const raw = text.split("\n");
  return {
    path,
    revision: sha256Hex(bytes),
    lines: linesOf(text),
    problems: problem ? remarksOf(problem, text) : [],
    notes: loaded?.notes.map((note) => remarkOf(note, raw)) ?? [],
    networkProfiles: loaded ? Object.keys(loaded.policy.network_profiles) : [],
  };
}

/** Another file: every problem is told before the supervisor is asked. */
async function readCandidate(
  { run, path }: Extract<PolicyWork, { kind: "candidate" }>,
  root: string,
): Promise<PolicyMessage> {
  try {
    await readPolicy(path, root, { guarded: false });
    const read = await readChecked(path, { maxBytes: MAX_POLICY_BYTES });
    if (!read.ok) throw new Failure({ code: "io", message: `${path} can't be read any more` });
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(read.file.bytes);
    const signature = await readSignature(`${path}.sig`);
    return { kind: "candidate", run, file: { path, text, signature } };
  } catch (error) {
    const read = await readChecked(path, { maxBytes: MAX_POLICY_BYTES });
    const text = read.ok ? new TextDecoder().decode(read.file.bytes) : "";
    return { kind: "refused", run, path, problems: remarksOf(problemOf(error), text), lines: linesOf(text) };
  }
}
