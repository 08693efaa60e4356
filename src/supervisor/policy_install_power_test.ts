/** The power goes, or the disk fails, at every file operation of an installation. */
import assert from "node:assert/strict";
import { parseSignatures, verifySignatures } from "../../policy/signature.ts";
import { policySigner } from "../../tests/fakes/policy_signer.ts";
import { LOST_DATA, LOST_NAMES, PowerCutFiles } from "../../tests/fakes/power_cut_files.ts";
import { writeFileAtomic } from "../ports/files.ts";
import { installPolicy } from "./policy_install.ts";

const PLACE = { policyFile: "/policy/p.toml", policySignature: "/policy/p.toml.sig" };
const utf8 = new TextEncoder();

Deno.test("a power cut at any file operation of policy apply leaves the old policy or the new one, and it verifies", async () => {
  const { key, sign } = await policySigner();
  const [old, young] = ["version = 0 # old\n", "version = 0 # new\n"];
  const signatures = { old: await sign(old), young: await sign(young) };
  const before = () =>
    new PowerCutFiles(
      new Map([[PLACE.policyFile, utf8.encode(old)], [PLACE.policySignature, utf8.encode(signatures.old)]]),
    );
  const install = (files: PowerCutFiles) =>
    installPolicy(PLACE, { bytes: utf8.encode(young), signature: signatures.young }, signatures.old, {
      write: (path, data) => writeFileAtomic(path, data, 0o600, files),
      remove: () => assert.fail("nothing is removed"),
    });
  const check = async (files: PowerCutFiles, what: string) => {
    const text = files.text(PLACE.policyFile);
    assert.ok(text === old || text === young, `${what}: ${text}`);
    const parsed = parseSignatures(files.text(PLACE.policySignature) ?? "");
    assert.ok(parsed.ok, what);
    assert.ok((await verifySignatures(utf8.encode(text), parsed.value, [key])).ok, what);
    return text;
  };
  const whole = before();
  await install(whole);
  assert.equal(await check(whole, "no cut"), young);
  const seen = new Set<string>();
  for (let at = 0; at < whole.steps; at++) {
    for (const how of ["power", "error"] as const) {
      for (const partly of [false, true]) {
        const files = before();
        files.plan = { at, how, partly };
        await install(files).catch(() => {});
        if (how === "error") seen.add(await check(files, `error at ${at}`));
        for (const data of LOST_DATA) {
          for (const names of LOST_NAMES) {
            seen.add(
              await check(files.afterPowerCut(data, names), `${how} at ${at}, data ${data}, names ${names}`),
            );
          }
        }
      }
    }
  }
  assert.deepEqual([...seen].sort(), [young, old].sort(), "both were met");
});
