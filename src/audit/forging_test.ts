/** What a guest, a file or a client says stays data: it makes no line, no record, no marker and no escape sequence. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { readAudit, verifyAudit } from "./files.ts";
import { eventWord, formatLogLine, parseLogLine } from "./line.ts";
import { AuditLog } from "./log.ts";
import { lineOf, parseLine } from "./record.ts";
import { recordedParams, unparsedParams } from "../supervisor/asking.ts";
import { Ledger } from "../supervisor/ledger.ts";
import { actorOf, CLIENT_HEADER } from "../api/claim.ts";
import { renderRecord } from "../cli/render.ts";
import { Output } from "../cli/output.ts";
import type { VmId } from "../core/ids.ts";
import type { PolicyRevision } from "../core/ids.ts";
import { canonicalJson, escapeUnsafe, jsonLine } from "../core/json.ts";
import { sanitizeLine, sanitizeText } from "../core/sanitize.ts";
import { systemRandom } from "../ports/random.ts";
import type { Terminal } from "../ports/terminal.ts";
import { parseRecord } from "../../registry/schema.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { PowerCutFiles } from "../../tests/fakes/power_cut_files.ts";

const MARKER = "2026-01-01T00:00:00.000Z INFO supervisor RAYOS_VM:running vm=other kind=linux";
const EVIL: Readonly<Record<string, string>> = {
  "line feed": `x\n${MARKER}`,
  "carriage return": `x\r${MARKER}`,
  "both": `x\r\n${MARKER}\r\n`,
  "vertical tab and form feed": `x\v${MARKER}\f`,
  "NEL": `x\u0085${MARKER}`,
  "line and paragraph separator": `x\u2028${MARKER}\u2029`,
  "NUL": `x\0\n${MARKER}`,
  "clear screen": "\u001b[2J\u001b[H",
  "C1 escape": "\u009b2J\u009d0;title\u009c",
  "title": "\u001b]0;owned\u0007",
  "link": "\u001b]8;;http://evil\u001b\\x\u001b]8;;\u001b\\",
  "bidi": "\u202emv=gninnur:MV_SOYAR\u202c\u2066\u2069",
  "invisible": "vm\u200b=\u2060other\ufeff\u00ad",
  "tags": "x\u{e0041}\u{e0042}\u{e007f}",
  "field": 'x" vm=other event="RAYOS_VM:running',
  "record": `"}\n{"action":"vm.kill","phase":"finished","seq":1}`,
  "lone surrogate": "x\ud800y\udc00",
  "prototype": "__proto__",
  "long": "RAYOS_VM:running ".repeat(100_000),
};

/** No control character, no line separator, nothing invisible or reordering. */
const HARMFUL =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u;

function rig(): { ops: PowerCutFiles; log: AuditLog; ledger: Ledger } {
  const ops = new PowerCutFiles();
  const log = new AuditLog({
    rayosLog: "/logs/rayos.log",
    auditFile: "/logs/audit.jsonl",
    headFile: "/logs/audit.head",
    clock: new ManualClock(),
    random: systemRandom,
    ops,
  });
  return { ops, log, ledger: new Ledger(log, systemRandom, () => "none" as PolicyRevision) }; // the value for no policy
}

Deno.test("whatever a request, an observation or a marker carries, each makes just its own lines and records", async (t) => {
  for (const [name, evil] of Object.entries(EVIL)) {
    await t.step(name, async () => {
      const { ops, log, ledger } = rig();
      const vm = "g1" as VmId; // an id that its parser would make
      const actor = actorOf(
        new Headers({
          [CLIENT_HEADER]: encodeURIComponent(JSON.stringify({ command: evil.toWellFormed() })),
        }),
      );
      const params = { record: { id: "g1", name: evil, [evil]: [evil] }, definition: evil };
      const asked = ledger.ask("vm.define", actor, recordedParams("vm.define", params));
      ledger.refuse(asked, {
        code: "denied",
        message: evil,
        reasons: [{ rule: evil, why: evil, where: evil }],
      });
      await ledger.carryOut(
        asked,
        { vm, reasons: [{ rule: "r", why: evil }], obligations: [{ kind: evil }] },
        () => Promise.resolve(evil),
        (state) => ({ state }),
      );
      await assert.rejects(
        ledger.carryOut(
          asked,
          { vm, reasons: [], obligations: [] },
          () => Promise.reject(new Error(evil)),
          () => ({}),
        ),
      );
      ledger.refuse(ledger.ask("vm.start", actor, unparsedParams({ [evil]: evil, id: evil })), {
        code: "usage",
        message: evil,
      });
      ledger.observe("vm.stopped", vm, { last_words: evil, [evil]: evil }, "RAYOS_VM:stopped");
      ledger.emit({ event: "RAYOS_VM:crash", fields: { vm, reason: evil } }, "supervisor");
      ledger.emit(
        { event: `RAYOS_HOST_ACK:${eventWord(evil)}:err:${eventWord(evil)}`, fields: {} },
        "supervisor",
      );
      log.emit("supervisor", { event: `RAYOS_HOST_ACK:${evil}`, fields: { reason: evil } });
      log.close(); // writes what was put off for a moment

      const human = ops.text("/logs/rayos.log")?.split("\n") ?? [];
      assert.equal(human.pop(), "");
      // refusal: violation and acknowledgement; two ends; the refused parameters; the crash; two acknowledgements
      assert.equal(human.length, 8, human.join("\n"));
      for (const line of human) {
        assert.doesNotMatch(line, HARMFUL);
        const parsed = parseLogLine(line);
        assert.ok(parsed, line);
        assert.ok(parsed.fields.vm === undefined || parsed.fields.vm === "g1", line);
        assert.doesNotMatch(parsed.event, /[^A-Za-z0-9._:-]/);
      }
      const running = human.filter((line) => parseLogLine(line)?.event === "RAYOS_VM:running");
      assert.deepEqual(running, [], "nothing runs");

      const trail = ops.text("/logs/audit.jsonl") ?? "";
      assert.doesNotMatch(trail, HARMFUL);
      const check = verifyAudit("/logs/audit.jsonl", "/logs/audit.head", ops);
      assert.ok(check.ok, JSON.stringify(check));
      assert.equal(check.records, 13);
      assert.ok(trail.length < 300_000, `${trail.length} characters`);
      for (const record of readAudit("/logs/audit.jsonl", {}, ops)) {
        const seen: string[] = [];
        const terminal = {
          out: (text: string) => seen.push(text),
          outIsTerminal: false,
        } as unknown as Terminal; // only `out` is used
        const output = new Output(terminal, { json: true, quiet: false, color: false });
        output.result(record, () => "");
        output.item(record, () => "");
        new Output(terminal, { json: false, quiet: false, color: false })
          .item(record, (r) => renderRecord(output, r));
        assert.equal(seen.join("").trimEnd().split("\n").length, 3);
        assert.doesNotMatch(seen.join(""), HARMFUL);
      }
    });
  }
});

Deno.test("a record's line says what it was given, is one line, and harmless, whatever the text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (key, value) => {
    const line = jsonLine({ [key]: value });
    assert.doesNotMatch(line, HARMFUL);
    assert.ok(!line.includes("\n"));
    assert.deepEqual(JSON.parse(line), { [key]: value });
    assert.equal(lineOf(JSON.parse(line)), escapeUnsafe(canonicalJson({ [key]: value })));
  }));
});

Deno.test("a line of the human log has just the fields that it was given, whatever their text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (value) => {
    const line = formatLogLine(0, "info", "supervisor", "RAYOS_VM:crash", {
      vm: "g1",
      reason: value,
      pid: 7,
    });
    assert.doesNotMatch(line, HARMFUL);
    assert.deepEqual(parseLogLine(line)?.fields, { vm: "g1", reason: sanitizeLine(value, 1024), pid: "7" });
  }));
});

Deno.test("a line that a guest wrote is no record, because its hash is not right", () => {
  for (const evil of Object.values(EVIL)) {
    for (const line of sanitizeText(evil).split("\n")) {
      assert.ok("why" in parseLine(line));
    }
  }
  assert.ok("why" in parseLine('{"action":"vm.kill","hash":"0","phase":"finished","seq":1}'));
});

Deno.test("a guest's name that is no plain text is refused, and what is said of it is harmless", () => {
  for (const [what, evil] of Object.entries(EVIL)) {
    const parsed = parseRecord({
      id: "g1",
      name: evil,
      type: "linux",
      state: "stopped",
      storage: { disks: { root: "vm/linux/g1/disk.raw" } },
      devices: { vcpu: 1, memory_mb: 64, network: { enabled: false } },
      policy_profile: "default-linux",
    }, "g1");
    if (parsed.ok) {
      assert.doesNotMatch(parsed.value.name, HARMFUL, what);
      continue;
    }
    const seen: string[] = [];
    const terminal = { out: () => {}, err: (text: string) => seen.push(text) } as unknown as Terminal; // only these are used
    const output = new Output(terminal, { json: false, quiet: false, color: false });
    for (const problem of parsed.error) seen.push(output.renderProblem(problem));
    assert.doesNotMatch(seen.join(""), HARMFUL, what);
  }
});
