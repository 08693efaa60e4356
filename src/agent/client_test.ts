import assert from "node:assert/strict";
import type { Json } from "../core/json.ts";
import { Failure } from "../core/problem.ts";
import { connectUnix } from "../ports/unix_socket.ts";
import { FakeAgent, type FakeAgentAnswer, type FakeAgentHandler } from "../../tests/fakes/fake_agent.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { type AgentOptions, GuestAgent, MAX_AGENT_MESSAGE } from "./client.ts";
import { agentErrorOf } from "./errors.ts";

interface Bench {
  readonly fake: FakeAgent;
  readonly clock: ManualClock;
  readonly agent: GuestAgent;
  readonly strays: string[];
}

async function withAgent(
  answers: Readonly<Record<string, FakeAgentHandler>>,
  test: (bench: Bench) => Promise<void>,
  options: Partial<AgentOptions> = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const fake = FakeAgent.listen(`${folder}/qga`, answers);
  const clock = new ManualClock();
  const strays: string[] = [];
  const agent = GuestAgent.attach(await connectUnix(fake.path), {
    clock,
    guest: "web-1",
    onStray: (what) => strays.push(what),
    ...options,
  });
  try {
    await test({ fake, clock, agent, strays });
    agent.close();
    assert.equal(clock.armed, 0, "a timer was left armed");
  } finally {
    agent.close();
    await fake.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("the call did not fail");
}

const value = (of: Json): FakeAgentAnswer => ({ kind: "return", value: of });

Deno.test("every method brings the agent's answer into its own form", () =>
  withAgent({}, async ({ agent, fake }) => {
    await agent.ping();
    assert.ok((await agent.info()).commands.has("guest-exec"));
    assert.deepEqual((await agent.osInfo()).kernelRelease, "6.1.0");
    assert.equal(await agent.hostName(), "fake");
    assert.equal(await agent.time(), 1_700_000_000_123);
    assert.deepEqual(await agent.vcpus(), [{ id: 0, online: true, canOffline: false }]);
    assert.deepEqual(await agent.filesystems(), [
      { name: "vda", mountpoint: "/", type: "ext4", usedBytes: 10, totalBytes: 100 },
    ]);
    assert.deepEqual(await agent.networkInterfaces(), [{
      name: "lo",
      hardwareAddress: "00:00:00:00:00:00",
      addresses: [{ address: "127.0.0.1", type: "ipv4", prefix: 8 }],
      statistics: { rxBytes: 5, txBytes: 6 },
    }]);
    assert.deepEqual(await agent.users(), []);
    assert.deepEqual(await agent.cpuStats(), [{ cpu: 0, user: 1, system: 2, idle: 3 }]);
    assert.deepEqual(await agent.diskStats(), [
      { name: "vda", readBytes: 1024, writtenBytes: 1536, reads: 1, writes: 0 },
    ]);
    assert.equal(await agent.freezeStatus(), "thawed");
    assert.equal(await agent.freeze(), 1);
    assert.equal(await agent.thaw(), 1);
    assert.equal(fake.commands.filter((c) => c === "sync").length, 1);
  }));

Deno.test("a hung agent ends in time: the command was not sent, and it works again once the agent is back", () =>
  withAgent({}, async ({ agent, fake, clock }) => {
    fake.hung = true;
    const failure = failureOf(agent.ping({ timeoutMs: 3000 }));
    await fake.got(1);
    clock.advance(3000);
    assert.equal((await failure).code, "failed");
    assert.equal(agentErrorOf(await failure)?.kind, "unresponsive");
    assert.match((await failure).message, /guest agent of web-1 does not answer; guest-ping was not sent/);
    fake.hung = false;
    await agent.ping();
    assert.deepEqual(fake.commands, ["sync", "sync", "guest-ping"]);
  }));

Deno.test("a late answer is dropped at the next synchronisation, not taken for another command's", () =>
  withAgent({ "guest-get-host-name": { kind: "hold", value: { "host-name": "late" } } }, async (bench) => {
    const { agent, fake, clock, strays } = bench;
    const failure = failureOf(agent.hostName());
    await fake.got(2);
    clock.advance(5000);
    assert.equal((await failure).code, "outcome_unknown");
    await fake.release();
    assert.equal((await agent.osInfo()).id, "debian");
    assert.deepEqual(fake.commands, ["sync", "guest-get-host-name", "sync", "guest-get-osinfo"]);
    assert.deepEqual(strays.filter((s) => s === "an answer to nothing"), ["an answer to nothing"]);
  }));

Deno.test("an answer that comes after the synchronisation, to nobody, is dropped", () =>
  withAgent({}, async ({ agent, fake }) => {
    await agent.ping();
    await fake.emit({ return: { "host-name": "old" } });
    // One queue of bytes: this answer comes after the one above.
    await agent.sync();
    assert.equal(await agent.hostName(), "fake");
  }));

Deno.test("a wrong shape is a failure that names the guest", () =>
  withAgent({
    "guest-get-host-name": value({ "host-name": 5 }),
    "guest-get-vcpus": value([{ "logical-id": -1, online: true }]),
    "guest-get-fsinfo": value("none"),
    "guest-get-time": value(-5),
    "guest-fsfreeze-freeze": value(1e300),
    "guest-exec": value({ pid: 1.5 }),
    "guest-exec-status": value({ exited: true, "out-data": "***" }),
    "guest-get-users": value(Array.from({ length: 5000 }, () => ({ user: "u", "login-time": 0 }))),
  }, async ({ agent }) => {
    const calls: [() => Promise<unknown>, RegExp][] = [
      [() => agent.hostName(), /guest-get-host-name: host-name: /],
      [() => agent.vcpus(), /guest-get-vcpus: 0\.logical-id: /],
      [() => agent.filesystems(), /guest-get-fsinfo: the answer: /],
      [() => agent.time(), /guest-get-time: /],
      [() => agent.freeze(), /guest-fsfreeze-freeze: /],
      [() => agent.exec({ path: "/bin/true" }), /guest-exec: pid: /],
      [() => agent.execStatus(7), /guest-exec-status: out-data: is not base64/],
      [() => agent.users(), /guest-get-users: /],
    ];
    for (const [call, pattern] of calls) {
      const failure = await failureOf(call());
      assert.equal(failure.code, "failed");
      assert.match(failure.message, /guest agent of web-1 gave no valid answer/);
      assert.match(failure.message, pattern);
      assert.match(failure.problem.hint ?? "", /the guest is at fault/);
    }
  }));

Deno.test("garbage and an answer over the cap are failures, and the next command works", () =>
  withAgent({
    "guest-get-users": { kind: "raw", bytes: new TextEncoder().encode("\x1b[2Jgarbage\n") },
    "guest-get-fsinfo": { kind: "raw", bytes: new Uint8Array(MAX_AGENT_MESSAGE + 10).fill(0x78) },
  }, async ({ agent, fake }) => {
    const garbage = await failureOf(agent.users());
    assert.match(garbage.message, /bytes that are not JSON: "garbage"/);
    const large = await failureOf(agent.filesystems());
    assert.match(large.message, /a message of more than 1048576 bytes/);
    await agent.ping();
    assert.equal(fake.commands.filter((c) => c === "sync").length, 3);
  }));

Deno.test("what the agent says of itself in an error reaches a message without escape sequences", () =>
  withAgent({
    "guest-ping": { kind: "error", class: "X\x1b[31m", desc: "\x1b]0;own\x07bad\nRAYOS_VM:running" },
  }, async ({ agent }) => {
    const failure = await failureOf(agent.ping());
    assert.equal(failure.message, "the guest agent of web-1 refused guest-ping: bad RAYOS_VM:running (X)");
    const error = agentErrorOf(failure);
    assert.ok(error?.kind === "error" && error.desc.includes("\x1b"));
  }));

Deno.test("a flood of unasked messages closes the connection", () =>
  withAgent({}, async ({ agent, fake, strays }) => {
    await agent.ping();
    await fake.emitRaw('{"return":{}}\n'.repeat(5000));
    assert.deepEqual(await agent.closed, { kind: "flooded", strays: 1001 });
    assert.ok(strays.length <= 1001); // one of them is the agent's complaint about 0xFF
    assert.equal(agentErrorOf(await failureOf(agent.ping()))?.kind, "disconnected");
  }));

Deno.test("a disconnect settles the command under way and those that wait, and tells which was sent", () => {
  const closed: string[] = [];
  return withAgent({ "guest-ping": { kind: "disconnect" } }, async ({ agent }) => {
    const failures = await Promise.all([agent.ping(), agent.hostName(), agent.osInfo()].map(failureOf));
    assert.deepEqual(failures.map((f) => agentErrorOf(f)).map((e) => e?.kind === "disconnected" && e.sent), [
      true,
      false,
      false,
    ]);
    assert.deepEqual(await agent.closed, { kind: "ended" });
    assert.deepEqual(closed, ["ended"]);
  }, { onClosed: (reason) => closed.push(reason.kind) });
});

Deno.test("close() is idempotent and settles what waits", () =>
  withAgent({ "guest-ping": { kind: "silence" } }, async ({ agent, fake }) => {
    const failure = failureOf(agent.ping());
    await fake.got(2);
    agent.close();
    agent.close();
    assert.equal(agentErrorOf(await failure)?.kind, "disconnected");
    assert.deepEqual(await agent.closed, { kind: "closed" });
  }));

Deno.test("shutdown() is accepted when the agent goes on without an error", () =>
  withAgent({}, async ({ agent, fake }) => {
    assert.equal(await agent.shutdown(), "accepted");
    assert.deepEqual(fake.commands, ["sync", "guest-shutdown", "sync"]);
    assert.deepEqual(fake.received[1]?.arguments, { mode: "powerdown" });
  }));

Deno.test("shutdown() takes the guest's going away, and its silence, for no answer", async () => {
  await withAgent({ "guest-shutdown": { kind: "disconnect" } }, async ({ agent }) => {
    assert.equal(await agent.shutdown("reboot"), "no_answer");
  });
  await withAgent({}, async ({ agent, fake, clock }) => {
    await agent.ping();
    fake.hung = true;
    const answer = agent.shutdown("powerdown", { timeoutMs: 2000 });
    await fake.got(4);
    clock.advance(2000);
    assert.equal(await answer, "no_answer");
  });
});

Deno.test("shutdown() fails when the agent refuses it, or was never reached", async () => {
  const refusal: FakeAgentAnswer = { kind: "error", class: "CommandNotFound", desc: "disabled" };
  await withAgent({ "guest-shutdown": refusal }, async ({ agent }) => {
    assert.match((await failureOf(agent.shutdown())).message, /refused guest-shutdown: disabled/);
  });
  await withAgent({}, async ({ agent, fake, clock }) => {
    fake.hung = true;
    const failure = failureOf(agent.shutdown());
    await fake.got(1);
    clock.advance(5000);
    assert.equal(agentErrorOf(await failure)?.kind, "unresponsive");
  });
});

Deno.test("run() waits for the end of the program and cuts its output", () => {
  const states: FakeAgentAnswer[] = [
    value({ exited: false }),
    value({ exited: true, exitcode: 3, "out-data": btoa("x".repeat(100)), "err-data": btoa("e") }),
  ];
  return withAgent({ "guest-exec-status": () => states.shift() ?? { kind: "silence" } }, async (bench) => {
    const { agent, fake, clock } = bench;
    const running = agent.run({ path: "/bin/x", args: ["a"], stdin: new Uint8Array([1, 2]) }, {
      maxOutputBytes: 10,
    });
    await fake.got(3);
    while (states.length === 1) {
      clock.advance(20); // between the first and the second question
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const status = await running;
    assert.deepEqual([status.exitCode, status.stdout.length, status.truncated], [3, 10, true]);
    assert.deepEqual(fake.received[1]?.arguments, {
      path: "/bin/x",
      arg: ["a"],
      "input-data": "AQI=",
      "capture-output": true,
    });
  });
});

Deno.test("run() ends as outcome_unknown when the program does not", () =>
  withAgent({ "guest-exec-status": value({ exited: false }) }, async ({ agent, clock }) => {
    let done = false;
    const failure = failureOf(agent.run({ path: "/bin/sleep" }, { timeoutMs: 2000 })).finally(() =>
      done = true
    );
    while (!done) {
      if (clock.armed > 0) clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert.equal((await failure).code, "outcome_unknown");
    assert.match((await failure).message, /^guest-exec was sent/);
  }));

Deno.test("restarted() lets a new agent answer what the old one never will", () =>
  withAgent({}, async ({ agent, fake }) => {
    fake.hung = true;
    const answer = agent.hostName();
    await fake.got(1);
    fake.hung = false;
    agent.restarted();
    assert.equal(await answer, "fake");
    assert.deepEqual(fake.commands, ["sync", "sync", "guest-get-host-name"]);
  }));
