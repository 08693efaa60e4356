/**
 * What a guest agent does, proved on the fake and on a real qemu-ga, which is unpacked from the distribution's package and
 * started on this host with everything that changes the system disabled.
 */
import assert from "node:assert/strict";
import { GuestAgent } from "../../src/agent/client.ts";
import { agentErrorOf } from "../../src/agent/errors.ts";
import { systemClock } from "../../src/ports/clock.ts";
import { type ByteStream, connectUnix, connectWhenReady } from "../../src/ports/unix_socket.ts";
import { FakeAgent } from "../fakes/fake_agent.ts";
import { agentProgram, whyNoAgent } from "../guest/agent_program.ts";

interface Subject {
  connect(): Promise<ByteStream>;
  close(): Promise<void>;
}

const CACHE = new URL("../../dist/agent", import.meta.url).pathname;
/** Not to be run on a host by mistake. */
const BLOCKED = [
  "guest-shutdown",
  "guest-fsfreeze-freeze",
  "guest-fsfreeze-freeze-list",
  "guest-fsfreeze-thaw",
  "guest-fstrim",
  "guest-suspend-disk",
  "guest-suspend-ram",
  "guest-suspend-hybrid",
  "guest-set-time",
  "guest-set-vcpus",
  "guest-set-user-password",
  "guest-set-memory-blocks",
  "guest-file-open",
];

async function startFake(): Promise<Subject> {
  const folder = await Deno.makeTempDir();
  const disabled = {
    kind: "error",
    class: "CommandNotFound",
    desc: "Command guest-shutdown has been disabled",
  } as const;
  const fake = FakeAgent.listen(`${folder}/qga`, { "guest-shutdown": disabled });
  return {
    connect: () => connectUnix(fake.path),
    async close() {
      await fake.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The reason, in words, when there is no qemu-ga to be had. */
async function startReal(): Promise<Subject | string> {
  const found = await agentProgram(CACHE).catch(whyNoAgent);
  if (typeof found === "string") return found;
  const folder = await Deno.makeTempDir();
  const path = `${folder}/qga`;
  const child = new Deno.Command(found.program, {
    args: [
      ...found.args,
      "-m",
      "unix-listen",
      "-p",
      path,
      "-f",
      `${folder}/pid`,
      "-t",
      folder,
      "-b",
      BLOCKED.join(","),
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const close = async () => {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  const gone = new AbortController();
  child.status.then(() => gone.abort(new Error("qemu-ga ended before it made its socket")));
  const first = await connectWhenReady(path, 20_000, gone.signal).catch(async (error: unknown) => {
    await close().catch(() => {}); // it may have ended
    throw error;
  });
  return { connect: () => Promise.resolve(first), close };
}

/** One test for each subject. */
function contract(what: string, test: (agent: GuestAgent, stream: ByteStream) => Promise<void>): void {
  for (const [subjectName, start] of [["the fake", startFake], ["qemu-ga", startReal]] as const) {
    const name = `${subjectName}: ${what}`;
    Deno.test(name, async () => {
      const subject = await start();
      // deno-lint-ignore no-console -- the line that the test run counts as skipped
      if (typeof subject === "string") return console.log(`SKIP ${name}: ${subject}`);
      const stream = await subject.connect();
      const agent = GuestAgent.attach(stream, { clock: systemClock, guest: "contract" });
      try {
        await test(agent, stream);
      } finally {
        agent.close();
        await subject.close();
      }
    });
  }
}

contract("answers ping after a synchronisation, and again after another", async (agent) => {
  await agent.ping();
  await agent.sync();
  await agent.ping();
});

contract("drops half a command that was sent before the synchronisation", async (agent, stream) => {
  await stream.write(new TextEncoder().encode('{"execute":"guest-pi'));
  await agent.ping();
});

contract("says what it is and what it runs on", async (agent) => {
  const info = await agent.info();
  assert.match(info.version, /^\d+\.\d+/);
  assert.ok(info.commands.has("guest-ping"));
  assert.notEqual((await agent.osInfo()).kernelRelease, undefined);
  assert.notEqual(await agent.hostName(), "");
  assert.ok(await agent.time() > 1_600_000_000_000);
});

contract("lists processors, file systems, interfaces, users and counters", async (agent) => {
  assert.ok((await agent.vcpus()).some((cpu) => cpu.online));
  assert.ok((await agent.filesystems()).length > 0);
  const loopback = (await agent.networkInterfaces()).find((nic) => nic.name === "lo");
  assert.ok(loopback?.addresses.some((a) => a.address === "127.0.0.1"));
  assert.ok(Array.isArray(await agent.users()));
  assert.ok((await agent.cpuStats()).length > 0);
  assert.ok(Array.isArray(await agent.diskStats()));
  assert.equal(await agent.freezeStatus(), "thawed");
});

contract("runs a program and gives its output and exit code", async (agent) => {
  const status = await agent.run({ path: "/bin/echo", args: ["hi"] });
  assert.deepEqual([status.exited, status.exitCode, new TextDecoder().decode(status.stdout)], [
    true,
    0,
    "hi\n",
  ]);
});

contract("refuses the status of a pid that it does not know", async (agent) => {
  const error = await agent.execStatus(1).then(() => undefined, agentErrorOf);
  assert.deepEqual(error, { kind: "error", class: "GenericError", desc: "Invalid parameter 'pid'" });
});

contract("refuses a command that is disabled, and stays in step", async (agent) => {
  const error = await agent.shutdown().then(() => undefined, agentErrorOf);
  assert.deepEqual(error, {
    kind: "error",
    class: "CommandNotFound",
    desc: "Command guest-shutdown has been disabled",
  });
  assert.notEqual(await agent.hostName(), "");
});
