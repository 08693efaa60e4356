import assert from "node:assert/strict";
import fc from "fast-check";
import { type IoError, type Stall, stallText, waitsForRoom, withError } from "./stall.ts";

const full = (disk: string): IoError => ({ disk, noSpace: true, reason: "No space left on device" });
const bad = (disk: string): IoError => ({ disk, noSpace: false, reason: "Input/output error" });
const stallOf = (...errors: IoError[]): Stall =>
  errors.reduce<Stall | undefined>((before, error) => withError(before, error, false), undefined) ??
    withError(undefined, full("root"), false);

Deno.test("a guest waits for room only where every error was for want of it", () => {
  assert.deepEqual(stallOf(full("root"), full("data"), full("root")), {
    kind: "no_space",
    disks: ["root", "data"],
    reason: "No space left on device",
    held: false,
  });
  for (const errors of [[full("root"), bad("data")], [bad("data"), full("root")]]) {
    const stall = stallOf(...errors);
    assert.equal(stall.kind, "io_error");
    assert.equal(stall.reason, "Input/output error");
    assert.equal(waitsForRoom(stall), false);
  }
  const errors = fc.array(fc.constantFrom(full("a"), full("b"), bad("a"), bad("b")), { minLength: 1 });
  fc.assert(fc.property(errors, (some) => {
    const stall = stallOf(...some);
    assert.equal(waitsForRoom(stall), some.every(({ noSpace }) => noSpace));
    assert.deepEqual(stall.disks.toSorted(), [...new Set(some.map(({ disk }) => disk))].sort());
  }));
});

Deno.test("a guest that was paused by somebody stays so, whatever else fails", () => {
  const held = withError(undefined, full("root"), true);
  assert.equal(waitsForRoom(held), false);
  assert.equal(waitsForRoom(withError(held, full("root"), false)), false);
  assert.equal(waitsForRoom(undefined), false);
});

Deno.test("stallText() says what failed, where, and what happens next; QEMU's words are harmless in it", () => {
  const stall = stallOf(full("root"));
  assert.equal(
    stallText("g1", stall),
    "stands still: no space left for disk root; goes on by itself when there is room",
  );
  assert.equal(
    stallText("g1", { ...stall, disks: ["root", "data"], where: "/srv/rayos" }),
    "stands still: no space left on /srv/rayos for disks root, data; goes on by itself when there is room",
  );
  assert.match(
    stallText("g1", { ...stall, held: true }),
    /paused too: `rayvisor vm resume g1` lets it go on$/,
  );
  assert.match(
    stallText("g1", { ...stall, refused: "safe mode" }),
    /policy does not let it go on: safe mode$/,
  );
  assert.equal(
    stallText("g1", stallOf({ ...bad("root"), reason: "bad\u001b[2J\nsector" })),
    "stands still: disk root could not be read or written (bad sector); `rayvisor vm resume g1` tries again",
  );
  assert.doesNotMatch(stallText("g1", stallOf({ ...bad("root"), reason: "" })), /\(\)/);
});
