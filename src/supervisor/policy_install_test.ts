import assert from "node:assert/strict";
import { parseSignatures, verifySignatures } from "../../policy/signature.ts";
import { policySigner } from "../../tests/fakes/policy_signer.ts";
import { installPolicy, type InstallSteps, removeInstallLeftovers } from "./policy_install.ts";

const PLACE = { policyFile: "policy", policySignature: "policy.sig" };
const utf8 = new TextEncoder();

/** A disk that stops before step `stopAt`, counted from 0. */
class Disk implements InstallSteps {
  steps = 0;
  constructor(readonly files: Map<string, string>, readonly stopAt: number) {}
  write(path: string, data: string | Uint8Array): Promise<void> {
    return this.#step(() =>
      this.files.set(path, typeof data === "string" ? data : new TextDecoder().decode(data))
    );
  }
  remove(path: string): Promise<void> {
    return this.#step(() => this.files.delete(path));
  }
  #step(act: () => void): Promise<void> {
    if (this.steps++ >= this.stopAt) return Promise.reject(new Error("the power is gone"));
    act();
    return Promise.resolve();
  }
}

Deno.test("installPolicy() leaves a policy and a signature that verifies wherever it is cut off", async () => {
  const old = await policySigner();
  const young = await policySigner();
  for (const [oldText, by] of [["old", old], [undefined, old], ["old", young]] as const) {
    for (let stopAt = 0; stopAt <= 3; stopAt++) {
      const files = new Map<string, string>();
      if (oldText !== undefined) {
        files.set("policy", oldText);
        files.set("policy.sig", await by.sign(oldText));
      }
      const disk = new Disk(files, stopAt);
      const install = installPolicy(
        PLACE,
        { bytes: utf8.encode("new"), signature: await young.sign("new") },
        files.get("policy.sig"),
        disk,
      );
      if (stopAt < 3) await assert.rejects(install, /power/);
      else await install;
      const text = files.get("policy");
      assert.ok(text === oldText || text === "new");
      if (text === undefined) continue;
      const signatures = parseSignatures(files.get("policy.sig") ?? "");
      assert.ok(signatures.ok);
      const verified = await verifySignatures(utf8.encode(text), signatures.value, [old.key, young.key]);
      assert.ok(verified.ok, `${text} after ${stopAt} steps`);
      if (stopAt === 3) {
        assert.deepEqual([text, signatures.value.length], ["new", 1], "the old signature is dropped");
      }
    }
  }
});

Deno.test("installPolicy() without a signature replaces the policy first and then drops the old signature", async () => {
  for (let stopAt = 0; stopAt <= 2; stopAt++) {
    const files = new Map([["policy", "old"], ["policy.sig", "of old"]]);
    await installPolicy(
      PLACE,
      { bytes: utf8.encode("new"), signature: undefined },
      "of old",
      new Disk(files, stopAt),
    )
      .catch(() => {});
    assert.deepEqual(files.get("policy.sig") ?? null, stopAt < 2 ? "of old" : null);
    assert.equal(files.get("policy"), stopAt < 1 ? "old" : "new");
  }
});

Deno.test("what a crash leaves beside the policy is removed, and nothing else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "rv-install-" });
  try {
    const names = [
      "p.toml",
      "p.toml.sig",
      "p.toml.1234abcd.tmp",
      "p.toml.sig.1234abcd.tmp",
      "other.tmp",
      "p.toml.bak",
    ];
    for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, "");
    await removeInstallLeftovers({ policyFile: `${folder}/p.toml` });
    const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    assert.deepEqual(left, ["other.tmp", "p.toml", "p.toml.bak", "p.toml.sig"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
