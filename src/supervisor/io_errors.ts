/** What is done about errors of a guest's disks: told, kept, found again by the next supervisor. `stall.ts` has the rules. */
import type { QmpEvent } from "../qmp/events.ts";
import { fail } from "../core/problem.ts";
import { exists, removeTree, writeFileAtomic } from "../ports/files.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { type IoError, waitsForRoom, withError } from "./stall.ts";
import type { Supervisor } from "./supervisor.ts";

type BlockIoError = Extract<QmpEvent, { name: "BLOCK_IO_ERROR" }>["data"];

/**
 * QEMU could not carry out a request of the guest. It says so before it says STOP, once for each request: many times for a
 * guest that keeps its disk busy.
 */
export function onIoError(s: Supervisor, guest: Guest, data: BlockIoError): void {
  if (data.action !== "stop") return; // the guest was told of it: not so for any disk that this program plans
  const disk = diskOfNode(guest, data["node-name"] ?? data.device);
  // A guest that is paused already was paused by somebody: its last requests fail while QEMU brings them to an end.
  const isHeld = guest.stall === undefined && guest.state === "paused";
  take(s, guest, { disk, noSpace: data.nospace === true, reason: data.reason }, isHeld);
}

function take(s: Supervisor, guest: Guest, error: IoError, held: boolean): void {
  const before = guest.stall;
  guest.stall = withError(before, error, held);
  if (before?.kind === guest.stall.kind) return;
  if (before && before.kind === guest.pauseReason) guest.pauseReason = guest.stall.kind;
  const { kind: why, reason } = guest.stall;
  s.emit({
    event: "RAYOS_VM:io_error",
    fields: { vm: guest.id, kind: guest.kind ?? "linux", disk: error.disk, why, reason },
  });
  s.space.lookSoon();
}

/** The registry's name of the disk that is QEMU's node `disk<n>` (`qemu/storage.ts`). */
export function diskOfNode({ record }: Guest, node: string): string {
  const number = /^disk(\d+)$/.exec(node)?.[1];
  return Object.keys(record?.storage.disks ?? {})[number === undefined ? NaN : Number(number)] ?? node;
}

/** QEMU lets the guest go on. */
export function clearStall(guest: Guest): void {
  guest.stall = undefined;
}

/** For a guest that came to stand still before it was known as one that runs. */
export function applyStall(guest: Guest): void {
  if (guest.stall && guest.apply("paused")) guest.pauseReason = guest.stall.kind;
}

/** A guest whose QEMU says `io-error` to a new supervisor: which disks failed, and how, is what QEMU still knows. */
export async function findStall(s: Supervisor, guest: Guest, run: GuestRun): Promise<void> {
  const isHeld = await exists(s.parts.layout.runtime(guest.id).held);
  const blocks = await run.qmp.execute("query-block");
  for (const { device, inserted, ...block } of blocks) {
    const status = block["io-status"];
    if (status === undefined || status === "ok") continue;
    const disk = diskOfNode(guest, inserted?.["node-name"] ?? device);
    take(s, guest, { disk, noSpace: status === "nospace", reason: "" }, isHeld);
  }
  if (!guest.stall) take(s, guest, { disk: "unknown", noSpace: false, reason: "" }, isHeld);
  applyStall(guest);
}

/** The disks for which a guest stands still that goes on by itself when there is room; undefined for any other guest. */
export function disksWithoutRoom({ state, pauseReason, stall }: Guest): readonly string[] | undefined {
  return state === "paused" && pauseReason === "no_space" && waitsForRoom(stall) ? stall.disks : undefined;
}

/** Failure `wrong_state` for a guest that is paused, unless it would go on by itself. */
export function checkPausable(guest: Guest): void {
  if (guest.state !== "paused" || disksWithoutRoom(guest)) return;
  fail("wrong_state", `vm.pause is not possible: ${guest.id} is paused already`);
}

/**
 * The operator pauses a guest that stands still already, or does so while it is being paused: it is not to go on by itself, also not
 * under the next supervisor, to which QEMU only says `io-error`.
 */
export async function hold(s: Supervisor, guest: Guest): Promise<void> {
  if (!guest.stall) return;
  await writeFileAtomic(s.parts.layout.runtime(guest.id).held, "");
  if (guest.stall) guest.stall = { ...guest.stall, held: true };
}

/** The operator lets it go on. */
export async function release(s: Supervisor, guest: Guest): Promise<void> {
  await removeTree(s.parts.layout.runtime(guest.id).held);
}
