import assert from "node:assert/strict";
import { findServiceManager, serviceSettings } from "./service_manager.ts";

Deno.test("what a service manager sets is understood: its socket, and a watchdog that is meant for this process", () => {
  const socket = "/run/systemd/notify";
  assert.deepEqual(serviceSettings({}, 7), {});
  assert.deepEqual(serviceSettings({ NOTIFY_SOCKET: "" }, 7), {});
  assert.deepEqual(serviceSettings({ WATCHDOG_USEC: "1000" }, 7), {}, "nobody could be told");
  assert.deepEqual(serviceSettings({ NOTIFY_SOCKET: socket }, 7), { socket });
  for (
    const [usec, pid, watchdogMs] of [
      ["30000000", undefined, 30_000],
      ["30000000", "7", 30_000],
      ["30000000", "8", undefined],
      ["0", undefined, undefined],
      ["-5", undefined, undefined],
      ["3e7", undefined, undefined],
      ["", "7", undefined],
    ] as const
  ) {
    assert.deepEqual(
      serviceSettings({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: pid }, 7),
      { socket, ...(watchdogMs === undefined ? {} : { watchdogMs }) },
      `${usec} for ${pid}`,
    );
  }
});

Deno.test("a socket that can't be sent to is named as a problem, not passed over", () => {
  for (const socket of ["@/org/freedesktop/systemd1/notify", "vsock:2:1234", "@evil\u001b[2J"]) {
    const { problem, ...others } = serviceSettings({ NOTIFY_SOCKET: socket }, 7);
    assert.deepEqual(others, {});
    assert.match(problem ?? "", /only a socket with a path/);
    assert.ok(!problem?.includes("\u001b"));
  }
});

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-notify-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("each message comes as one datagram, in order, from this very process, and leaves no file behind", () =>
  withFolder(async (folder) => {
    const path = `${folder}/manager.sock`;
    const receiver = Deno.listenDatagram({ transport: "unixpacket", path });
    const warnings: string[] = [];
    const manager = await findServiceManager(`${folder}/own.sock`, (why) => warnings.push(why), {
      socket: path,
      watchdogMs: 5,
    });
    assert.ok(manager);
    assert.equal(manager.watchdogMs, 5);
    manager.tell("READY=1", "STATUS=two\nlines\u001b[31m, one status");
    manager.tell("STOPPING=1");
    assert.equal(text((await receiver.receive())[0]), "READY=1\nSTATUS=two lines, one status");
    assert.equal(text((await receiver.receive())[0]), "STOPPING=1");
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["manager.sock"]);
    await manager.close(1_000);
    receiver.close();
    assert.deepEqual(warnings, []);
  }));

Deno.test("a manager that is gone, or that takes nothing, holds nobody up: said once, and then left", () =>
  withFolder(async (folder) => {
    const warnings: string[] = [];
    const warn = (why: string) => warnings.push(why);
    const gone = await findServiceManager(`${folder}/own.sock`, warn, { socket: `${folder}/gone.sock` });
    for (let n = 0; n < 5; n++) gone?.tell("WATCHDOG=1");
    await gone?.close(1_000);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /gone\.sock/);

    const path = `${folder}/deaf.sock`;
    const deaf = Deno.listenDatagram({ transport: "unixpacket", path });
    const manager = await findServiceManager(`${folder}/own.sock`, warn, { socket: path });
    for (let n = 0; n < 10_000; n++) manager?.tell("WATCHDOG=1");
    await manager?.close(1);
    deaf.close();
  }));

Deno.test("without a manager there is none, and a name that can't be used is warned of", async () => {
  const warnings: string[] = [];
  const warn = (why: string) => void warnings.push(why);
  assert.equal(await findServiceManager("/nowhere/own.sock", warn, {}), undefined);
  assert.equal(warnings.length, 0);
  const settings = serviceSettings({ NOTIFY_SOCKET: "@abstract" }, 1);
  assert.equal(await findServiceManager("/nowhere/own.sock", warn, settings), undefined);
  assert.equal(warnings.length, 1);
  const socket = "/run/systemd/notify";
  assert.equal(await findServiceManager("/nowhere/own.sock", warn, { socket }), undefined);
  assert.match(warnings[1] ?? "", /can't be told anything: \/nowhere\/own\.sock/);
});
