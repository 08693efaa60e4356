import assert from "node:assert/strict";
import { parseVmId } from "../src/core/ids.ts";
import { Failure } from "../src/core/problem.ts";
import { checkSocketPath } from "../src/ports/unix_socket.ts";
import { layoutOf, makeDataRoot, runtimeName } from "./layout.ts";
import { EMPTY_REGISTRY, RegistryStore } from "./store.ts";
import type { VmRecord } from "./types.ts";

function record(id: string, more: Partial<VmRecord> = {}): VmRecord {
  const vmId = parseVmId(id);
  assert.ok(vmId);
  return {
    id: vmId,
    name: id,
    type: "linux",
    state: "stopped",
    storage: { disks: { system: `vm/linux/${id}/disk.qcow2` } },
    devices: { vcpu: 1, memory_mb: 512, network: { enabled: false } },
    policy_profile: "default-linux",
    ...more,
  };
}

async function withRoot(
  run: (root: string, store: RegistryStore, file: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rayvisor-store-" });
  try {
    const root = `${folder}/root`;
    await makeDataRoot(root);
    const layout = layoutOf(root);
    await run(root, new RegistryStore(layout), layout.registryFile);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const codeOf = (expected: string) => (error: unknown) => error instanceof Failure && error.code === expected;

Deno.test("what was put is read back, replaced and removed; the file is 0600", async () => {
  await withRoot(async (_root, store, file) => {
    assert.deepEqual(await store.read(), { vms: new Map(), broken: [] });
    const a = record("a"), b = record("b");
    await store.put(a);
    await store.put(b);
    assert.deepEqual(await store.read(), { vms: new Map([["a", a], ["b", b]]), broken: [] });
    await store.put({ ...a, state: "running" });
    assert.equal((await store.get(a.id))?.state, "running");
    await store.remove("a");
    assert.equal(await store.get(a.id), undefined);
    await assert.rejects(store.remove("a"), codeOf("not_found"));
    assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("writes that are asked for at once run one after the other and lose nothing", async () => {
  await withRoot(async (_root, store) => {
    const ids = Array.from({ length: 20 }, (_, i) => `g${i}`);
    const puts = ids.map((id) => store.put(record(id)));
    const refused = store.remove("none");
    await assert.rejects(refused, codeOf("not_found"));
    await Promise.all(puts);
    assert.deepEqual([...(await store.read()).vms.keys()].sort(), ids.sort());
  });
});

Deno.test("a file that can't be read is never written over", async () => {
  await withRoot(async (_root, store, file) => {
    for (
      const [text, code] of [
        ['{"version": 7, "vms": {}}', "registry_unsupported"],
        ['{"vms": {', "invalid_registry"],
        ["\xff\xfe", "invalid_registry"],
        ['{"vms": {}, "vms": {}}', "invalid_registry"],
      ] as const
    ) {
      const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
      await Deno.writeFile(file, bytes);
      await assert.rejects(store.read(), codeOf(code), text);
      await assert.rejects(store.put(record("a")), codeOf(code), text);
      await assert.rejects(store.remove("a"), codeOf(code), text);
      assert.deepEqual(await Deno.readFile(file), bytes);
    }
    await Deno.remove(file);
    await Deno.mkdir(file);
    await assert.rejects(store.put(record("a")));
    assert.ok((await Deno.stat(file)).isDirectory);
  });
});

Deno.test("broken records are listed, kept as they are by other writes, and can be removed", async () => {
  await withRoot(async (_root, store, file) => {
    const broken = { id: "bad", note: "kept" };
    await Deno.writeTextFile(file, JSON.stringify({ version: 0, vms: { bad: broken } }));
    await store.put(record("a"));
    const read = await store.read();
    assert.deepEqual([[...read.vms.keys()], read.broken.map((b) => b.id)], [["a"], ["bad"]]);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(file)).vms.bad, broken);
    const id = parseVmId("bad");
    assert.ok(id);
    await assert.rejects(store.get(id), codeOf("invalid_registry"));
    await store.remove("bad");
    assert.deepEqual((await store.read()).broken, []);
  });
});

Deno.test("a record with faults, or on a file of another guest, is refused and nothing is written", async () => {
  await withRoot(async (root, store, file) => {
    await store.put(record("a"));
    const before = await Deno.readTextFile(file);
    await assert.rejects(store.put(record("b", { name: "" })), codeOf("invalid_registry"));
    await assert.rejects(
      store.put(record("b", { storage: { disks: { x: "../x" } } })),
      codeOf("invalid_registry"),
    );
    await assert.rejects(
      store.put(record("b", { storage: { disks: { x: `${root}/vm/linux/a/disk.qcow2` } } })),
      /belongs to a/,
    );
    assert.equal(await Deno.readTextFile(file), before);
  });
});

Deno.test("temporary files of a crash change nothing, and are removed when asked", async () => {
  await withRoot(async (root, store, file) => {
    await store.put(record("a"));
    const leftover = `${file}.deadbeef.tmp`;
    await Deno.writeTextFile(leftover, '{"vms": {"half');
    assert.deepEqual([...(await store.read()).vms.keys()], ["a"]);
    await store.put(record("b"));
    await Deno.writeTextFile(`${root}/vm/other.tmp`, "");
    await store.removeLeftovers();
    const names = [...Deno.readDirSync(`${root}/vm`)].map((entry) => entry.name).sort();
    assert.deepEqual(names, ["intents", "linux", "other.tmp", "registry.json", "windows"]);
  });
});

Deno.test("a write that fails leaves the old file whole", async () => {
  await withRoot(async (root, store, file) => {
    await store.put(record("a"));
    const before = await Deno.readTextFile(file);
    // The name of the temporary file is longer than a name may be: the write fails before the rename.
    const long = `${root}/vm/${"r".repeat(250)}`;
    await Deno.writeTextFile(long, before);
    const other = new RegistryStore({ registryFile: long, root });
    await assert.rejects(other.put(record("b")));
    assert.equal(await Deno.readTextFile(long), before);
    assert.deepEqual([...(await other.read()).vms.keys()], ["a"]);
  });
});

Deno.test("the text of an empty registry is one", async () => {
  await withRoot(async (_root, store, file) => {
    await Deno.writeTextFile(file, EMPTY_REGISTRY);
    assert.equal((await store.read()).vms.size, 0);
  });
});

Deno.test("makeDataRoot() makes folders of mode 0700, tightens what is there, and keeps its content", async () => {
  await withRoot(async (root) => {
    await Deno.chmod(`${root}/run`, 0o755);
    await Deno.writeTextFile(`${root}/policy/x`, "kept");
    await makeDataRoot(root);
    for (
      const name of ["", "/policy", "/vm", "/vm/linux", "/vm/windows", "/logs", "/crash", "/run", "/run/g"]
    ) {
      assert.equal(((await Deno.lstat(root + name)).mode ?? 0) & 0o777, 0o700, name);
    }
    assert.equal(await Deno.readTextFile(`${root}/policy/x`), "kept");
  });
});

Deno.test("makeDataRoot() refuses a root that others can write, files in the way, and folders that are links", async () => {
  await withRoot(async (root) => {
    await Deno.chmod(root, 0o770);
    await assert.rejects(makeDataRoot(root), /can be written by others than its owner \(mode 0770\)/);
    await Deno.chmod(root, 0o755);
    await makeDataRoot(root);
    await Deno.remove(`${root}/crash`);
    await Deno.symlink("/tmp", `${root}/crash`);
    await assert.rejects(makeDataRoot(root), codeOf("path_escape"));
    await Deno.remove(`${root}/crash`);
    await Deno.writeTextFile(`${root}/crash`, "");
    await assert.rejects(makeDataRoot(root), /crash is not a folder/);
    await assert.rejects(makeDataRoot(`${root}/crash`), /is not a folder/);
  });
});

Deno.test("sockets of the longest id fit the kernel's limit below a root of 59 bytes", () => {
  const root = `/${"r".repeat(58)}`;
  const layout = layoutOf(root);
  for (const id of ["a", "a".repeat(24), "a".repeat(25), "a".repeat(63)]) {
    const { qmp, agent, serial, tpm, vnc } = layout.runtime(id);
    for (const path of [qmp, agent, serial, tpm, vnc]) checkSocketPath(path);
  }
  checkSocketPath(layout.socket);
});

Deno.test("every guest has a runtime folder of its own", () => {
  const ids = ["a".repeat(63), "a".repeat(62), `${"a".repeat(62)}b`, "a".repeat(24), "a".repeat(25), "web-1"];
  assert.equal(new Set(ids.map(runtimeName)).size, ids.length);
  assert.equal(runtimeName("web-1"), "web-1");
  assert.equal(parseVmId(runtimeName("a".repeat(63))), undefined, "a cut name must be no id");
});
