/** The supervisor's own life: starts and ends at bad moments, clients that go away, several at once. */
import assert from "node:assert/strict";
import { ApiClient } from "../../src/api/client.ts";
import { TextLineStream } from "../../src/core/lines.ts";
import { Failure } from "../../src/core/problem.ts";
import { connectHttpUnix } from "../../src/ports/http_unix.ts";
import { connectWhenReady } from "../../src/ports/unix_socket.ts";
import { layoutOf } from "../../registry/layout.ts";
import { defineSmall, POLICY, type Rig, start, stopSupervisor, withRoot } from "./rig.ts";

// deno-lint-ignore no-explicit-any -- answers of many shapes
type Any = any;

async function events(rig: Rig): Promise<Any[]> {
  const { stdout } = await rig.run("--json", "events", "-n", "1000");
  return stdout.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

async function withClient<T>(rig: Rig, use: (client: ApiClient) => Promise<T>): Promise<T> {
  const client = new ApiClient(layoutOf(rig.root).socket);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** Follows the guest's events while `during` runs, up to the one with this name. */
async function onEvent(rig: Rig, vm: string, name: string, during: () => void): Promise<void> {
  await withClient(rig, async (client) => {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 60_000);
    try {
      const stream = await client.events(vm, limit.signal);
      during();
      for await (const event of stream) if (event.event === name) return;
      assert.fail(`${name} did not come within a minute`);
    } finally {
      clearTimeout(timer);
      limit.abort();
    }
  });
}

Deno.test("commands that find no supervisor at the same moment all get the same one", () =>
  withRoot(async (rig) => {
    const lists = await Promise.all(Array.from({ length: 5 }, () => rig.ok("vm", "list")));
    assert.deepEqual(lists, Array(5).fill([]));
    const ready = (await events(rig)).filter(({ event }) => event === "RAYOS_SUPERVISOR:ready");
    assert.equal(ready.length, 1);
  }));

Deno.test("a supervisor is ended right after its start, again and again, and the next command has a new one", () =>
  withRoot(async (rig) => {
    for (let round = 0; round < 5; round++) {
      await rig.ok("serve");
      await rig.ok("serve", "--stop");
      assert.deepEqual(await rig.ok("vm", "list"), []);
      await rig.ok("serve", "--stop");
    }
    const life = (await events(rig)).map(({ event }) => event)
      .filter((event) => event.startsWith("RAYOS_SUPERVISOR:"));
    assert.deepEqual(
      life,
      Array(10).fill(["RAYOS_SUPERVISOR:start", "RAYOS_SUPERVISOR:ready", "RAYOS_SUPERVISOR:stop"]).flat(),
    );
    await rig.ok("audit", "verify");
  }));

Deno.test("a supervisor that is ended ends the streams of its clients, and they end well", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const http = connectHttpUnix(layoutOf(rig.root).socket);
    const streams = await Promise.all(["/v1/events", "/v1/vms/g1/serial"].map((path) => http.fetch(path)));
    const over = Promise.all(streams.map((response) => response.text())); // rejects when it is cut off
    await stopSupervisor(rig);
    const [seen] = await over;
    assert.match(seen ?? "", /RAYOS_SUPERVISOR:stop[^\n]*\n\n$/);
    http.close();
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
  }));

Deno.test("a guest that is killed during its start is gone, and can be started again", () =>
  withRoot(async (rig) => {
    await rig.ok("vm", "define", "--type", "linux", "--id", "g1", "--memory", "64", "--disk", "1M", "--tpm");
    for (let round = 0; round < 3; round++) {
      await withClient(rig, async (client) => {
        let outcome: Promise<unknown> = Promise.resolve();
        await onEvent(rig, "g1", "RAYOS_VM:start", () => {
          outcome = client.perform("vm.start", { id: "g1" }).then(() => "started", (error: Failure) => error);
        });
        const killed: Any = await client.perform("vm.kill", { id: "g1" });
        assert.equal(killed.state, "stopped");
        const started = await outcome;
        if (started instanceof Failure) assert.equal(started.code, "cancelled");
        else assert.equal(started, "started", "the start was quicker than the kill");
      });
      await assert.rejects(Deno.stat(layoutOf(rig.root).runtime("g1").folder), Deno.errors.NotFound);
    }
    assert.equal((await rig.ok("vm", "start", "g1")).state, "running");
    assert.equal((await rig.ok("vm", "stop", "g1", "--grace", "0")).state, "stopped");
    await rig.ok("audit", "verify");
  }));

Deno.test("a client that waits for readiness, or is killed while it does, keeps nobody from the guest", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "list");
    let client: Deno.ChildProcess | undefined;
    await onEvent(rig, "g1", "RAYOS_VM:running", () => {
      client = start(["--root", rig.root, "--json", "vm", "start", "g1", "--wait", "ready"]);
    });
    assert.ok(client);
    assert.equal((await rig.ok("vm", "pause", "g1")).state, "paused");
    client.kill("SIGKILL");
    await client.output();
    assert.equal((await rig.ok("vm", "resume", "g1")).state, "running");
    assert.equal((await rig.ok("vm", "stop", "g1", "--grace", "0")).state, "stopped");
    let waiting: ReturnType<Rig["run"]> | undefined;
    await onEvent(rig, "g1", "RAYOS_VM:running", () => {
      waiting = rig.run("--json", "vm", "start", "g1", "--wait", "ready");
    });
    await rig.ok("vm", "kill", "g1");
    const waited = await waiting;
    assert.equal(waited?.code, 1, waited?.stdout);
    assert.match(waited.json().error.message, /ended before it was ready/);
  }));

Deno.test("two clients start two guests at once; two that start the same one get one start and one refusal", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "a");
    await defineSmall(rig, "b");
    const both = await Promise.all([rig.ok("vm", "start", "a"), rig.ok("vm", "start", "b")]);
    assert.deepEqual(both.map(({ state }) => state), ["running", "running"]);
    await rig.ok("vm", "kill", "a");
    const codes = (await Promise.all([rig.run("vm", "start", "a"), rig.run("vm", "start", "a")]))
      .map(({ code }) => code);
    assert.deepEqual(codes.sort(), [0, 5]);
    assert.equal((await rig.ok("status")).sums.running, 2);
    const registry = JSON.parse(await Deno.readTextFile(`${rig.root}/vm/registry.json`));
    assert.deepEqual([registry.vms.a.state, registry.vms.b.state], ["running", "running"]);
  }));

Deno.test("a signal and a changed policy that come during the start are heeded when it is over", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    const { guests: [guest] } = await rig.ok("status");
    await stopSupervisor(rig);
    Deno.kill(guest.pid, "SIGSTOP"); // the start waits for its QEMU
    const serving = start(["--root", rig.root, "serve", "--foreground", "--announce"]);
    const begun = () =>
      Deno.readTextFileSync(`${rig.root}/logs/rayos.log`).includes(`pid=${serving.pid} root`);
    while (!begun()) await new Promise((resolve) => setTimeout(resolve, 5));
    Deno.kill(serving.pid, "SIGHUP");
    const policy = POLICY.replace("max_running = 3", "max_running = 2");
    await rig.write("policy/rayos-policy.toml", policy);
    Deno.kill(guest.pid, "SIGCONT");
    await onLine(serving.stdout, '"ready":true');
    const status = () => rig.ok("status");
    while ((await status()).sums.max_running !== 2) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await status()).supervisor.pid, serving.pid);
    await stopSupervisor(rig);
    assert.equal((await serving.status).code, 0);
    await serving.stderr.cancel();
  }));

Deno.test("a guest that was reset while it was paused is the same, paused, under the next supervisor", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await rig.ok("vm", "pause", "g1");
    await rig.ok("vm", "reset", "g1");
    const before = await rig.ok("vm", "show", "g1");
    assert.equal(before.live.status, "prelaunch", "QEMU says so also of a guest that never ran");
    await stopSupervisor(rig);
    const after = await rig.ok("vm", "show", "g1");
    assert.deepEqual([after.state, after.pid], ["paused", before.pid]);
    assert.equal((await rig.ok("vm", "resume", "g1")).state, "running");
  }));

for (const flags of [["--announce"], []]) {
  const who = flags.length > 0 ? "whoever started it" : "whoever looks at its events";
  Deno.test(`a supervisor goes on although ${who} went away before it was ready`, () =>
    withRoot(async (rig) => {
      const serving = start(["--root", rig.root, "serve", "--foreground", ...flags]);
      await Promise.all([serving.stdout.cancel(), serving.stderr.cancel()]);
      await untilServed(rig);
      await defineSmall(rig, "g1"); // more to say
      assert.equal((await rig.ok("status")).supervisor.pid, serving.pid);
      await stopSupervisor(rig);
      assert.equal((await serving.status).code, 0);
      const life = (await events(rig)).map(({ event }) => event);
      assert.ok(life.includes("RAYOS_SUPERVISOR:stop"), "its end was an orderly one");
    }));
}

async function untilServed(rig: Rig): Promise<void> {
  const stream = await connectWhenReady(layoutOf(rig.root).socket, 60_000);
  stream.close();
}

/** Reads up to the line that has these words. */
async function onLine(stream: ReadableStream<Uint8Array>, words: string): Promise<void> {
  for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    if (line.includes(words)) return;
  }
  assert.fail(`no line has ${words}`);
}
