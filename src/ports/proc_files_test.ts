import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { readKernelFiles, readKernelFilesApart, textsByPath, writeCgroupFiles } from "./proc_files.ts";

Deno.test("writeCgroupFiles() writes nowhere but below cgroupfs", async () => {
  for (const path of ["/etc/motd", "/sys/fs/cgroup", "/sys/fs/cgroup/../../../etc/motd", "/proc/self/comm"]) {
    await assert.rejects(writeCgroupFiles("x", "/sys/fs/cgroup/a/b", path), TypeError, path);
  }
});

Deno.test("writeCgroupFiles() fails with the kernel's words when a file does not take the text", async () => {
  await assert.rejects(
    writeCgroupFiles("7", "/sys/fs/cgroup/there-is-none/cgroup.procs"),
    (error: unknown) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.code, "io");
      assert.match(error.message, /did not take "7": .*there-is-none\/cgroup\.procs/);
      return true;
    },
  );
});

Deno.test("readKernelFiles() gives several texts one after the other, and nothing when one is missing", async () => {
  const both = await readKernelFiles("/proc/self/comm", "/proc/sys/kernel/ostype");
  assert.equal(both, "cat\nLinux\n");
  assert.equal(await readKernelFiles("/proc/self/comm", "/proc/self/there-is-none"), undefined);
});

Deno.test("readKernelFilesApart() gives each text by its path, and leaves out what is not there", async () => {
  const paths = ["/proc/sys/kernel/ostype", "/proc/no/such", "/proc/self/status", "/proc/meminfo"];
  const texts = await readKernelFilesApart(paths);
  assert.deepEqual([...texts.keys()], ["/proc/sys/kernel/ostype", "/proc/self/status", "/proc/meminfo"]);
  assert.equal(texts.get("/proc/sys/kernel/ostype"), "Linux\n");
  assert.match(texts.get("/proc/self/status") ?? "", /^Name:\tgrep\n/);
  assert.equal((await readKernelFilesApart([])).size, 0);
  await assert.rejects(readKernelFilesApart(["/etc/passwd"]), TypeError);
});

Deno.test("textsByPath() is misled by no line, whatever stands in it", () => {
  const texts = textsByPath(["/proc/a", "/proc/b"], "/proc/a:x\n/proc/a:\n/proc/a:/proc/b:y\n/proc/b:z\n");
  assert.deepEqual([...texts], [["/proc/a", "x\n\n/proc/b:y\n"], ["/proc/b", "z\n"]]);
  assert.deepEqual([...textsByPath(["/proc/a"], "")], []);
});
