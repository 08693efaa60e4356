import assert from "node:assert/strict";
import type { VmId } from "../core/ids.ts";
import type { VmRecord } from "../../registry/types.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { Guest } from "./guest.ts";
import { forgetUnwritten, remember } from "./remember.ts";
import type { Supervisor } from "./supervisor.ts";

/** A supervisor with one guest that the registry calls stopped, and a registry that takes nothing while it is `full`. */
function rig() {
  const clock = new ManualClock();
  const disk = { full: false, written: [] as string[] };
  const recorded: string[] = [];
  const guest = new Guest("g1" as VmId);
  guest.record = { id: guest.id, state: "stopped" } as VmRecord; // nothing else of it is looked at
  const put = ({ state }: VmRecord) => {
    if (disk.full) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    disk.written.push(state);
    return Promise.resolve();
  };
  const s = {
    parts: { clock, store: { put } },
    guests: new Map([[guest.id, guest]]),
    putOnRecord: (action: string) => recorded.push(action),
  } as unknown as Supervisor; // all that is asked of it
  return { s, guest, clock, disk, recorded };
}

/** Lets what was begun by a timer come to its end. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("a state that could not be written is written when there is room, and on record once", async () => {
  const { s, guest, clock, disk, recorded } = rig();
  disk.full = true;
  assert.match((await remember(s, guest, "running"))[0] ?? "", /still says that g1 is stopped/);
  guest.adopt("running");
  for (let n = 0; n < 3; n++) {
    clock.advance(5_000);
    await turn();
  }
  disk.full = false;
  clock.advance(5_000);
  await turn();
  assert.deepEqual([disk.written, recorded, clock.armed], [["running"], ["registry.unwritten"], 0]);
});

Deno.test("what is written later is the state by then", async () => {
  const { s, guest, clock, disk } = rig();
  guest.record = { ...guest.record, state: "running" } as VmRecord;
  disk.full = true;
  await remember(s, guest, "stopped");
  disk.full = false;
  guest.adopt("suspended");
  clock.advance(5_000);
  await turn();
  assert.deepEqual(disk.written, ["suspended"]);
});

Deno.test("nothing is tried again of a guest that was deleted, or when the supervisor goes", async () => {
  for (const gone of [true, false]) {
    const { s, guest, clock, disk } = rig();
    disk.full = true;
    await remember(s, guest, "running");
    guest.adopt("running");
    disk.full = false;
    if (gone) s.guests.delete(guest.id);
    else forgetUnwritten(guest);
    clock.advance(60_000);
    await turn();
    assert.deepEqual([disk.written, clock.armed], [[], 0]);
  }
});
