/** Policy files, signatures and key folders as they are found on a disk. */
import { policySigner } from "../../tests/fakes/policy_signer.ts";
import assert from "node:assert/strict";
import { Failure, type Problem } from "../core/problem.ts";
import { layoutOf } from "../../registry/layout.ts";

import type { LoadedPolicy } from "../../policy/model.ts";
import type { PolicyState } from "../../policy/types.ts";
import { nextPolicyState, readPolicy } from "./policy_source.ts";
import { judgeSignature } from "./policy_signature.ts";
import { HOST_KEYS, readTrustedKeys, trustedKeysFolder } from "./trusted_keys.ts";

const GOOD = "version = 0\n";
const utf8 = new TextEncoder();
const hostHasKeys = await Deno.lstat(HOST_KEYS).then(() => true, () => false);

interface Place {
  readonly root: string;
  readonly policy: string;
  readonly keys: string;
}

async function withRoot(use: (place: Place) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "rv-source-" }));
  try {
    await Deno.mkdir(`${root}/policy`, { mode: 0o700 });
    await Deno.mkdir(`${root}/keys`, { mode: 0o755 });
    await use({ root, policy: `${root}/policy/rayos-policy.toml`, keys: `${root}/keys` });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function problemOfReading(path: string, root: string): Promise<Problem> {
  try {
    await readPolicy(path, root);
  } catch (error) {
    if (error instanceof Failure) return error.problem;
    throw error;
  }
  return assert.fail("it was read");
}

Deno.test("a policy file that can't be taken is refused with the rule and the reason for it", async (t) => {
  const cases: readonly (readonly [string, (p: Place) => Promise<unknown>, string, RegExp])[] = [
    ["missing", () => Promise.resolve(), "policy_invalid", /no policy file/],
    ["a folder", ({ policy }) => Deno.mkdir(policy), "policy_invalid", /not a regular file/],
    [
      "a fifo",
      ({ policy }) => new Deno.Command("mkfifo", { args: [policy] }).output(),
      "policy_invalid",
      /not a reg/,
    ],
    [
      "too large",
      ({ policy }) => Deno.writeFile(policy, new Uint8Array(1024 * 1024 + 1), { mode: 0o600 }),
      "policy_invalid",
      /larger than 1048576 bytes/,
    ],
    [
      "invalid UTF-8",
      ({ policy }) => Deno.writeFile(policy, Uint8Array.of(0x61, 0xff), { mode: 0o600 }),
      "policy_invalid",
      /refused/,
    ],
    [
      "writable by the group",
      async ({ policy }) => {
        await Deno.writeTextFile(policy, GOOD);
        await Deno.chmod(policy, 0o660);
      },
      "policy_file_permissions",
      /mode 0660/,
    ],
    [
      "a link that leads out",
      async ({ policy, root }) => {
        await Deno.writeTextFile(`${root}/outside.toml`, GOOD, { mode: 0o600 });
        await Deno.symlink("../outside.toml", policy);
      },
      "policy_file_permissions",
      /outside of its folder/,
    ],
    [
      "a link to nothing",
      ({ policy }) => Deno.symlink("none", policy),
      "policy_file_permissions",
      /leads nowhere/,
    ],
  ];
  for (const [name, make, rule, words] of cases) {
    await t.step(name, () =>
      withRoot(async (place) => {
        await make(place);
        const problem = await problemOfReading(place.policy, place.root);
        assert.match(problem.message, words);
        assert.deepEqual([...new Set(problem.reasons?.map((reason) => reason.rule))], [rule]);
        const state = await nextPolicyState(layoutOf(place.root), undefined);
        assert.ok(state.mode === "safe" && state.reason.code === "invalid_policy");
      }));
  }
});

Deno.test("a symbolic link inside the policy folder is followed; of a file elsewhere only the content counts", () =>
  withRoot(async ({ root, policy }) => {
    await Deno.writeTextFile(`${root}/policy/real.toml`, GOOD, { mode: 0o600 });
    await Deno.symlink("real.toml", policy);
    assert.equal((await readPolicy(policy, root)).policy.version, 0);
    await Deno.chmod(`${root}/policy/real.toml`, 0o666);
    await assert.rejects(readPolicy(policy, root), /mode 0666/);
    assert.equal((await readPolicy(policy, root, { guarded: false })).policy.version, 0);
  }));

Deno.test(
  "a policy that belongs to a stranger is refused",
  { ignore: Deno.uid() !== 0 },
  () =>
    withRoot(async ({ root, policy }) => {
      await Deno.writeTextFile(policy, GOOD, { mode: 0o600 });
      await Deno.chown(policy, 54321, null);
      const problem = await problemOfReading(policy, root);
      assert.match(problem.message, /uid 54321/);
      assert.equal(problem.reasons?.[0]?.rule, "policy_file_permissions");
    }),
);

Deno.test("a key folder is read whole, or distrusted with what is wrong with it", async (t) => {
  const { open } = await policySigner();
  const cases: readonly (readonly [string, (keys: string) => Promise<unknown>, string, RegExp?])[] = [
    ["not there", (keys) => Deno.remove(keys), "none"],
    ["empty", () => Promise.resolve(), "none"],
    ["other files alone", (keys) => Deno.writeTextFile(`${keys}/README`, "x"), "none"],
    ["a key", (keys) => Deno.writeTextFile(`${keys}/a.pub`, open, { mode: 0o644 }), "keys"],
    [
      "no key",
      (keys) => Deno.writeTextFile(`${keys}/a.pub`, "x", { mode: 0o644 }),
      "distrusted",
      /no PEM block/,
    ],
    [
      "a key that others can write",
      async (keys) => {
        await Deno.writeTextFile(`${keys}/a.pub`, open);
        await Deno.chmod(`${keys}/a.pub`, 0o666);
      },
      "distrusted",
      /mode 0666/,
    ],
    ["a folder that others can write", (keys) => Deno.chmod(keys, 0o777), "distrusted", /mode 0777/],
    [
      "a link among the keys",
      async (keys) => {
        await Deno.writeTextFile(`${keys}/../a.pub`, open);
        await Deno.symlink("../a.pub", `${keys}/a.pub`);
      },
      "distrusted",
      /not a regular file/,
    ],
    [
      "a link instead of the folder",
      async (keys) => {
        await Deno.rename(keys, `${keys}.real`);
        await Deno.symlink(`${keys}.real`, keys);
      },
      "distrusted",
      /symbolic link/,
    ],
    [
      "a fifo among the keys",
      (keys) => new Deno.Command("mkfifo", { args: [`${keys}/a.pub`] }).output(),
      "distrusted",
    ],
  ];
  for (const [name, make, state, why] of cases) {
    await t.step(name, () =>
      withRoot(async ({ keys }) => {
        await make(keys);
        const read = await readTrustedKeys(keys);
        assert.equal(read.state, state);
        if (read.state === "distrusted" && why) assert.match(read.why, why);
      }));
  }
});

Deno.test("another key folder counts only on a host that has none of its own", () =>
  withRoot(async ({ root, keys }) => {
    Deno.env.set("RAYOS_TRUSTED_KEYS", keys);
    try {
      assert.equal(await trustedKeysFolder(`${root}/none`), keys);
      assert.equal(await trustedKeysFolder(root), root);
    } finally {
      Deno.env.delete("RAYOS_TRUSTED_KEYS");
    }
    assert.equal(await trustedKeysFolder(`${root}/none`), `${root}/none`);
  }));

Deno.test("who demands a signature: keys on the host, a policy, the policy before it; and what does not satisfy", () =>
  withRoot(async ({ keys, root }) => {
    const [good, stranger] = [await policySigner(), await policySigner()];
    const bytes = utf8.encode(GOOD);
    const strict = await loadText("version = 0\n[security]\nrequire_signature = true\n", root);
    const plain = await loadText(GOOD, root);
    const none = await readTrustedKeys(keys);
    const judge = (
      signature: string | undefined,
      trusted: typeof none,
      before?: typeof plain,
      self?: typeof plain,
    ) =>
      judgeSignature({ bytes, signature, file: "p.toml" }, trusted, before, self).then(
        (state) => state.state,
        (error: Failure) => `${error.problem.reasons?.[0]?.rule}: ${error.message}`,
      );
    assert.equal(await judge(undefined, none, plain, plain), "not_demanded");
    assert.match(await judge(undefined, none, plain, strict), /signature_required: .*no \*\.pub/);
    assert.match(await judge(undefined, none, strict, plain), /policy in force is true/);
    await Deno.writeTextFile(`${keys}/good.pub`, good.open, { mode: 0o644 });
    const trusted = await readTrustedKeys(keys);
    assert.equal(await judge(await good.sign(GOOD), trusted, plain), "valid");
    assert.match(
      await judge(undefined, trusted, plain, plain),
      /signature_required: .*host trusts.*no p\.toml\.sig/,
    );
    assert.match(
      await judge(await good.sign(GOOD + " "), trusted),
      /signature_required: .*not of these bytes/,
    );
    assert.match(await judge(await stranger.sign(GOOD), trusted), /signature_required: .*not trusted/);
    assert.match(await judge("nonsense", trusted), /signature_required: .*no signature file/);
    await Deno.chmod(keys, 0o777);
    const shared = await readTrustedKeys(keys);
    assert.match(await judge(await good.sign(GOOD), shared), /signature_required: .*no key can be trusted/);
  }));

async function loadText(text: string, root: string): Promise<LoadedPolicy> {
  await Deno.writeTextFile(`${root}/text.toml`, text, { mode: 0o600 });
  return await readPolicy(`${root}/text.toml`, root);
}

Deno.test("a signed policy can't be followed by an unsigned one that leaves the demand out", {
  ignore: hostHasKeys,
}, () =>
  withRoot(async ({ root, policy, keys }) => {
    Deno.env.set("RAYOS_TRUSTED_KEYS", keys);
    try {
      const { open, sign } = await policySigner();
      await Deno.writeTextFile(`${keys}/a.pub`, open, { mode: 0o644 });
      const put = async (text: string, signature?: string): Promise<void> => {
        await Deno.writeTextFile(policy, text, { mode: 0o600 });
        if (signature !== undefined) await Deno.writeTextFile(`${policy}.sig`, signature, { mode: 0o600 });
      };
      const strict = "version = 0\n[security]\nrequire_signature = true\n";
      await put(strict, await sign(strict));
      const layout = layoutOf(root);
      const first = await nextPolicyState(layout, undefined);
      assert.ok(first.mode === "normal" && first.signedBy !== undefined);
      const after = async (before: PolicyState | undefined) => {
        const next = await nextPolicyState(layout, before);
        return next.mode === "normal" ? "normal" : next.reason.reasons?.[0]?.rule;
      };
      await put(GOOD);
      assert.equal(await after(first), "signature_required", "a reload");
      assert.equal(await after(undefined), "signature_required", "a restart");
      await Deno.remove(`${keys}/a.pub`);
      assert.equal(
        await after(first),
        "signature_required",
        "the keys are gone, the policy in force demands it",
      );
      await Deno.writeTextFile(`${keys}/a.pub`, open, { mode: 0o644 });
      await put(GOOD, await sign(GOOD));
      assert.equal(await after(first), "normal");
    } finally {
      Deno.env.delete("RAYOS_TRUSTED_KEYS");
    }
  }));
