import assert from "node:assert/strict";
import { inRange, NOT_PUBLIC, range, rangeText } from "../core/ipv4.ts";
import { ALL_PROGRAMS, PROGRAMS, programsToGiveUp } from "../ports/self.ts";
import { permissionFlags, PERMISSIONS, permissionsPage } from "./permissions.ts";

Deno.test("no permission is given as a whole that can be named one by one", () => {
  for (const flag of permissionFlags()) {
    assert.doesNotMatch(
      flag,
      /^(-A|--allow-all|--allow-run|--allow-net|--allow-env|--allow-sys|--allow-ffi)$/,
      flag,
    );
  }
});

Deno.test("the only name that may be reached never resolves, and of private networks nothing but resolvers", () => {
  const net = PERMISSIONS.filter((p) => p.flag === "--allow-net").flatMap((p) => p.values ?? []);
  assert.deepEqual(net.filter((value) => /[a-z]/.test(value)), ["rayvisor.invalid:80"]);
  const open = net.filter((value) => !value.endsWith(":53") && value.includes("/")).map(range);
  for (const one of NOT_PUBLIC) assert.ok(!open.some((other) => inRange(one.base, other)), rangeText(one));
});

Deno.test("every permission stands in the table once and on the page with its reason", () => {
  assert.equal(new Set(PERMISSIONS.map((p) => p.flag)).size, PERMISSIONS.length);
  for (const { flag, reason } of PERMISSIONS) {
    assert.ok(permissionsPage().includes(`| \`${flag}\` |`) && permissionsPage().includes(reason), flag);
  }
});

Deno.test("every program that may be started is one that the program can give up the right to", () => {
  const run = PERMISSIONS.find((p) => p.flag === "--allow-run")?.values ?? [];
  assert.deepEqual([...run].sort(), [...ALL_PROGRAMS].sort());
  assert.deepEqual(programsToGiveUp([]), [...ALL_PROGRAMS]);
  assert.ok(!run.some((program) => ["sh", "bash", "env", "sudo", "python3"].includes(program)));
});

Deno.test("a program that stands in a kept group is kept, whatever other groups it stands in", () => {
  const left = programsToGiveUp(["self", "preflight"]);
  for (const program of [...PROGRAMS.self, ...PROGRAMS.preflight]) {
    assert.ok(!left.includes(program), program);
  }
  assert.ok(left.includes("apt-get") && left.includes("tee"));
});
