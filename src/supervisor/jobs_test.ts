import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTION_IDS, type ActionId, actionSpec } from "../actions/table.ts";
import { parseVmId, type VmId } from "../core/ids.ts";
import { fail, Failure } from "../core/problem.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { admit, type Job, Jobs } from "./jobs.ts";

const VM = parseVmId("g1") ?? fail("internal", "g1 is an id");

let count = 0;
function request(action: ActionId, vm: VmId = VM) {
  return { id: `job-${++count}`, action, vm, actor: { kind: "local" } as const };
}

const CHANGES = ACTION_IDS.filter((id) => actionSpec(id).timeoutS !== undefined);

Deno.test("every action that changes something has a longest time, and none that only reads has one", () => {
  for (const id of ACTION_IDS) {
    const { policy, risk, timeoutS } = actionSpec(id);
    assert.equal(timeoutS !== undefined, policy !== null || risk !== "none", id);
  }
});

Deno.test("admit() lets anything begin on a guest that is free, and answers every pair by the table", () => {
  for (const asked of CHANGES) {
    assert.deepEqual(admit(asked, undefined, []), { kind: "go" });
    for (const holder of CHANGES) {
      const { kind } = admit(asked, holder, []);
      const { whenBusy } = actionSpec(asked);
      const expected = whenBusy === "interrupt"
        ? "go"
        : whenBusy === "wait" && asked !== holder
        ? "wait"
        : "refuse";
      assert.equal(kind, expected, `${asked} while ${holder} is under way`);
    }
  }
  assert.equal(admit("vm.stop", "vm.start", ["vm.stop"]).kind, "refuse", "one that waits is enough");
  const many = Array.from({ length: 8 }, (): ActionId => "vm.pause");
  assert.equal(admit("vm.stop", "vm.start", many).kind, "refuse", "the queue has an end");
});

Deno.test("on one guest one job runs at a time, the others in the order of their asking; on two guests two run", async () => {
  const jobs = new Jobs(new ManualClock());
  const first = await jobs.enter(request("vm.start"));
  const entered: string[] = [];
  const waiting = (["vm.pause", "vm.stop"] as const).map((action) =>
    jobs.enter(request(action)).then((job) => {
      entered.push(action);
      return job;
    })
  );
  const other = await jobs.enter(request("vm.start", parseVmId("g2") ?? VM));
  assert.deepEqual(jobs.list().map(({ state }) => state), ["running", "waiting", "waiting", "running"]);
  await assert.rejects(jobs.enter(request("vm.delete")), (e) => e instanceof Failure && e.code === "busy");
  await jobs.leave(first);
  const pause = await waiting[0];
  assert.deepEqual(entered, ["vm.pause"]);
  assert.equal(jobs.on(VM), pause);
  await jobs.leave(pause as Job);
  await jobs.leave(await waiting[1] as Job);
  assert.deepEqual(entered, ["vm.pause", "vm.stop"]);
  await jobs.leave(other);
  assert.deepEqual(jobs.list(), []);
  assert.equal(jobs.on(VM), undefined);
});

Deno.test("a guest is free when the last job in its turn has left", async () => {
  const jobs = new Jobs(new ManualClock());
  await jobs.whenFree(VM);
  const first = await jobs.enter(request("vm.start"));
  const second = jobs.enter(request("vm.stop"));
  let isFree = false;
  const free = jobs.whenFree(VM).then(() => {
    isFree = true;
  });
  await jobs.leave(first);
  const job = await second;
  assert.equal(isFree, false);
  await jobs.leave(job);
  await free;
  assert.equal(jobs.on(VM), undefined);
});

Deno.test("a job that waits is called off at once and never begins; what comes behind it begins in its place", async () => {
  const jobs = new Jobs(new ManualClock());
  const first = await jobs.enter(request("vm.start"));
  const gone = request("vm.pause");
  const calledOff = jobs.enter(gone);
  const next = jobs.enter(request("vm.stop"));
  jobs.callOff(gone.id);
  await assert.rejects(calledOff, (e) => e instanceof Failure && e.code === "cancelled");
  assert.throws(() => jobs.callOff(gone.id), (e) => e instanceof Failure && e.code === "not_found");
  await jobs.leave(first);
  assert.equal((await next).request.action, "vm.stop");
});

Deno.test("a job whose time is over is asked to undo itself, and ends as what it throws then", async () => {
  const clock = new ManualClock();
  const job = await new Jobs(clock).enter(request("vm.start"));
  const done = job.within(
    1000,
    (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  clock.advance(1000);
  await assert.rejects(
    done,
    (e) => e instanceof Failure && e.code === "cancelled" && /within 1 s/.test(e.message),
  );
});

Deno.test("a job that does not end when it is called off is an unknown outcome, and keeps its guest until it has ended", async () => {
  const clock = new ManualClock();
  const jobs = new Jobs(clock);
  const job = await jobs.enter(request("vm.start"));
  const acting = Promise.withResolvers<void>();
  const done = job.within(1000, () => acting.promise);
  job.callOff("called off");
  clock.advance(60_000);
  await assert.rejects(done, (e) => e instanceof Failure && e.code === "outcome_unknown");
  const left = jobs.leave(job);
  let begun = false;
  const next = jobs.enter(request("vm.stop")).then(() => begun = true);
  await Promise.resolve();
  assert.equal(begun, false);
  acting.resolve();
  await left;
  await next;
});

Deno.test("a job that was called off before it began to act does nothing", async () => {
  const job = await new Jobs(new ManualClock()).enter(request("vm.start"));
  job.callOff("called off");
  let acted = false;
  await assert.rejects(job.within(1000, () => {
    acted = true;
    return Promise.resolve();
  }));
  assert.equal(acted, false);
});

Deno.test("whatever is asked, called off and ended in whatever order, no guest has two jobs and every job settles once", async () => {
  const step = fc.record({ action: fc.constantFrom(...CHANGES), off: fc.boolean(), end: fc.nat(5) });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const jobs = new Jobs(new ManualClock());
    const running = new Set<Job>();
    let settled = 0;
    for (const { action, off, end } of steps) {
      const asked = request(action);
      void jobs.enter(asked).then((job) => {
        const exclusive = (one: Job) => actionSpec(one.request.action).whenBusy !== "interrupt";
        if (exclusive(job)) assert.ok(![...running].some(exclusive), "one at a time");
        running.add(job);
      }, () => {}).finally(() => settled++);
      await Promise.resolve();
      if (off && jobs.list().some(({ job }) => job === asked.id)) jobs.callOff(asked.id);
      const ending = [...running][end];
      if (!ending) continue;
      running.delete(ending);
      await jobs.leave(ending);
    }
    for (let turns = 0; settled < steps.length && turns < 200; turns++) {
      const [one] = running;
      if (one) {
        running.delete(one);
        await jobs.leave(one);
      } else await Promise.resolve();
    }
    assert.equal(settled, steps.length);
  }));
});
