import assert from "node:assert/strict";
import { remarksTo } from "./remarks.ts";

/** A reader that takes so many bytes at a time, and nothing before it is let. */
function slowReader(most: number) {
  const read: string[] = [];
  const gate = Promise.withResolvers<void>();
  return {
    text: () => read.join(""),
    open: () => gate.resolve(),
    async write(bytes: Uint8Array) {
      await gate.promise;
      const taken = bytes.subarray(0, most);
      read.push(new TextDecoder().decode(taken));
      return taken.length;
    },
  };
}

Deno.test("lines are written whole and in order, however few bytes the reader takes", async () => {
  const reader = slowReader(3);
  const remarks = remarksTo(reader);
  for (let n = 0; n < 20; n++) remarks.say(`line ${n}`);
  reader.open();
  await remarks.close(5_000);
  assert.equal(reader.text(), Array.from({ length: 20 }, (_, n) => `line ${n}\n`).join(""));
});

Deno.test("for a reader who does not read a bounded number of lines waits; what is left out is said", async () => {
  const reader = slowReader(1 << 20);
  const remarks = remarksTo(reader, 10);
  remarks.say("first"); // under way
  for (let n = 0; n < 25; n++) remarks.say(`${n}`);
  await remarks.close(1); // does not wait for ever
  assert.equal(reader.text(), "");
  reader.open();
  await remarks.close(5_000);
  const lines = reader.text().trimEnd().split("\n");
  assert.deepEqual(lines, ["first", ...Array.from({ length: 10 }, (_, n) => `${n}`), "(15 lines left out)"]);
});

Deno.test("a reader that is gone is no error, and is not written to again", async () => {
  let tries = 0;
  const remarks = remarksTo({
    write() {
      tries++;
      return Promise.reject(new Deno.errors.BrokenPipe());
    },
  });
  remarks.say("a");
  await remarks.close(5_000);
  remarks.say("b");
  await remarks.close(5_000);
  assert.equal(tries, 1);
});
