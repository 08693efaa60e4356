import assert from "node:assert/strict";
import { Failure } from "../src/core/problem.ts";
import { FakeApi } from "../tests/fakes/fake_api.ts";
import { ManualClock } from "../tests/fakes/manual_clock.ts";
import { stubScreens } from "../tests/fakes/stub_screens.ts";
import { eventOf, guestView, sampleOf, statusView } from "../tests/fakes/tui_views.ts";
import { Runner } from "./effects.ts";
import type { Message } from "./messages.ts";
import type { Effect } from "./model.ts";
import type { WorkHost } from "./screen.ts";
import type { AllScreens } from "./screens/all.ts";
import { testModel } from "./testing.ts";

interface Rig {
  readonly clock: ManualClock;
  readonly runner: Runner;
  readonly messages: Message[];
  /** Whether the next connection may start a supervisor, for each that was tried. */
  readonly starts: boolean[];
  /** Something changed in the socket's folder. */
  readonly change: () => void;
  /** The next message of this type, from those that came or will. */
  readonly next: <T extends Message["type"]>(type: T) => Promise<Extract<Message, { type: T }>>;
}

async function withRunner(
  connect: () => Promise<FakeApi>,
  test: (rig: Rig) => Promise<void>,
  screens: AllScreens = stubScreens(),
): Promise<void> {
  const clock = new ManualClock(), messages: Message[] = [], starts: boolean[] = [];
  let change = () => {}, told = Promise.withResolvers<void>(), seen = 0;
  const terminal = {
    handOver: async (use: () => Promise<void>) => await use(),
    redraw: () => {},
    stop: () => Promise.resolve(),
    console: () => Promise.resolve(),
    quit: () => {},
  };
  const runner: Runner = new Runner(
    {
      clock,
      terminal,
      connect: async (start) => {
        starts.push(start);
        return await connect();
      },
      watch: (changed) => {
        change = changed;
        return () => change = () => {};
      },
    },
    screens,
    "/var/rayos",
    (message) => {
      messages.push(message);
      told.resolve();
      told = Promise.withResolvers();
    },
  );
  async function next<T extends Message["type"]>(type: T): Promise<Extract<Message, { type: T }>> {
    while (true) {
      for (; seen < messages.length; seen++) {
        const message = messages[seen];
        if (message?.type !== type) continue;
        seen++;
        return message as Extract<Message, { type: T }>; // its type was looked at
      }
      await told.promise;
    }
  }
  const running = runner.start();
  try {
    await test({ clock, runner, messages, starts, change: () => change(), next });
  } finally {
    await Promise.all([runner.stop(), running]);
  }
}

const web = guestView("web-1");
const answers = { "status": () => statusView([web]), "job.list": () => [] };

Deno.test("what streams tell comes as messages, made harmless", async () => {
  const api = new FakeApi(answers);
  await withRunner(() => Promise.resolve(api), async ({ next }) => {
    await next("connected");
    api.feeds.events.push(eventOf("RAYOS_VM:start", { vm: "web-1", said: "a\x1b[2Jb" }));
    assert.equal((await next("event")).event.fields.said, "ab");
    api.feeds.live.push(sampleOf([web]));
    assert.equal((await next("live")).sample.guests.length, 1);
  });
  assert.equal(api.closed, true);
});

Deno.test("a supervisor that ends is looked for again: at a change of its folder, else after a growing pause", async () => {
  const apis = [new FakeApi(answers), undefined, undefined, new FakeApi(answers)];
  const connect = () => {
    const api = apis.shift();
    return api
      ? Promise.resolve(api)
      : Promise.reject(new Failure({ code: "no_supervisor", message: "nobody" }));
  };
  const first = apis[0];
  await withRunner(connect, async ({ clock, starts, change, next }) => {
    await next("connected");
    first?.feeds.events.end();
    assert.equal((await next("lost")).why, "the supervisor has ended");
    change();
    assert.equal((await next("lost")).why, "nobody");
    clock.advance(499);
    assert.equal(starts.length, 2);
    clock.advance(1);
    await next("lost");
    clock.advance(1000);
    await next("connected");
    assert.deepEqual(starts, [true, false, false, false]);
  });
});

Deno.test("one that was stopped is started again only when that is asked for", async () => {
  let tries = 0;
  const connect = () => {
    tries++;
    const api = new FakeApi(answers);
    api.feeds.live.end();
    return Promise.resolve(api);
  };
  await withRunner(connect, async ({ runner, starts, next }) => {
    await next("lost");
    runner.run({ do: "reconnect" });
    await next("lost");
    assert.deepEqual([starts, tries], [[true, true], 2]);
  });
});

Deno.test("a supervisor that says nothing for long is taken for lost", async () => {
  await withRunner(() => Promise.resolve(new FakeApi(answers)), async ({ clock, next }) => {
    await next("connected");
    clock.advance(15_000);
    assert.match((await next("lost")).why, /has said nothing for 15 s/);
  });
});

Deno.test("status is asked for at once, and however often that is wanted then, once more after a pause", async () => {
  const api = new FakeApi(answers);
  await withRunner(() => Promise.resolve(api), async ({ clock, runner, next }) => {
    await next("connected");
    for (let i = 0; i < 10; i++) runner.run({ do: "refresh" });
    await next("jobs");
    const asked = () => api.asked.filter(({ action }) => action === "status").length;
    assert.equal(asked(), 1);
    runner.run({ do: "refresh" });
    clock.advance(80);
    await next("jobs");
    assert.equal(asked(), 2);
    clock.advance(1000);
    assert.equal(asked(), 2);
  });
});

Deno.test("what becomes of an action is told, also when nobody is there to be asked", async () => {
  const why = new Failure({ code: "denied", message: "denied by policy" });
  const api = new FakeApi({
    ...answers,
    "vm.start": () => {
      throw why;
    },
  });
  const effect: Effect = { do: "perform", action: "vm.start", params: { id: "web-1" } };
  await withRunner(() => Promise.resolve(api), async ({ runner, next }) => {
    runner.run(effect);
    const early = await next("came");
    assert.ok(!early.result.ok && early.result.problem.code === "no_supervisor");
    await next("connected");
    runner.run(effect);
    const { result } = await next("came");
    assert.deepEqual(!result.ok && result.problem, why.problem);
    runner.run({ do: "ask", tag: "t", action: "status", params: {} });
    const { tag, result: answer } = await next("answered");
    assert.deepEqual([tag, answer.ok], ["t", true]);
  });
});

Deno.test("it ticks while something grows older, and not otherwise", async () => {
  await withRunner(() => Promise.resolve(new FakeApi(answers)), async ({ clock, runner, next }) => {
    await next("connected");
    const before = clock.armed;
    runner.settle(testModel({ connection: { kind: "connected", since: 0 } }));
    assert.equal(clock.armed, before);
    runner.settle(testModel({ toasts: [{ id: 1, tone: "good", text: "done", at: 0 }] }));
    runner.settle(testModel({ guests: [guestView("a", { started_at: "2026-01-31T11:00:00.000Z" })] }));
    assert.equal(clock.armed, before + 1);
    clock.advance(1000);
    await next("tick");
  });
});

Deno.test("its end calls off what screens have under way, and waits until that has ended, but not for ever", async () => {
  for (const ends of [true, false]) {
    const stubs = stubScreens(), left = Promise.withResolvers<void>();
    const work = async (_work: unknown, { signal }: WorkHost) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await left.promise; // a program takes its time
    };
    const screens = { ...stubs, preflight: { ...stubs.preflight, work } };
    await withRunner(() => Promise.resolve(new FakeApi(answers)), async ({ clock, runner, next }) => {
      await next("connected");
      runner.run({ do: "screen", screen: "preflight", work: {} });
      let isOver = false;
      const stopping = runner.stop().then(() => isOver = true);
      await new Promise((resolve) => setTimeout(resolve)); // whatever can go on has done so
      assert.equal(isOver, false);
      if (ends) left.resolve();
      else clock.advance(2_000);
      await stopping;
      left.resolve();
    }, screens);
  }
});
