import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { MIB } from "../core/units.ts";
import type { DiskSpace } from "../ports/disk_space.ts";
import { IDLE_MS, RUNNING_MS, SpaceWatch, WAITING_MS, type WatchedGuest } from "./space_watch.ts";

/** A host with a file system `root`, on which everything lies, and one of its own for what is below `/root/vm/far`. */
class FakeHost {
  readonly clock = new ManualClock();
  readonly places = ["/root", "/root/logs", "/root/run"];
  readonly said: string[] = [];
  readonly wentOn: string[] = [];
  readonly waited: string[] = [];
  looks = 0;
  runs: WatchedGuest[] = [];
  readonly free = new Map([["root", 50 * MIB], ["far", 50 * MIB]]);

  readonly fileSystemOf = (path: string) =>
    Promise.resolve(path.startsWith("/root/vm/far") ? "far" : path.startsWith("/root") ? "root" : undefined);
  readonly spaceOf = async (path: string): Promise<DiskSpace | undefined> => {
    const freeBytes = this.free.get(await this.fileSystemOf(path) ?? "");
    return freeBytes === undefined
      ? undefined
      : { freeBytes, totalBytes: 64 * MIB, freeInodes: 0, totalInodes: 0 };
  };
  readonly guests = () => {
    this.looks++;
    return Promise.resolve(this.runs);
  };
  readonly say = ({ level, sample }: { level: string; sample: { path: string } }) =>
    void this.said.push(`${level} ${sample.path}`);
  readonly waits = (vm: string, path: string) => void this.waited.push(`${vm} ${path}`);
  readonly goOn = (vm: string) => void this.wentOn.push(vm);
}

async function watching(use: (host: FakeHost, watch: SpaceWatch) => Promise<void>): Promise<void> {
  const host = new FakeHost();
  const watch = new SpaceWatch(host);
  await watch.start();
  try {
    await use(host, watch);
  } finally {
    watch.stop();
    assert.equal(host.clock.armed, 0, "a watch that was stopped waits for nothing");
  }
}

/** Lets time pass, and a look that begins by it come to its end. */
async function pass(host: FakeHost, watch: SpaceWatch, ms: number): Promise<void> {
  const before = host.looks;
  host.clock.advance(ms);
  if (host.looks > before) await watch.look();
}

Deno.test("how often the room is looked at depends on who needs it", () =>
  watching(async (host, watch) => {
    const looksAfter = async (ms: number) => {
      const before = host.looks;
      await pass(host, watch, ms - 1);
      assert.equal(host.looks, before, `not before ${ms} ms`);
      host.clock.advance(1);
      assert.equal(host.looks, before + 1);
      await watch.look();
    };
    await looksAfter(IDLE_MS);
    host.runs = [{ vm: "a", folders: [] }];
    watch.lookSoon();
    await watch.look();
    await looksAfter(RUNNING_MS);
    host.runs = [{ vm: "a", folders: [], waitsIn: ["/root/vm"] }];
    await watch.look();
    await looksAfter(WAITING_MS);
    assert.equal(host.clock.armed, 1);
  }));

Deno.test("each change of a file system is said once, under the most general of the paths on it", () =>
  watching(async (host, watch) => {
    host.runs = [{ vm: "a", folders: ["/root/vm/far/a", "/root/vm/near"] }];
    host.free.set("far", 5 * MIB);
    await watch.look();
    await watch.look();
    assert.deepEqual(host.said, ["low /root/vm/far/a"]);
    host.free.set("root", 0);
    await watch.look();
    host.free.set("root", 60 * MIB);
    await watch.look();
    assert.deepEqual(host.said.slice(1), ["full /root", "ok /root"]);
    assert.deepEqual(watch.spaces.map(({ path, level }) => [path, level]), [
      ["/root", "ok"],
      ["/root/vm/far/a", "low"],
    ]);
  }));

Deno.test("a guest that waits goes on within a second of there being room, and only where its own disk lies", () =>
  watching(async (host, watch) => {
    host.runs = [{ vm: "a", folders: ["/root/vm/far/a"], waitsIn: ["/root/vm/far/a"] }];
    host.free.set("far", 0);
    await watch.look();
    assert.deepEqual(host.waited, ["a /root/vm/far/a"]);
    await pass(host, watch, WAITING_MS);
    assert.deepEqual(host.wentOn, [], "there is room on another file system, which helps nobody");
    host.free.set("far", 30 * MIB);
    await pass(host, watch, WAITING_MS);
    assert.deepEqual(host.wentOn, ["a"]);
  }));

Deno.test("a guest that is not let go on for another reason is tried again at the next look; one that fails again is not", () =>
  watching(async (host, watch) => {
    host.runs = [{ vm: "a", folders: [], waitsIn: ["/root/vm"] }];
    await watch.look();
    assert.deepEqual(host.wentOn, ["a"]);
    await pass(host, watch, WAITING_MS);
    assert.deepEqual(host.wentOn, ["a"], "it came to stand still again directly after");
    watch.forget("a");
    await pass(host, watch, WAITING_MS);
    assert.deepEqual(host.wentOn, ["a", "a"]);
    host.runs = [];
    await watch.look();
    host.runs = [{ vm: "a", folders: [], waitsIn: ["/root/vm"] }];
    await watch.look();
    assert.deepEqual(host.wentOn, ["a", "a", "a"], "what was remembered of a run ends with it");
  }));

Deno.test("looks don't overlap, one that is asked for meanwhile comes after, and one that fails is not the last", () =>
  watching(async (host, watch) => {
    const before = host.looks;
    await Promise.all([watch.look(), watch.look(), watch.look()]);
    assert.equal(host.looks, before + 2);
    const { guests } = host;
    Object.assign(host, { guests: () => Promise.reject(new Error("not now")) });
    await watch.look();
    Object.assign(host, { guests });
    host.free.set("root", 0);
    host.clock.advance(IDLE_MS);
    await watch.look();
    assert.deepEqual(host.said, ["full /root"]);
  }));

Deno.test("a watch that was not started looks when it is asked to, and never by itself", async () => {
  const host = new FakeHost();
  const watch = new SpaceWatch(host);
  watch.lookSoon();
  assert.equal(host.looks, 0);
  await watch.look();
  assert.equal(host.clock.armed, 0);
});
