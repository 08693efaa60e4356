/** The supervisor in the foreground, as a service manager or a terminal has it: what it says, and which signals do what. */
import assert from "node:assert/strict";
import { ApiClient } from "../../src/api/client.ts";
import { TextLineStream } from "../../src/core/lines.ts";
import { layoutOf } from "../../registry/layout.ts";
import { BINARY, defineSmall, isRunning, POLICY, type Rig, start, stopSupervisor, withRoot } from "./rig.ts";

/** A service manager's socket, and what comes to it. */
function fakeManager(path: string) {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  return {
    /** Reads messages until one has this line; gives all that were read. */
    async until(line: string | RegExp): Promise<string[]> {
      const seen: string[] = [];
      while (true) {
        const [bytes] = await socket.receive();
        const message = new TextDecoder().decode(bytes);
        seen.push(message);
        const fits = (one: string) => typeof line === "string" ? one === line : line.test(one);
        if (message.split("\n").some(fits)) return seen;
      }
    },
    close: () => socket.close(),
  };
}

/** `serve --foreground`, its standard error as lines. */
function foreground(rig: Rig, env: Record<string, string> = {}) {
  const child = start(["--root", rig.root, "serve", "--foreground"], { env });
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  const reader = lines.getReader();
  return {
    child,
    async until(words: string): Promise<void> {
      while (true) {
        const { value, done } = await reader.read();
        assert.ok(!done, `it ended before it said ${words}`);
        if (value.includes(words)) return;
      }
    },
    async rest(): Promise<string> {
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value + "\n";
      return text;
    },
    /** Standard output is not used; it has to be closed all the same. */
    async end(): Promise<Deno.CommandStatus> {
      await reader.cancel();
      await child.stdout.cancel();
      return await child.status;
    },
  };
}

Deno.test("a service manager hears of readiness, guests, safe mode, a reload, the watchdog and the end", () =>
  withRoot(async (rig) => {
    const path = `${rig.root}/manager.sock`;
    const manager = fakeManager(path);
    const service = foreground(rig, {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: "100000",
      INVOCATION_ID: "8e655c1757e645e986a371876b28f4a1",
    });
    const first = await manager.until("READY=1");
    assert.match(first.at(-1) ?? "", /^READY=1\nSTATUS=no guests$/);
    assert.equal((await rig.ok("status")).supervisor.pid, service.child.pid, "ready: requests are taken");
    const names = [...Deno.readDirSync(layoutOf(rig.root).runFolder)].map(({ name }) => name);
    assert.ok(!names.includes("notify.sock"));
    await manager.until("WATCHDOG=1");
    await defineSmall(rig, "g1");
    await manager.until("STATUS=guests: 1 stopped");
    await rig.ok("vm", "start", "g1");
    await manager.until("STATUS=guests: 1 running");
    service.child.kill("SIGHUP");
    await manager.until("RELOADING=1");
    await manager.until("READY=1");
    await rig.write("policy/rayos-policy.toml", "version = 7\n");
    await manager.until(/^STATUS=safe mode \(.*\); guests: 1 running$/);
    await rig.write("policy/rayos-policy.toml", POLICY);
    await manager.until("STATUS=guests: 1 running");
    service.child.kill("SIGTERM");
    const last = await manager.until("STOPPING=1");
    assert.match(last.at(-1) ?? "", /^STOPPING=1\nSTATUS=ending; guests go on$/);
    assert.equal((await service.end()).code, 0);
    manager.close();
  }));

Deno.test("a supervisor that is asked twice to end ends at once; the next one finds everything", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await stopSupervisor(rig);
    const service = foreground(rig);
    await service.until("RAYOS_SUPERVISOR:ready");
    // A request whose rest never comes: the end waits for its answer for a while.
    const half = await Deno.connect({ transport: "unix", path: layoutOf(rig.root).socket });
    await half.write(
      new TextEncoder().encode("POST /v1/vms HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"),
    );
    service.child.kill("SIGTERM");
    await service.until("RAYOS_SUPERVISOR:stop");
    service.child.kill("SIGTERM");
    const { signal } = await service.end();
    assert.equal(signal, "SIGTERM", "nobody listened to the second signal any more");
    half.close();
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
    await rig.ok("audit", "verify");
  }));

Deno.test("a supervisor goes on when nobody reads its standard error any more, or reads and never does", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await stopSupervisor(rig);
    const child = start(["--root", rig.root, "serve", "--foreground"]);
    await child.stdout.cancel();
    const reader = child.stderr.getReader();
    for (let said = ""; !said.includes("RAYOS_SUPERVISOR:ready");) {
      said += new TextDecoder().decode((await reader.read()).value);
    }
    const client = new ApiClient(layoutOf(rig.root).socket);
    for (let n = 0; n < 400; n++) { // each says two lines: more than a pipe holds
      await assert.rejects(
        client.perform("net.set", { id: "g1", profile: "restricted" }),
        /denied by policy/,
      );
    }
    client.close();
    assert.equal((await rig.ok("vm", "start", "g1")).state, "running", "held up by nobody");
    await reader.cancel();
    assert.equal((await rig.ok("vm", "kill", "g1")).state, "stopped");
    assert.equal((await rig.ok("status")).supervisor.pid, child.pid);
    await stopSupervisor(rig);
    assert.equal((await child.status).code, 0);
  }));

Deno.test("a starter that was killed leaves a supervisor in good health behind", () =>
  withRoot(async (rig) => {
    // As a command starts it, with a reader that goes away before it is ready.
    const child = start(["--root", rig.root, "serve", "--foreground", "--announce"]);
    await child.stdout.cancel();
    while (!(await rig.ok("status")).supervisor) { /* each asking takes a while of its own */ }
    assert.equal((await rig.ok("status")).supervisor.pid, child.pid);
    await stopSupervisor(rig);
    assert.equal((await child.status).code, 0);
    assert.equal(await new Response(child.stderr).text(), "");
  }));

/** `script` runs a command in a terminal of its own; that ends with its end, as an ssh session does. */
async function inTerminal(command: string): Promise<string> {
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", command, "/dev/null"],
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

/** Fields of /proc/PID/stat after the name: state, ppid, pgrp, session, tty_nr. proc(5) */
async function statOf(pid: number): Promise<string[]> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

Deno.test("a supervisor that a command started in a terminal outlives it: own session, no terminal, none of its files", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await stopSupervisor(rig);
    const said = await inTerminal(`'${BINARY}' --root '${rig.root}' --json vm start g1`);
    assert.equal(JSON.parse(said).state, "running");
    const status = await rig.ok("status");
    const pids: number[] = [status.supervisor.pid, status.guests[0].pid];
    for (const pid of pids) {
      const [, , group, session, terminal] = await statOf(pid);
      assert.deepEqual([group, session, terminal], [String(pid), String(pid), "0"]);
      const files = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) =>
        Deno.readLinkSync(`/proc/${pid}/fd/${name}`)
      );
      assert.deepEqual(files.filter((file) => /^\/dev\/(pts|tty|console)/.test(file)), []);
      Deno.kill(pid, "SIGHUP"); // as a login shell that takes its children down would
    }
    assert.equal((await rig.ok("status")).supervisor.pid, pids[0]);
  }));

Deno.test("a supervisor in the foreground of a terminal that vanishes goes on", () =>
  withRoot(async (rig) => {
    const terminal = new Deno.Command("script", {
      args: ["-qec", `exec '${BINARY}' --root '${rig.root}' serve --foreground`, "/dev/null"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const lines = terminal.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) if (line.includes("RAYOS_SUPERVISOR:ready")) break;
    const { supervisor } = await rig.ok("status");
    terminal.kill("SIGKILL");
    await terminal.status;
    await defineSmall(rig, "g1"); // it has something to say
    assert.equal((await rig.ok("vm", "start", "g1")).state, "running");
    assert.equal((await rig.ok("status")).supervisor.pid, supervisor.pid);
    assert.ok(await isRunning(supervisor.pid));
    await stopSupervisor(rig);
  }));

Deno.test("an error that nobody caught is written down, ends the supervisor with 1, and no guest", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    await rig.ok("vm", "start", "g1");
    await stopSupervisor(rig);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--lock=deno.lock",
        "--frozen",
        new URL("../fakes/crashing_supervisor.ts", import.meta.url).pathname,
        rig.root,
      ],
      cwd: new URL("../..", import.meta.url).pathname,
      stdout: "null",
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 1, said);
    assert.match(said, /defect of its own.*RangeError: nobody caught this/);
    const { crashFolder } = layoutOf(rig.root);
    const [report, ...others] = [...Deno.readDirSync(crashFolder)].map(({ name }) => name);
    assert.deepEqual(others, [], "what failed after it has no report of its own");
    assert.match(report ?? "", /^supervisor-[0-9TZ-]+\.json$/);
    const { error, kind } = JSON.parse(await Deno.readTextFile(`${crashFolder}/${report}`));
    assert.equal(kind, "rejection");
    assert.equal(error[0].name, "RangeError");
    assert.match(error[0].stack.join("\n"), /crashing_supervisor\.ts/);
    const { stdout } = await rig.run("--json", "events", "-n", "2");
    const last = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(last.map(({ event }) => event), ["RAYOS_SUPERVISOR:crash", "RAYOS_SUPERVISOR:stop"]);
    assert.equal(last[0].fields.report, `${crashFolder}/${report}`);
    assert.equal((await rig.ok("vm", "show", "g1")).state, "running");
    await rig.ok("audit", "verify");
  }));
