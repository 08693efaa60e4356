import assert from "node:assert/strict";
import { parseIndexTargets } from "./debian_build.ts";

Deno.test("parseIndexTargets() keeps Debian's own sources, each once, and nobody else's", () => {
  const text = `Debian http://deb.debian.org/debian bookworm main
Debian http://deb.debian.org/debian bookworm main
Debian http://deb.debian.org/debian-security bookworm-security main
. nodistro https://deb.nodesource.com/node_20.x nodistro main
Docker https://download.docker.com/linux/debian bookworm stable
 http://deb.debian.org/debian bookworm main
`;
  assert.deepEqual(parseIndexTargets(text), [
    "deb http://deb.debian.org/debian bookworm main",
    "deb http://deb.debian.org/debian-security bookworm-security main",
  ]);
  assert.deepEqual(parseIndexTargets(""), []);
});
