/** Signed policies: keys made by openssl, files signed and applied by the compiled program. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { HOST_KEYS, KEYS_VARIABLE } from "../../src/supervisor/trusted_keys.ts";
import { defineSmall, POLICY, type Rig, start, withRoot } from "./rig.ts";

const STRICT = `${POLICY}\n[security]\nrequire_signature = true\n`;
/** The host's own keys always win, so a test can't bring its own there. */
const ignore = await Deno.lstat(HOST_KEYS).then(() => true, () => false);

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("openssl", { args, stdin: "null" }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** Makes `NAME.key` and `NAME.pub` in the root. */
async function makeKey(rig: Rig, name: string): Promise<void> {
  const key = `${rig.root}/${name}.key`;
  await openssl("genpkey", "-algorithm", "ed25519", "-out", key);
  await Deno.chmod(key, 0o600);
  await openssl("pkey", "-in", key, "-pubout", "-out", `${rig.root}/${name}.pub`);
}

async function trust(rig: Rig, name: string): Promise<void> {
  await Deno.copyFile(`${rig.root}/${name}.pub`, `${rig.root}/keys/${name}.pub`);
  await Deno.chmod(`${rig.root}/keys/${name}.pub`, 0o644);
}

/** A supervisor in the foreground that trusts the keys in `keys/`; ended afterwards. */
async function serving(rig: Rig, use: () => Promise<void>): Promise<void> {
  const how = { ...rig.how, env: { [KEYS_VARIABLE]: `${rig.root}/keys` } };
  const child = start(["--root", rig.root, "serve", "--foreground", "--announce"], how);
  const reader = child.stdout.getReader();
  try {
    const { value } = await reader.read();
    assert.match(new TextDecoder().decode(value), /"ready":true/);
    await use();
  } finally {
    reader.releaseLock();
    child.kill("SIGTERM");
    await child.output();
  }
}

async function withKeys(use: (rig: Rig) => Promise<void>): Promise<void> {
  await withRoot(async (rig) => {
    await Deno.mkdir(`${rig.root}/keys`, { mode: 0o755 });
    await makeKey(rig, "good");
    await makeKey(rig, "stranger");
    await use(rig);
  });
}

async function modeOf(rig: Rig): Promise<string> {
  const { policy } = await rig.ok("status");
  if (!policy.safe_mode) return `signed by ${policy.signed_by?.slice(0, 8)}`;
  return `${policy.problem.reasons[0].rule}: ${policy.problem.message}`;
}

Deno.test(
  "a signature that is demanded and not there, wrong, or by an unknown key is safe mode",
  { ignore },
  async (t) => {
    const forms: Record<string, (rig: Rig, policy: string) => Promise<unknown>> = {
      "no \\*\\.pub in": () => Promise.resolve(),
      "no key can be trusted: .*mode 0777": async (rig) => {
        await trust(rig, "good");
        await Deno.chmod(`${rig.root}/keys`, 0o777);
      },
      "there is no .*\\.sig": (rig) => trust(rig, "good"),
      "key [0-9a-f]{16}, which is not trusted": async (rig, policy) => {
        await trust(rig, "good");
        await rig.ok("policy", "sign", policy, "--key", `${rig.root}/stranger.key`);
      },
      "not of these bytes": async (rig, policy) => {
        await trust(rig, "good");
        await rig.ok("policy", "sign", policy, "--key", `${rig.root}/good.key`);
        await rig.write("policy/rayos-policy.toml", STRICT + "\n");
      },
      "no signature file: its first line": async (rig, policy) => {
        await trust(rig, "good");
        await Deno.writeTextFile(`${policy}.sig`, "trust me\n");
      },
      "not a regular file": async (rig, policy) => {
        await trust(rig, "good");
        await Deno.mkdir(`${policy}.sig`);
      },
    };
    for (const [words, make] of Object.entries(forms)) {
      await t.step(words, () =>
        withKeys(async (rig) => {
          await rig.write("policy/rayos-policy.toml", STRICT);
          await make(rig, layoutOf(rig.root).policyFile);
          await serving(rig, async () => {
            assert.match(await modeOf(rig), new RegExp(`^signature_required: .*${words}`));
            await rig.write("g1.json", "{}");
            const error = await rig.fails(3, "vm", "define", "--type", "linux", "--id", "g1", "--disk", "1M");
            assert.ok(
              error.reasons.some((reason: { rule: string }) => reason.rule === "signature_required"),
              "reason",
            );
          });
        }));
    }
  },
);

Deno.test("without a key folder a demanded signature is safe mode, and no command brings its own keys", {
  ignore,
}, () =>
  withKeys(async (rig) => {
    await trust(rig, "good");
    await rig.write("policy/rayos-policy.toml", STRICT);
    await rig.ok("policy", "sign", layoutOf(rig.root).policyFile, "--key", `${rig.root}/good.key`);
    rig.how.env = { [KEYS_VARIABLE]: `${rig.root}/keys` };
    assert.equal((await rig.ok("policy", "validate")).signature.name, "good.pub");
    assert.match(
      await (async () => (await rig.ok("vm", "list"), await modeOf(rig)))(),
      /signature_required: .*no \*\.pub in \/etc/,
    );
  }));

Deno.test("a signed policy is applied with its signature, and an unsigned one is refused from then on", {
  ignore,
}, () =>
  withKeys(async (rig) => {
    const { policyFile, policySignature } = layoutOf(rig.root);
    const next = `${rig.root}/next.toml`;
    const signed = async (text: string, key = "good") => {
      await rig.write("next.toml", text);
      await rig.ok("policy", "sign", next, "--key", `${rig.root}/${key}.key`);
    };
    await serving(rig, async () => {
      await defineSmall(rig, "g1");
      await trust(rig, "good");
      await signed(STRICT);
      const applied = await rig.ok("policy", "apply", next);
      assert.match(applied.demanded_by, /trusts keys in/);
      assert.match(await modeOf(rig), new RegExp(`^signed by ${applied.signed_by.slice(0, 8)}`));
      assert.equal(await Deno.readTextFile(policySignature), await Deno.readTextFile(`${next}.sig`));
      const before = await Promise.all([policyFile, policySignature].map((path) => Deno.readTextFile(path)));
      await signed(`${POLICY}# by a stranger\n`, "stranger");
      const stranger = await rig.fails(3, "policy", "apply", next);
      assert.deepEqual([stranger.code, stranger.reasons[0].rule], ["denied", "signature_required"]);
      await Deno.remove(`${next}.sig`);
      await rig.write("next.toml", `${POLICY}# unsigned, and without the demand\n`);
      assert.equal((await rig.fails(3, "policy", "apply", next)).reasons[0].rule, "signature_required");
      assert.equal(
        (await rig.fails(3, "policy", "apply", "--dry-run", next)).reasons[0].rule,
        "signature_required",
      );
      const after = await Promise.all([policyFile, policySignature].map((path) => Deno.readTextFile(path)));
      assert.deepEqual(after, before, "a refused policy leaves both files as they were");
      assert.match(await modeOf(rig), /^signed by/);
      await signed(`${POLICY}# signed, and without the demand\n`);
      await rig.ok("policy", "apply", next);
      await rig.ok("vm", "start", "g1");
      await rig.ok("vm", "kill", "g1");
    });
    await rig.write("policy/rayos-policy.toml", POLICY);
    await serving(
      rig,
      async () => assert.match(await modeOf(rig), /^signature_required: .*host trusts keys/),
    );
    await rig.ok("audit", "verify");
  }));

Deno.test("a signature is what openssl makes and verifies: Ed25519 over the exact bytes of the file", () =>
  withKeys(async (rig) => {
    await rig.write("p.toml", POLICY);
    await rig.ok("policy", "sign", `${rig.root}/p.toml`, "--key", `${rig.root}/good.key`);
    const [header, line = ""] = (await Deno.readTextFile(`${rig.root}/p.toml.sig`)).split("\n");
    assert.equal(header, "rayvisor-signatures 0");
    const [, key, signature = ""] = line.split(" ");
    await Deno.writeFile(`${rig.root}/raw.sig`, Uint8Array.fromBase64(signature));
    await openssl(
      ...["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", `${rig.root}/good.pub`],
      ...["-in", `${rig.root}/p.toml`, "-sigfile", `${rig.root}/raw.sig`],
    );
    await openssl(
      "pkey",
      "-pubin",
      "-in",
      `${rig.root}/good.pub`,
      "-outform",
      "DER",
      "-out",
      `${rig.root}/good.der`,
    );
    const raw = (await Deno.readFile(`${rig.root}/good.der`)).slice(-32);
    assert.equal(key, new Uint8Array(await crypto.subtle.digest("SHA-256", raw)).toHex());
  }));

Deno.test("policy sign refuses a key that others can read, that is no Ed25519 key, or that is not there", () =>
  withKeys(async (rig) => {
    await rig.write("p.toml", POLICY);
    const sign = (code: number, key: string) =>
      rig.fails(code, "policy", "sign", `${rig.root}/p.toml`, "--key", `${rig.root}/${key}`);
    await Deno.chmod(`${rig.root}/stranger.key`, 0o640);
    assert.match((await sign(1, "stranger.key")).message, /mode 0640.*others can read it/);
    await Deno.chmod(`${rig.root}/good.pub`, 0o600);
    assert.match((await sign(1, "good.pub")).message, /'PUBLIC KEY' where 'PRIVATE KEY'/);
    assert.equal((await sign(4, "none.key")).code, "not_found");
    await assert.rejects(Deno.stat(`${rig.root}/p.toml.sig`), Deno.errors.NotFound);
    assert.equal(
      (await rig.fails(4, "policy", "sign", `${rig.root}/none.toml`, "--key", `${rig.root}/good.key`)).code,
      "not_found",
    );
  }));
