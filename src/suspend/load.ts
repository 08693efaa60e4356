/** Giving a saved state back to a QEMU that waits for one. */
import { createHash } from "node:crypto";
import { fail } from "../core/problem.ts";
import type { Clock } from "../ports/clock.ts";
import { readPieces } from "../ports/large_files.ts";
import { connectUnix } from "../ports/unix_socket.ts";
import type { QmpClient } from "../qmp/client.ts";
import type { Manifest } from "./manifest.ts";
import { aborted, mustBeComplete, prepareMigration, stallAfter, watchMigration } from "./migration.ts";

const PIECE_BYTES = 1024 * 1024;

/**
 * Half a sentence saying what is wrong with the saved memory; undefined when it is what was saved. Rejects with the
 * signal's reason. It is read whole before QEMU gets any of it: a part of it would overwrite the TPM's own files.
 */
export async function memoryFault(
  path: string,
  saved: Manifest["memory"],
  signal: AbortSignal,
): Promise<string | undefined> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of readPieces(path, PIECE_BYTES)) {
    signal.throwIfAborted();
    hash.update(piece);
    bytes += piece.length;
  }
  if (bytes !== saved.bytes) return `it has ${bytes} bytes instead of ${saved.bytes}`;
  return hash.digest("hex") === saved.sha256 ? undefined : "its bytes are not those that were saved";
}

export interface LoadInput {
  readonly qmp: QmpClient;
  readonly clock: Clock;
  /** Where the stream flows: a path in a private folder. QEMU listens there. */
  readonly socket: string;
  /** The saved memory. */
  readonly memory: string;
  readonly signal: AbortSignal;
}

/** Loads the state; QEMU is stopped and whole when it resolves. On a failure QEMU is good for nothing and must be ended. */
export async function loadMemory(input: LoadInput): Promise<void> {
  const { qmp, clock } = input;
  await prepareMigration(qmp);
  const watch = watchMigration(qmp);
  const stall = stallAfter(clock, "loading the guest's memory");
  const abort = aborted(input.signal);
  try {
    await qmp.execute("migrate-incoming", { uri: `unix:${input.socket}` });
    const feeding = feed(input, () => stall.touch());
    feeding.catch(() => {}); // awaited below
    await Promise.race([feeding, stall.stalled, abort.happens]);
    const end = await Promise.race([watch.ended, stall.stalled, abort.happens]);
    await mustBeComplete(qmp, end, "QEMU did not take the saved memory");
  } finally {
    stall.end();
    abort.end();
    watch.stop();
  }
  const { status } = await qmp.execute("query-status");
  if (status !== "paused") {
    fail("failed", `QEMU should stand still with the saved memory, but is '${status}'`);
  }
}

async function feed(input: LoadInput, touch: () => void): Promise<void> {
  const stream = await connectUnix(input.socket);
  const close = () => stream.close();
  input.signal.addEventListener("abort", close, { once: true });
  try {
    for await (const piece of readPieces(input.memory, PIECE_BYTES)) {
      await stream.write(piece);
      touch();
    }
  } finally {
    input.signal.removeEventListener("abort", close);
    stream.close();
  }
}
