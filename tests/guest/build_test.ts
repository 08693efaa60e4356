import assert from "node:assert/strict";
import { Failure } from "../../src/core/problem.ts";
import { bootGuest } from "./boot.ts";
import { buildGuest, type BuildProgress, distributionOf, isKernel, isLibrary } from "./build.ts";
import { arArchive } from "./packages.ts";
import { GUEST_MEMORY_MIB } from "./recipe.ts";

const CACHE = new URL("../../dist/guest", import.meta.url).pathname;

Deno.test("distributionOf() knows Debian, Ubuntu and what is like them, and refuses others with a hint", () => {
  assert.equal(distributionOf('ID=debian\nVERSION_ID="12"\n'), "debian");
  assert.equal(distributionOf("ID=ubuntu\nID_LIKE=debian\n"), "ubuntu");
  assert.equal(distributionOf('ID=linuxmint\nID_LIKE="ubuntu debian"\n'), "ubuntu");
  assert.equal(distributionOf("ID=raspbian\nID_LIKE=debian\n"), "debian");
  assert.throws(
    () => distributionOf("ID=fedora\n"),
    (error) => error instanceof Failure && error.code === "missing" && error.problem.hint !== undefined,
  );
});

Deno.test("isKernel() tells the package with the kernel from the one that only names it", () => {
  assert.equal(isKernel("linux-image-6.1.0-56-cloud-amd64"), true);
  assert.equal(isKernel("linux-modules-6.8.0-50-generic"), true);
  assert.equal(isKernel("linux-image-cloud-amd64"), false);
  assert.equal(isLibrary("libc6"), true);
  assert.equal(isLibrary("libfile-find-rule-perl"), false);
});

Deno.test("arArchive() aligns every member to two bytes", () => {
  const text = new TextDecoder().decode(arArchive([
    { name: "debian-binary", data: new TextEncoder().encode("2.0") },
    { name: "data.tar.xz", data: new Uint8Array(2) },
  ]));
  assert.equal(text.slice(0, 8), "!<arch>\n");
  assert.equal(text.slice(8 + 48, 8 + 60), "3         `\n");
  assert.equal(text.slice(8 + 60 + 4, 8 + 60 + 15), "data.tar.xz");
});

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("buildGuest() that is cancelled says so and leaves nothing behind", () =>
  inTempDir(async (dir) => {
    const abort = new AbortController();
    const onProgress = (progress: BuildProgress) => {
      if (progress.step === "download") abort.abort();
    };
    await assert.rejects(
      buildGuest({ cacheDir: dir, signal: abort.signal, onProgress }),
      (error) => error instanceof Failure && error.code === "cancelled",
    );
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  }));

Deno.test("buildGuest() without any source of packages says what apt-get said and leaves nothing behind", () =>
  inTempDir(async (dir) => {
    const nowhere = ["Dir::Etc::sourcelist=/dev/null", "Dir::Etc::sourceparts=/dev/null"];
    await assert.rejects(
      buildGuest({ cacheDir: dir, aptSettings: nowhere }),
      (error) =>
        error instanceof Failure && error.code === "missing" && /apt-get could not/.test(error.message),
    );
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  }));

Deno.test("two builds at once end with the same image, and the next one finds it without asking", async () => {
  const [one, two] = await Promise.all([buildGuest({ cacheDir: CACHE }), buildGuest({ cacheDir: CACHE })]);
  assert.deepEqual(one, two);
  const steps: string[] = [];
  const found = await buildGuest({ cacheDir: CACHE, onProgress: ({ step }) => steps.push(step) });
  assert.deepEqual([found, steps], [one, ["find"]]);
});

for (const secureBoot of [false, true]) {
  const how = secureBoot ? "with Secure Boot enforced" : "without Secure Boot";
  Deno.test(`the guest boots ${how}, its agent answers, and it powers off when the agent is told to`, () =>
    inTempDir(async (folder) => {
      const { image } = await buildGuest({ cacheDir: CACHE });
      const guest = await bootGuest({ image, folder, secureBoot, memoryMib: GUEST_MEMORY_MIB });
      try {
        await guest.waitFor(secureBoot ? /EFI SecureBoot=01$/ : /EFI SecureBoot=00$/);
        await guest.waitFor(/^DISK vda boots=1$/);
        await guest.waitFor(/^INPUT-ADD event\d+ QEMU Virtio Keyboard$/);
        await guest.waitFor(/^GUEST-READY v1 up=\d+\.\d+$/);
        assert.match(await guest.agent('{"execute":"guest-get-osinfo"}') ?? "", /rayvisor test guest/);
        const off = guest.agent('{"execute":"guest-shutdown"}');
        await guest.waitFor(/^SHUTDOWN poweroff$/);
        assert.equal(await guest.exited, 0);
        await off;
      } finally {
        await guest.close();
      }
    }));
}
