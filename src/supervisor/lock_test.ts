import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { lockRoot } from "./lock.ts";

async function inFolder(
  test: (root: { root: string; lock: string; socket: string }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test({ root, lock: `${root}/lock`, socket: `${root}/socket` });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const isBusy = (error: unknown) =>
  error instanceof Failure && error.code === "busy" && /pid 1\)/.test(error.message);

Deno.test("lockRoot() names the holder when that one serves", () =>
  inFolder(async (root) => {
    const lock = await lockRoot(root, 1);
    const listener = Deno.listen({ transport: "unix", path: root.socket });
    const accepted = listener.accept();
    await assert.rejects(lockRoot(root, 2), isBusy);
    (await accepted).close();
    listener.close();
    assert.equal(await Deno.readTextFile(root.lock), "1\n");
    lock.release();
  }));

Deno.test("lockRoot() waits for a holder that ends without serving, and takes the lock over", () =>
  inFolder(async (root) => {
    const lock = await lockRoot(root, 1);
    const next = lockRoot(root, 2);
    lock.release();
    const taken = await next;
    assert.equal(await Deno.readTextFile(root.lock), "2\n");
    taken.release();
  }));

Deno.test("lockRoot() waits for a holder that is starting, and names it once it serves", () =>
  inFolder(async (root) => {
    const lock = await lockRoot(root, 1);
    const next = assert.rejects(lockRoot(root, 2), isBusy);
    const listener = Deno.listen({ transport: "unix", path: root.socket });
    (await listener.accept()).close();
    await next;
    listener.close();
    lock.release();
  }));

Deno.test("lockRoot() gives up on a holder that neither serves nor ends", () =>
  inFolder(async (root) => {
    const lock = await lockRoot(root, 1);
    await assert.rejects(lockRoot(root, 2, 50), isBusy);
    lock.release();
  }));
