/** Taking a stopped guest's memory and devices out of QEMU and onto the disk, in pieces of a bounded size. */
import { createHash } from "node:crypto";
import { fail } from "../core/problem.ts";
import type { Clock } from "../ports/clock.ts";
import { dirname, removeTree } from "../ports/files.ts";
import { systemFiles } from "../ports/file_ops.ts";
import { createFile, type FileWriter, isDiskFull } from "../ports/large_files.ts";
import { type ByteStream, listenForOne } from "../ports/unix_socket.ts";
import type { QmpClient } from "../qmp/client.ts";
import type { SavedState } from "../../registry/layout.ts";
import type { Manifest } from "./manifest.ts";
import {
  aborted,
  cancelMigration,
  mustBeComplete,
  prepareMigration,
  stallAfter,
  watchMigration,
} from "./migration.ts";

const PIECE_BYTES = 256 * 1024;

export interface SaveInput {
  readonly qmp: QmpClient;
  readonly clock: Clock;
  /** Where the stream flows: a path in a private folder. */
  readonly socket: string;
  readonly files: SavedState;
  /** Aborts when the guest is ended meanwhile, or the supervisor goes. */
  readonly signal: AbortSignal;
  /** Makes the file that the stream is written to; for tests of disks that fail. */
  readonly create?: (path: string) => Promise<FileWriter>;
}

/**
 * Saves the state of a guest that is stopped; its folder must be there. The file is on disk under its final name when it
 * resolves. On a failure nothing of it is left, the migration has ended, and QEMU can let the guest run on: `io` when the
 * disk did not take it, `failed` otherwise, or the signal's reason.
 */
export async function saveMemory(input: SaveInput): Promise<Manifest["memory"]> {
  const { qmp, files } = input;
  await prepareMigration(qmp);
  const out = await (input.create ?? createFile)(files.part);
  try {
    const memory = await receive(input, out);
    await out.flush();
    out.close();
    systemFiles.rename(files.part, files.memory);
    systemFiles.flushFolder(dirname(files.memory));
    return memory;
  } catch (error) {
    out.close();
    await cancelMigration(qmp, input.clock).catch(() => {}); // QEMU may be gone; the first error tells more
    await removeTree(files.part);
    if (isDiskFull(error)) {
      fail("io", `the memory could not be written to ${files.part}: the disk is full`, { path: files.part });
    }
    throw error;
  }
}

async function receive(input: SaveInput, out: FileWriter): Promise<Manifest["memory"]> {
  const { qmp, clock, signal } = input;
  const socket = await listenForOne(input.socket);
  const watch = watchMigration(qmp);
  const stall = stallAfter(clock, "saving the guest's memory");
  const abort = aborted(signal);
  const complete = watch.ended.then((end) => mustBeComplete(qmp, end, "the memory was not saved"));
  const wrong = Promise.race([
    stall.stalled,
    abort.happens,
    complete.then(() => new Promise<never>(() => {})),
  ]);
  wrong.catch(() => {}); // each step below is raced with it
  let stream: ByteStream | undefined;
  try {
    await qmp.execute("migrate", { uri: `unix:${input.socket}` });
    stream = await Promise.race([socket.client, wrong]);
    const pumping = pump(stream, out, () => stall.touch());
    pumping.catch(() => {}); // when the other is first, the closing of the stream ends it
    const memory = await Promise.race([pumping, wrong]);
    await Promise.race([complete, wrong]);
    return memory;
  } finally {
    stream?.close();
    socket.close();
    stall.end();
    abort.end();
    watch.stop();
  }
}

async function pump(stream: ByteStream, out: FileWriter, touch: () => void): Promise<Manifest["memory"]> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(PIECE_BYTES);
  let bytes = 0;
  for (let n = await stream.read(buffer); n !== null; n = await stream.read(buffer)) {
    const piece = buffer.subarray(0, n);
    hash.update(piece);
    await out.write(piece);
    bytes += n;
    touch();
  }
  return { bytes, sha256: hash.digest("hex") };
}
