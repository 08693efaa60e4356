import assert from "node:assert/strict";
import { folderDistrust, isTrusty, readChecked } from "./checked_file.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "rv-checked-" }));
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function refusal(path: string, within?: string, beforeOpen?: (path: string) => void): Promise<string> {
  const read = await readChecked(path, {
    maxBytes: 16,
    ...(within === undefined ? {} : { within }),
    ...(beforeOpen ? { beforeOpen } : {}),
  });
  return read.ok ? `read ${new TextDecoder().decode(read.file.bytes)}` : read.why.kind;
}

Deno.test("readChecked() reads a regular file with the owner and mode of what was opened", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "text", { mode: 0o640 });
    await Deno.chmod(`${folder}/a`, 0o640);
    const read = await readChecked(`${folder}/a`, { maxBytes: 4 });
    assert.ok(read.ok);
    assert.deepEqual([read.file.mode, read.file.uid, read.file.realPath], [0o640, Deno.uid(), `${folder}/a`]);
  }));

Deno.test("readChecked() names what it does not read: nothing there, a folder, a fifo, a device, too large", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/large`, "x".repeat(17));
    await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    assert.equal(await refusal(`${folder}/none`), "missing");
    assert.equal(await refusal(`${folder}/large/none`), "missing");
    assert.equal(await refusal(folder), "not_regular");
    assert.equal(await refusal(`${folder}/fifo`), "not_regular");
    assert.equal(await refusal("/dev/zero"), "not_regular");
    assert.equal(await refusal(`${folder}/large`), "too_large");
  }));

Deno.test("readChecked() follows a symbolic link only to where it may lead", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/policy/deep`, { recursive: true });
    await Deno.mkdir(`${folder}/policy2`);
    await Deno.writeTextFile(`${folder}/policy/deep/real`, "inside");
    await Deno.writeTextFile(`${folder}/policy2/real`, "outside");
    const link = async (target: string) => {
      await Deno.remove(`${folder}/policy/link`).catch(() => {});
      await Deno.symlink(target, `${folder}/policy/link`);
      return await refusal(`${folder}/policy/link`, `${folder}/policy`);
    };
    assert.equal(await link("deep/real"), "read inside");
    assert.equal(await link(`${folder}/policy/deep/real`), "read inside");
    assert.equal(await link("../policy2/real"), "outside");
    assert.equal(await link("nowhere"), "dangling");
    assert.equal(await link("link"), "dangling");
    await Deno.symlink("../../policy2/real", `${folder}/policy/deep/out`);
    assert.equal(await link("deep/out"), "outside", "a link to a link is followed to its end");
    assert.equal(
      await refusal(`${folder}/policy/link`),
      "read outside",
      "without a folder it may lead anywhere",
    );
  }));

Deno.test("readChecked() sees when the file is exchanged between the look and the opening", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a`;
    await Deno.writeTextFile(path, "good");
    await Deno.writeTextFile(`${folder}/evil`, "evil");
    assert.equal(await refusal(path, folder, (real) => Deno.renameSync(`${folder}/evil`, real)), "exchanged");
    await Deno.writeTextFile(`${folder}/outside`, "evil");
    const swap = (real: string) => {
      Deno.removeSync(real);
      Deno.symlinkSync(`${folder}/outside`, real);
    };
    assert.equal(await refusal(path, folder, swap), "exchanged");
    await Deno.remove(path);
    await Deno.writeTextFile(path, "good");
    assert.equal(await refusal(path, folder, (real) => Deno.removeSync(real)), "missing");
  }));

Deno.test("a folder is trusted only when nobody else can write to it, nor exchange it from above", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/up/keys`, { recursive: true });
    for (const path of [`${folder}/up`, `${folder}/up/keys`]) await Deno.chmod(path, 0o755);
    assert.equal(await folderDistrust(`${folder}/up/keys`), undefined);
    await Deno.chmod(`${folder}/up/keys`, 0o775);
    assert.match(await folderDistrust(`${folder}/up/keys`) ?? "", /up\/keys has mode 0775/);
    await Deno.chmod(`${folder}/up/keys`, 0o755);
    await Deno.chmod(`${folder}/up`, 0o777);
    assert.match(await folderDistrust(`${folder}/up/keys`) ?? "", /up has mode 0777/);
    await Deno.chmod(`${folder}/up`, 0o1777);
    assert.equal(
      await folderDistrust(`${folder}/up/keys`),
      undefined,
      "the sticky bit keeps what others own",
    );
    assert.match(await folderDistrust(`${folder}/none`) ?? "", /not a folder/);
  }));

Deno.test("a file is trusted when it belongs to root or to this user and others can't write to it", () => {
  const own = Deno.uid() ?? -1;
  assert.ok(isTrusty({ mode: 0o644, uid: own }) && isTrusty({ mode: 0o600, uid: 0 }));
  for (const mode of [0o664, 0o646, 0o666]) assert.ok(!isTrusty({ mode, uid: own }));
  assert.ok(!isTrusty({ mode: 0o600, uid: 54321 }));
});
