import assert from "node:assert/strict";
import { z } from "zod";
import { checkTables, parseReduced } from "../../tests/contract/qmp_schema.ts";
import { COMMANDS, DEFAULT_TIMEOUT_MS, type QmpReturn, timeoutOf } from "./commands.ts";
import type { QmpClient } from "./client.ts";
import type { RunState } from "./command_types.ts";
import { EVENTS } from "./events.ts";

const fixture = new URL("../../tests/fixtures/qmp/schema-7.2.json", import.meta.url);
const schema = parseReduced(await Deno.readTextFile(fixture));

Deno.test("every command, argument, answer member, value and event in the tables is known to QEMU 7.2", () => {
  assert.deepEqual(checkTables(schema, COMMANDS, EVENTS), []);
});

Deno.test("the check of the tables finds a misspelt name, a wrong type, a missing argument and a wrong value", () => {
  const none = z.object({});
  const cases: [string, z.ZodObject, z.ZodType, string][] = [
    ["query-stats-all", none, none, "query-stats-all: no such command"],
    [
      "set_link",
      z.object({ name: z.string(), up: z.boolean(), down: z.boolean() }),
      none,
      "set_link(.down: no such member",
    ],
    ["set_link", z.object({ name: z.string() }), none, "set_link(.up: QEMU needs this member"],
    [
      "set_link",
      z.object({ name: z.string(), up: z.string() }),
      none,
      "set_link(.up: is boolean, not a string",
    ],
    ["query-kvm", none, z.object({ enable: z.boolean() }), "query-kvm ->.enable: no such member"],
    ["query-name", none, z.object({ name: z.string() }), "query-name ->.name: may be missing in an answer"],
    ["query-jobs", none, z.object({}), "query-jobs ->: is no object"],
    ["query-status", none, z.array(none), "query-status ->: is no list"],
    ["set-action", z.object({ reboot: z.enum(["halt"]) }), none, "set-action(.reboot: no value halt"],
  ];
  for (const [name, args, returns, expected] of cases) {
    assert.deepEqual(checkTables(schema, { [name]: { args, returns } }, {}), [expected]);
  }
  assert.deepEqual(checkTables(schema, {}, { STOPPED: none }), ["STOPPED: no such event"]);
  assert.deepEqual(checkTables(schema, {}, { SHUTDOWN: z.object({ why: z.string() }) }), [
    "SHUTDOWN.why: no such member",
  ]);
});

Deno.test("timeoutOf() knows a command's own time-out, and gives the default to any other", () => {
  assert.equal(timeoutOf("snapshot-save"), 600_000);
  assert.equal(timeoutOf("query-status"), DEFAULT_TIMEOUT_MS);
  assert.equal(timeoutOf("no-such-command"), DEFAULT_TIMEOUT_MS);
  assert.equal(timeoutOf("constructor"), DEFAULT_TIMEOUT_MS);
});

Deno.test("a run state that a newer QEMU may add is read as unknown", () => {
  const answer: QmpReturn<"query-status"> = COMMANDS["query-status"].returns.parse({
    running: false,
    status: "new",
  });
  const status: RunState = answer.status;
  assert.equal(status, "unknown");
});

Deno.test("the types refuse a misspelt command, argument, value or answer member", () => {
  // Never called: the compiler is the test.
  const check = async (client: QmpClient) => {
    await client.execute("stop");
    await client.execute("device_add", { driver: "virtio-net-pci", id: "nic1", mac: "52:54:00:00:00:01" });
    // @ts-expect-error no such command
    await client.execute("query-statu");
    // @ts-expect-error `up` is missing
    await client.execute("set_link", { name: "nic1" });
    // @ts-expect-error arguments are needed
    await client.execute("set_link");
    // @ts-expect-error no such image format
    await client.execute("screendump", { filename: "/x", format: "jpeg" });
    const status = await client.execute("query-status");
    // @ts-expect-error no such run state
    return status.status === "runing";
  };
  assert.equal(typeof check, "function");
});
