/**
 * `vm start` against a shell script that starts the same swtpm and QEMU.
 *
 * The script is made of what `vm argv` prints, with the paths of a copy of the guest's files and without `-S`: it starts
 * swtpm, waits for its socket, starts QEMU. Its time ends when QMP says "running" to query-status, asked by this process
 * as soon as the socket is there. The time of `vm start` ends with its answer; that comes after QEMU has answered `cont`,
 * and so after the same event, by the records that are written in between. That the guest really is "running" is asked
 * afterwards, outside the measured time. Ending the guests is not measured either.
 */
import assert from "node:assert/strict";
import type { CommandView, GuestDetail } from "../../src/actions/views.ts";
import { ApiClient } from "../../src/api/client.ts";
import { systemClock } from "../../src/ports/clock.ts";
import { connectWhenReady } from "../../src/ports/unix_socket.ts";
import { QmpClient } from "../../src/qmp/client.ts";
import { type Place, type Root, timed, withSupervisor } from "./place.ts";
import { measure, type Rounds } from "./rounds.ts";
import { scriptOf } from "./script.ts";
import { compare, type Comparison } from "./stats.ts";

const ID = "bench";
const SOCKET_TIMEOUT_MS = 20_000;

export interface StartReport {
  /** Over the API, with a connection that is open already; milliseconds. */
  readonly api: Comparison;
  /** The whole command. */
  readonly command: Comparison;
}

export async function benchStart(place: Place, rounds: Rounds): Promise<StartReport> {
  return await withSupervisor(place, "start", async (root) => {
    await root.run("vm", "define", "--type", "linux", "--id", ID, "--memory", "128", "--disk", "1M", "--tpm");
    const script = await writeScript(place, root);
    const client = new ApiClient(root.socket);
    try {
      const taken = await measure({
        script: () => runScript(script),
        api: () =>
          started(client, async () => {
            const began = performance.now();
            await client.perform("vm.start", { id: ID });
            return performance.now() - began;
          }),
        command: () =>
          started(client, () => timed(place, place.binary, ["--root", root.path, "vm", "start", ID])),
      }, rounds);
      return { api: compare(taken.api, taken.script), command: compare(taken.command, taken.script) };
    } finally {
      client.close();
    }
  });
}

/** Takes the time of a start, makes sure that the guest runs, and ends it. */
async function started(client: ApiClient, start: () => Promise<number>): Promise<number> {
  const took = await start();
  const { live } = await client.perform<GuestDetail>("vm.show", { id: ID });
  assert.equal(live?.status, "running");
  await client.perform("vm.kill", { id: ID });
  return took;
}

interface Script {
  readonly file: string;
  readonly qmp: string;
}

async function writeScript(place: Place, root: Root): Promise<Script> {
  const folder = `${place.folder}/s`;
  const commands = await root.run("vm", "argv", ID) as CommandView[];
  const run = `${folder}/run/g/${ID}`;
  await Deno.mkdir(run, { recursive: true });
  await copyTree(`${root.path}/vm/linux/${ID}`, `${folder}/vm/linux/${ID}`);
  const text = scriptOf(commands, { from: root.path, to: folder, tpmSocket: `${run}/tpm.sock` });
  await Deno.writeTextFile(`${folder}/start.sh`, text);
  return { file: `${folder}/start.sh`, qmp: `${run}/qmp.sock` };
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** The script ends when swtpm and QEMU have, so nothing of it is left when this settles. */
async function runScript(script: Script): Promise<number> {
  await Deno.remove(script.qmp).catch(() => {}); // of the last run: it would be taken for this one's
  const ended = new AbortController();
  const began = performance.now();
  const child = new Deno.Command("sh", { args: [script.file], stdin: "null", stdout: "null" }).spawn();
  void child.status.then(() => ended.abort(new Error("the script ended before its guest ran")));
  try {
    const stream = await connectWhenReady(script.qmp, SOCKET_TIMEOUT_MS, ended.signal);
    const qmp = await QmpClient.negotiate(stream, { clock: systemClock });
    const { status } = await qmp.execute("query-status");
    const took = performance.now() - began;
    assert.equal(status, "running");
    await qmp.execute("quit");
    await qmp.closed;
    return took;
  } catch (error) {
    if (!ended.signal.aborted) child.kill("SIGTERM");
    throw error;
  } finally {
    await child.status;
  }
}
