/**
 * What is needed to find a running guest again after the supervisor was replaced: written beside its sockets before
 * QEMU is let run, removed when QEMU has ended.
 */
import * as z from "zod";
import { isNotFound, readTextBounded, writeFileAtomic } from "../ports/files.ts";
import { groupSchema } from "../cgroup/group.ts";
import { parseVmId } from "../core/ids.ts";

const identity = z.strictObject({ pid: z.int().positive(), startTicks: z.int(), bootId: z.string() });

const schema = z.strictObject({
  version: z.literal(0),
  vm: z.string().refine((id) => parseVmId(id) !== undefined),
  qemu: identity,
  swtpm: identity.optional(),
  /** What `query-uuid` must answer. */
  uuid: z.string(),
  accelerator: z.enum(["kvm", "tcg"]),
  startedAt: z.number(),
  share: z.strictObject({ vcpu: z.int(), memoryMib: z.int(), cpuPercent: z.number() }),
  notes: z.array(z.string()),
  /** Absent where the kernel enforces nothing. */
  group: groupSchema.optional(),
  /** Sizes of the logs before, bytes; absent in a record of an older program. */
  logStart: z.strictObject({ qemu: z.int().nonnegative(), swtpm: z.int().nonnegative() }).optional(),
});
export type RunRecord = z.output<typeof schema>;

const MAX_BYTES = 64 * 1024;

export async function writeRunRecord(path: string, record: RunRecord): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(record) + "\n");
}

/** The record, or undefined when there is none that can be used. */
export async function readRunRecord(path: string): Promise<RunRecord | undefined> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readTextBounded(path, MAX_BYTES)));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
