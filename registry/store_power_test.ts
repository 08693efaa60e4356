/** The power goes, or an operation fails, at every step of every write of the registry. */
import assert from "node:assert/strict";
import { parseVmId } from "../src/core/ids.ts";
import { fail } from "../src/core/problem.ts";
import { LOST_DATA, LOST_NAMES, PowerCutFiles } from "../tests/fakes/power_cut_files.ts";
import { EMPTY_REGISTRY, RegistryStore } from "./store.ts";
import type { VmRecord } from "./types.ts";

const FILE = "/vm/registry.json";

function record(id: string, state: VmRecord["state"] = "stopped"): VmRecord {
  return {
    id: parseVmId(id) ?? fail("internal", `${id} is an id`),
    name: id,
    type: "linux",
    state,
    storage: { disks: { root: `vm/linux/${id}/disk.qcow2` } },
    devices: { vcpu: 1, memory_mb: 64, network: { enabled: false } },
    policy_profile: "default-linux",
  };
}

/** The changes of a guest's life, and what the registry holds after each. */
const CHANGES: readonly ((store: RegistryStore) => Promise<void>)[] = [
  (store) => store.put(record("g1")),
  (store) => store.put(record("g2")),
  (store) => store.put(record("g1", "running")),
  (store) => store.remove("g2"),
  (store) => store.put(record("g1", "suspended")),
];
const STATES = [
  "",
  "g1 stopped",
  "g1 stopped, g2 stopped",
  "g1 running, g2 stopped",
  "g1 running",
  "g1 suspended",
];

async function contents(ops: PowerCutFiles): Promise<string> {
  const { vms, broken } = await new RegistryStore({ registryFile: FILE }, ops).read();
  assert.deepEqual(broken, []);
  return [...vms.values()].map(({ id, state }) => `${id} ${state}`).join(", ");
}

function fresh(): PowerCutFiles {
  return new PowerCutFiles(new Map([[FILE, new TextEncoder().encode(EMPTY_REGISTRY)]]));
}

/** Makes the changes until one fails; gives how many were told to be done. */
async function work(ops: PowerCutFiles): Promise<number> {
  const store = new RegistryStore({ registryFile: FILE }, ops);
  let done = 0;
  try {
    for (const change of CHANGES) {
      await change(store);
      done++;
    }
  } catch { /* the power went, or the operation failed */ }
  return done;
}

Deno.test("a power cut at any step of a registry's writes leaves the old registry or the new one, whole", async () => {
  const probe = fresh();
  assert.equal(await work(probe), CHANGES.length);
  for (let at = 0; at < probe.steps; at++) {
    for (const partly of [false, true]) {
      const ops = fresh();
      ops.plan = { at, how: "power", partly };
      const done = await work(ops);
      assert.ok(done < CHANGES.length);
      for (const data of LOST_DATA) {
        for (const names of LOST_NAMES) {
          const found = await contents(ops.afterPowerCut(data, names));
          const what = `step ${at}${partly ? ", in the middle" : ""}, data ${data}, names ${names}: ${found}`;
          assert.ok([STATES[done], STATES[done + 1]].includes(found), what);
        }
      }
      assert.equal(ops.handles, 0);
    }
  }
});

Deno.test("a write of the registry that fails at any step leaves one that can be read, and the next one succeeds", async () => {
  const probe = fresh();
  await work(probe);
  for (let at = 0; at < probe.steps; at++) {
    const ops = fresh();
    ops.plan = { at, how: "error" };
    const done = await work(ops);
    assert.ok([STATES[done], STATES[done + 1]].includes(await contents(ops)));
    ops.plan = undefined;
    await new RegistryStore({ registryFile: FILE }, ops).put(record("g9"));
    assert.match(await contents(ops), /g9 stopped/);
  }
});
