import assert from "node:assert/strict";
import fc from "fast-check";
import type { Terminal } from "../ports/terminal.ts";
import { reportOf } from "../preflight/report.ts";
import { CHECKS } from "../preflight/table.ts";
import type { CheckReport } from "../preflight/types.ts";
import { Output } from "./output.ts";
import { progressFor, progressText, renderReport } from "./render_preflight.ts";

function terminal(isTerminal: boolean): Terminal & { readonly said: string[] } {
  const said: string[] = [];
  return {
    ...{ said, columns: 60, outIsTerminal: isTerminal, errIsTerminal: isTerminal, inIsTerminal: isTerminal },
    out: (text) => void said.push(text),
    err: (text) => void said.push(text),
  };
}

const outputOn = (to: Terminal, more = {}) =>
  new Output(to, { json: false, quiet: false, color: false, ...more });

Deno.test("progressText() is one line that fits, whatever is waited for", () => {
  const at = { done: 31, total: 47, failed: 1, waiting: ["kvm.proven", "tpm.self_test"] };
  assert.equal(
    progressText(at, 100),
    "[#############.......] 31 of 47, 1 failed, waiting for kvm.proven, tpm.self_test",
  );
  fc.assert(fc.property(fc.array(fc.string()), fc.nat(200), (waiting, width) => {
    const line = progressText({ ...at, waiting }, width);
    assert.ok([...line].length <= Math.max(20, width) && !line.includes("\n"));
  }));
});

Deno.test("the moving line is drawn on a terminal alone, and taken away at the end", () => {
  const [check] = CHECKS;
  assert.ok(check);
  const draw = (to: ReturnType<typeof terminal>, more = {}) => {
    const line = progressFor(outputOn(to, more));
    line.show({ kind: "begun", check, total: 2 });
    line.show({ kind: "said", check, detail: "half" });
    line.end();
    return to.said;
  };
  assert.deepEqual(draw(terminal(true)), [
    "\r\x1b[K[....................] 0 of 2, waiting for host.os",
    "\r\x1b[K[....................] 0 of 2, waiting for half",
    "\r\x1b[K",
  ]);
  assert.deepEqual(draw(terminal(false)), []);
  assert.deepEqual(draw(terminal(true), { quiet: true }), []);
  assert.deepEqual(draw(terminal(true), { json: true }), []);
});

Deno.test("renderReport() gives one line for what is right and the remedy for what is wrong", () => {
  const one = (
    check_id: string,
    status: CheckReport["status"],
    more: Partial<CheckReport> = {},
  ): CheckReport => ({
    ...{
      check_id,
      status,
      details: "found",
      remediation: "do this",
      group: "kvm",
      title: "it",
      why: "It matters.",
    },
    ...{ blocking: false, took_ms: 1, ...more },
  });
  const checks = [
    one("a", "PASS"),
    one("b", "FAIL", { blocking: true }),
    one("c", "SKIP", { group: "media" }),
  ];
  const report = reportOf(checks, { profile: "linux", startedAt: 0, tookMs: 1234, ownMs: 1 });
  assert.equal(
    renderReport(outputOn(terminal(false)), report),
    [
      "kvm",
      "  PASS  a: found",
      "  FAIL  b: found",
      "        it: It matters.",
      "        do: do this",
      "",
      "media",
      "  SKIP  c: found",
      "",
      "FAIL  1 passed, 0 warned, 1 failed, 1 skipped in 1.23 s",
      "no linux guest before these are put right: b",
    ].join("\n"),
  );
  const slower = reportOf([one("b", "FAIL")], { profile: "linux", startedAt: 0, tookMs: 1234, ownMs: 1 });
  assert.match(
    renderReport(outputOn(terminal(false)), slower),
    /\nlinux guests can run, but slower or with something missing: b$/,
  );
});
