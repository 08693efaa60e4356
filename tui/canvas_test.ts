import assert from "node:assert/strict";
import { stubScreens } from "../tests/fakes/stub_screens.ts";
import { Canvas } from "./canvas.ts";
import type { Model } from "./model.ts";
import { ENTER, LEAVE } from "./paint.ts";
import { testModel } from "./testing.ts";

/** A terminal that takes a text when it is told to. */
class SlowTerminal {
  readonly texts: string[] = [];
  #taken = Promise.withResolvers<void>();

  readonly write = (text: string): Promise<void> => {
    this.texts.push(text);
    this.#taken = Promise.withResolvers();
    return this.#taken.promise;
  };

  /** Takes what was written last, and lets what waits for that come. */
  async take(): Promise<void> {
    this.#taken.resolve();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

const screens = stubScreens();

function opened(): { terminal: SlowTerminal; canvas: Canvas } {
  const terminal = new SlowTerminal();
  const canvas = new Canvas(screens, terminal.write);
  canvas.open();
  return { terminal, canvas };
}

function titled(root: string): Model {
  return testModel({ root, size: { columns: 80, rows: 24 } }, screens);
}

Deno.test("a terminal that is still taking a frame gets the newest one next, and none between", async () => {
  const { terminal, canvas } = opened();
  canvas.draw(titled("/first"));
  await terminal.take();
  for (const root of ["/second", "/third", "/fourth"]) canvas.draw(titled(root));
  await terminal.take();
  await terminal.take();
  canvas.draw(titled("/fifth"));
  await terminal.take();
  canvas.draw(titled("/fifth"));
  await terminal.take();
  const roots = terminal.texts.map((text) => /\/(\w+)/.exec(text)?.[1]);
  assert.deepEqual(roots, ["first", "second", "fourth", "fifth"]);
});

Deno.test("nothing is sent where nothing has changed", async () => {
  const { terminal, canvas } = opened();
  canvas.draw(titled("/root"));
  await terminal.take();
  const count = terminal.texts.length;
  canvas.draw(titled("/root"));
  await terminal.take();
  assert.equal(terminal.texts.length, count);
  canvas.forget();
  canvas.draw(titled("/root"));
  await terminal.take();
  assert.equal(terminal.texts.length, count + 1);
});

Deno.test("the screen is given back after the last frame, and no frame comes after that", async () => {
  const { terminal, canvas } = opened();
  canvas.draw(titled("/root"));
  const closed = canvas.close();
  canvas.draw(titled("/late"));
  await terminal.take();
  await terminal.take();
  await closed;
  assert.ok(terminal.texts[0]?.startsWith(ENTER));
  assert.equal(terminal.texts.at(-1), LEAVE);
  assert.ok(!terminal.texts.some((text) => text.includes("/late")));
});
