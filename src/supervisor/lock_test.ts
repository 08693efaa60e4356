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

/** flock(2) can't be called off: a wait that nobody needs any more ends a moment after the lock is free, after the test. */
const LATE_WAIT = { sanitizeOps: false, sanitizeResources: false } as const;

const isBusy = (error: unknown) =>
  error instanceof Failure && error.code === "busy" && /pid 1\)/.test(error.message);

Deno.test("lockRoot() names the holder when that one serves", LATE_WAIT, () =>
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

Deno.test(
  "lockRoot() waits for a holder that is starting, and names it once it serves",
  LATE_WAIT,
  () =>
    inFolder(async (root) => {
      const lock = await lockRoot(root, 1);
      const next = assert.rejects(lockRoot(root, 2), isBusy);
      const listener = Deno.listen({ transport: "unix", path: root.socket });
      (await listener.accept()).close();
      await next;
      listener.close();
      lock.release();
    }),
);

Deno.test(
  "lockRoot() gives up on a holder that neither serves nor ends",
  LATE_WAIT,
  () =>
    inFolder(async (root) => {
      const lock = await lockRoot(root, 1);
      await assert.rejects(lockRoot(root, 2, 50), isBusy);
      lock.release();
    }),
);
