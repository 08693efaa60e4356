import assert from "node:assert/strict";
import fc from "fast-check";
import { linuxText } from "../../tests/properties/answers_arbitrary.ts";
import { checkCloudConfigs } from "../../tests/guest/cloud_init.ts";
import { hostnameOf, noCloudSeed } from "./no_cloud.ts";
import { TEST_HASH, testAnswers, testId } from "./testing.ts";

const FIXTURES = new URL("../../tests/fixtures/unattended/", import.meta.url);

function files(text: string, passwordHash: string | undefined = TEST_HASH) {
  const answers = testAnswers(text);
  assert.ok(answers.type === "linux");
  const facts = { id: testId("web.1"), instanceId: "web.1-0001", ...(passwordHash ? { passwordHash } : {}) };
  return noCloudSeed(answers, facts);
}

const fixture = (name: string) => Deno.readTextFileSync(new URL(`${name}.toml`, FIXTURES));

async function said(texts: readonly string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const paths = texts.map((_, index) => `${folder}/${index}`);
    await Promise.all(texts.map((text, index) => Deno.writeTextFile(`${folder}/${index}`, text)));
    return await checkCloudConfigs(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("cloud-init takes the user-data of the fixtures and of any valid answers, and finds a fault where there is one", async () => {
  const texts = [fixture("linux-plain"), fixture("linux-every-key"), ...fc.sample(linuxText, 30)];
  const good = texts.map((text) => files(text)["user-data"]);
  const { code, stdout, stderr } = await said(good);
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stdout.match(/^Valid cloud-config/gm)?.length, good.length);
  const bad = await said([good[0]?.replace("lock_passwd", "lock_password") ?? ""]);
  assert.equal(bad.code, 1, bad.stdout);
});

Deno.test("without a password the account is locked and its owner may use sudo without one", () => {
  const locked = files(fixture("linux-plain"), "")["user-data"];
  assert.match(locked, /lock_passwd: true/);
  assert.match(locked, /sudo: "ALL=\(ALL\) NOPASSWD:ALL"/);
  assert.doesNotMatch(locked, /\$6\$/);
  const hashed = files(fixture("linux-plain"))["user-data"];
  assert.match(hashed, /lock_passwd: false/);
  assert.match(hashed, /sudo: "ALL=\(ALL\) ALL"/);
  assert.doesNotMatch(files(fixture("linux-every-key"))["user-data"], /sudo/);
});

Deno.test("without a network no package is asked for, and no card is waited for", () => {
  const off = files(fixture("linux-plain")), on = files(fixture("linux-every-key"));
  assert.doesNotMatch(off["user-data"], /package/);
  assert.match(off["network-config"], /optional: true/);
  assert.match(on["user-data"], /packages: \["qemu-guest-agent", "nginx"\]/);
  assert.match(on["network-config"], /optional: false/);
});

Deno.test("the guest goes off at the very end, and only when all was done", () => {
  for (const name of ["linux-plain", "linux-every-key"]) {
    const data = files(fixture(name))["user-data"];
    assert.match(data, /runcmd:\n {2}- "set -e"\n/);
    assert.match(
      data,
      /\n {2}- \["touch", "(\/run\/[a-z-]+)"\]\npower_state:\n {2}mode: "poweroff"\n {2}delay: "now"\n {2}condition: \["test", "-e", "\1"\]\n$/,
    );
  }
});

Deno.test("a host name is made of any id", () => {
  assert.deepEqual(["web", "a.b_c", "a--", "1.2"].map((id) => hostnameOf(testId(id))), [
    "web",
    "a-b-c",
    "a",
    "1-2",
  ]);
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/).filter((id) => !id.includes("..")), (id) => {
      assert.match(hostnameOf(testId(id)), /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    }),
  );
});
