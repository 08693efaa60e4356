import assert from "node:assert/strict";
import { NETS, PROGRAMS } from "./self.ts";

const SELF = new URL("./self.ts", import.meta.url).href;
const ASKED = ["8.8.8.8:443", "10.1.2.3:53", "10.1.2.3:80", "192.168.1.1:53", "127.0.0.1:53", "127.0.0.1:80"];

/** What a process that has the program's rights to networks may reach after `then`. */
async function reachable(then: string): Promise<string[]> {
  const code = `import * as self from ${JSON.stringify(SELF)};
    ${then};
    const hosts = ${JSON.stringify([...ASKED, ...NETS.control])};
    const may = (host) => Deno.permissions.querySync({ name: "net", host }).state === "granted";
    const rest = ["read", "write", "run"].filter((name) => Deno.permissions.querySync({ name }).state === "granted");
    console.log(JSON.stringify([...hosts.filter(may), ...rest]));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--quiet", "--no-check", "--allow-read", "--allow-write", "--allow-env"],
      `--allow-run=${Object.values(PROGRAMS).flat().join(",")}`,
      `--allow-net=${Object.values(NETS).flat().join(",")}`,
      `data:application/javascript,${encodeURIComponent(code)}`,
    ],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("the program's rights reach the internet and resolvers, and nothing else of private networks or of the host", async () => {
  assert.deepEqual(await reachable(""), [
    "8.8.8.8:443",
    "10.1.2.3:53",
    "192.168.1.1:53",
    "127.0.0.1:53",
    ...NETS.control,
    "read",
    "write",
  ]);
});

Deno.test("every command but the gateway gives all networks up", async () => {
  assert.deepEqual(await reachable('self.keepNetRights(["control"])'), [...NETS.control, "read", "write"]);
});

Deno.test("a gateway keeps the internet and the network of its resolver, and no file or program", async () => {
  const loopback = (127 << 24 >>> 0) + (53 & 255);
  assert.deepEqual(await reachable(`self.keepGatewayRights([${loopback}])`), ["8.8.8.8:443", "127.0.0.1:53"]);
});
