import assert from "node:assert/strict";
import { PERMISSIONS } from "../dev/permissions.ts";
import { sourceFiles } from "../dev/sources.ts";
import { actionOf, MARKERS, markersMarkdown } from "./markers.ts";

/** Contract, section 6, name by name. */
const CONTRACT: Readonly<
  Record<string, { readonly subs?: readonly string[]; readonly fields: readonly string[] }>
> = {
  RAYOS_SUPERVISOR: { subs: ["start", "ready", "stop"], fields: [] },
  RAYOS_SAFE_MODE: { subs: ["on", "off"], fields: ["reason"] },
  RAYOS_POLICY: { subs: ["loaded", "rejected", "reloaded"], fields: [] },
  RAYOS_POLICY_VIOLATION: { fields: ["vm", "action"] },
  RAYOS_VM: {
    subs: [
      "define",
      "start",
      "running",
      "pause",
      "resume",
      "suspend",
      "stop",
      "stopped",
      "crash",
      "kill",
      "delete",
    ],
    fields: ["vm", "kind"],
  },
  RAYOS_LINUX_VM_READY: { fields: ["vm"] },
  RAYOS_WINDOWS_VM_READY: { fields: ["vm"] },
  RAYOS_PRESENTATION: { subs: ["on", "off"], fields: ["vm", "kind"] },
  RAYOS_INPUT: { subs: ["denied", "accepted"], fields: ["vm"] },
  RAYOS_NETWORK: { subs: ["on", "off"], fields: ["vm", "profile", "reason"] },
  RAYOS_NETWORK_DENIED: { fields: ["vm", "dst", "proto"] },
  RAYOS_PROVISION: { subs: ["begin", "step", "done", "failed"], fields: ["vm"] },
  RAYOS_SNAPSHOT: { subs: ["create", "revert", "delete", "prune"], fields: ["vm", "snapshot"] },
  RAYOS_RECOVERED: { fields: ["vm", "as"] },
  RAYOS_SANDBOX_VIOLATION: { fields: ["vm", "pid", "rule", "action"] },
  RAYOS_HOST_ACK: { fields: [] },
};
/** Names that free words follow. */
const OPEN = ["RAYOS_POLICY_VIOLATION", "RAYOS_HOST_ACK"];

type Spec = { subs?: readonly string[]; open?: true; fields: readonly string[] };
const table: Readonly<Record<string, Spec>> = MARKERS;

const ROOT = new URL("../../", import.meta.url);

/** Every event that a source names: the name, and what follows it up to a quote, a colon, a space or a `${`. */
function namedIn(text: string): [name: string, sub: string | undefined][] {
  return [...text.matchAll(/\bRAYOS_([A-Z][A-Z_]*)\b(?::([a-z_]+)(?=["'`\s|]))?/g)]
    .map(([, name, sub]) => [`RAYOS_${name}`, sub]);
}

/** Names that are no events: environment variables. */
const OTHERS = PERMISSIONS.find(({ flag }) => flag === "--allow-env")?.values ?? [];

Deno.test("every event that the contract names is in the table, with its words and its fields", () => {
  for (const [name, { subs, fields }] of Object.entries(CONTRACT)) {
    const spec = table[name];
    assert.ok(spec, `${name} is not in the table`);
    for (const sub of subs ?? []) assert.ok(spec.subs?.includes(sub), `${name}:${sub}`);
    for (const field of fields) assert.ok(spec.fields.includes(field), `${name} has no field ${field}`);
    assert.equal(spec.open === true, OPEN.includes(name), name);
  }
});

Deno.test("no source names an event that is not in the table", async () => {
  const unknown: string[] = [];
  let seen = 0;
  for (const path of await sourceFiles(ROOT.pathname)) {
    if (path.startsWith("tests/") || path.endsWith("_test.ts")) continue;
    for (const [name, sub] of namedIn(await Deno.readTextFile(new URL(path, ROOT)))) {
      if (OTHERS.includes(name) || name.endsWith("_")) continue;
      seen++;
      const spec = table[name];
      if (!spec || (sub !== undefined && !spec.open && !spec.subs?.includes(sub))) {
        unknown.push(`${path}: ${name}${sub ? `:${sub}` : ""}`);
      }
    }
  }
  assert.deepEqual(unknown, []);
  assert.ok(seen > 40, `only ${seen} were found: the search does not work`);
});

Deno.test("the search for events finds one that is not in the table", () => {
  assert.deepEqual(namedIn('emit({ event: "RAYOS_VM:explode", fields: {} }); `RAYOS_NEW:${x}`'), [
    ["RAYOS_VM", "explode"],
    ["RAYOS_NEW", undefined],
  ]);
});

Deno.test("docs/markers.md has a row for every event of the table", async () => {
  const rows = (text: string) =>
    text.split("\n").filter((line) => line.startsWith("| `RAYOS_")).map((line) => line.split(/[`:]/)[1]);
  assert.deepEqual(rows(markersMarkdown()), Object.keys(MARKERS));
  assert.deepEqual(rows(await Deno.readTextFile(new URL("docs/markers.md", ROOT))), Object.keys(MARKERS));
});

Deno.test("actionOf() names the record of an event", () => {
  assert.equal(actionOf("RAYOS_SUPERVISOR:start"), "supervisor.start");
  assert.equal(actionOf("RAYOS_SAFE_MODE:on"), "safe_mode.on");
  assert.equal(actionOf("RAYOS_RECOVERED"), "recovered");
});
