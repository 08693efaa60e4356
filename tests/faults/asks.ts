/** Carries out what a round asks for, and says what came of it. Whatever is asked has an answer in time. */
import type { JobView } from "../../src/actions/views.ts";
import { ApiClient } from "../../src/api/client.ts";
import { EXIT_OF, Failure, type ProblemCode } from "../../src/core/problem.ts";
import type { Ask } from "./plan.ts";
import { POLICIES } from "./guests.ts";
import type { World } from "./world.ts";

/** No answer by then is one too late. The longest that anything waits for is a QEMU that does not end, some 20 s. */
const ANSWER_MS = 120_000;

export interface Answer {
  readonly ask: Ask;
  /** `ok`, the code of the problem, or `killed` where the one who asked was. */
  readonly outcome: "ok" | "killed" | ProblemCode;
  readonly message: string;
  /** The command's process. */
  readonly pid?: number;
  /** What must not be: an answer that breaks the rules of the command line or the API. */
  readonly fault?: string;
  readonly tookMs: number;
}

export async function perform(world: World, ask: Ask): Promise<Answer> {
  const began = performance.now();
  const answer = ask.by === "command" ? await byCommand(world, ask) : await byApi(world, ask);
  const tookMs = performance.now() - began;
  const late = tookMs > ANSWER_MS ? `answered only after ${Math.round(tookMs / 1000)} s` : undefined;
  const fault = answer.fault ?? (answer.outcome === "internal" ? answer.message : late);
  return { ...answer, ask, tookMs, ...(fault === undefined ? {} : { fault }) };
}

type Bare = Omit<Answer, "ask" | "tookMs">;

async function byApi(world: World, ask: Ask): Promise<Bare> {
  const client = new ApiClient(world.layout.socket);
  try {
    const params = await paramsOf(ask, client);
    await client.perform(ask.action, params, AbortSignal.timeout(ANSWER_MS + 1000));
    return { outcome: "ok", message: "" };
  } catch (error) {
    if (!(error instanceof Failure)) return { outcome: "internal", message: String(error) };
    return { outcome: error.code, message: error.message };
  } finally {
    client.close();
  }
}

/** What the plan could not know yet. */
async function paramsOf(ask: Ask, client: ApiClient): Promise<Record<string, unknown>> {
  const { action, params } = ask;
  if (action === "job.cancel") return { job: await someJob(client, Number(params.pick)) };
  if (action === "policy.apply") return { text: POLICIES[Number(params.variant)] ?? "" };
  return { ...params };
}

const NO_JOB = "00000000-0000-4000-8000-000000000000";

async function someJob(client: ApiClient, pick: number): Promise<string> {
  const jobs = await client.perform<JobView[]>("job.list");
  return jobs[pick % jobs.length]?.job ?? NO_JOB;
}

async function byCommand(world: World, ask: Ask): Promise<Bare> {
  const args = await argsOf(world, ask);
  const child = world.spawn(["--json", "--timeout", String(ANSWER_MS / 1000), ...args]);
  const { pid } = child;
  const dies = ask.clientDiesAfterMs;
  const timer = dies === undefined ? undefined : setTimeout(() => killIfThere(child), dies);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (signal === "SIGKILL") return { outcome: "killed", message: "", pid };
  const text = new TextDecoder();
  const bare = bareOf(code, text.decode(stdout), text.decode(stderr));
  return { ...bare, pid };
}

function bareOf(code: number, stdout: string, stderr: string): Bare {
  const words = `${stdout}${stderr}`;
  if (/^\s+at .*:\d+:\d+/m.test(words)) {
    return { outcome: "internal", message: "", fault: `a stack trace: ${words}` };
  }
  if (code === 0) return { outcome: "ok", message: "" };
  let problem: { code: ProblemCode; message: string };
  try {
    problem = JSON.parse(stdout).error;
  } catch {
    return { outcome: "internal", message: "", fault: `exit code ${code} without a document: ${words}` };
  }
  const { code: outcome, message } = problem;
  const fits = EXIT_OF[outcome] === code;
  return { outcome, message, ...(fits ? {} : { fault: `exit code ${code} with '${outcome}': ${message}` }) };
}

async function argsOf(world: World, { action, params }: Ask): Promise<string[]> {
  const id = String(params.id);
  switch (action) {
    case "status":
      return ["status"];
    case "vm.list":
      return ["vm", "list"];
    case "vm.start":
      return [
        ...["vm", "start", id, ...(params.cold ? ["--cold"] : [])],
        ...(params.wait === undefined ? [] : ["--wait", String(params.wait)]),
      ];
    case "vm.stop":
      return ["vm", "stop", id, "--grace", String(params.grace_s)];
    case "vm.delete":
      return ["vm", "delete", id, "--yes", ...(params.disks ? ["--disks"] : [])];
    case "vm.define":
      return defineArgs(params.definition as { id: string; tpm: boolean }); // as the plan makes it
    case "net.set":
      return ["net", "set", id, String(params.profile)];
    case "job.cancel":
      return ["jobs", "cancel", await jobByApi(world, Number(params.pick))];
    case "policy.apply": {
      const path = `${world.place.home}/policy-${params.variant}.toml`;
      await Deno.writeTextFile(path, POLICIES[Number(params.variant)] ?? "", { mode: 0o600 });
      return ["policy", "apply", path];
    }
    default:
      return ["vm", action.slice("vm.".length), id];
  }
}

function defineArgs({ id, tpm }: { id: string; tpm: boolean }): string[] {
  const args = ["vm", "define", "--type", "linux", "--id", id, "--memory", "64", "--disk", "1M"];
  return tpm ? [...args, "--tpm"] : args;
}

async function jobByApi(world: World, pick: number): Promise<string> {
  const client = new ApiClient(world.layout.socket);
  try {
    return await someJob(client, pick);
  } catch {
    return NO_JOB; // no supervisor serves
  } finally {
    client.close();
  }
}

function killIfThere(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch { /* it has ended */ }
}
