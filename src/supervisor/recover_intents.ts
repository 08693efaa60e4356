/** What a dead supervisor had begun, by its journal: undone before the guests are looked for, or finished when they are found. */
import { problemOf } from "../core/problem.ts";
import { exists, removeTree } from "../ports/files.ts";
import { removeState } from "../suspend/files.ts";
import { confine } from "../../registry/paths.ts";
import type { JournalEntry } from "./journal.ts";
import type { Supervisor } from "./supervisor.ts";

type Entry<K extends JournalEntry["intent"]["kind"]> = JournalEntry & {
  readonly intent: Extract<JournalEntry["intent"], { kind: K }>;
};

function isOf<K extends JournalEntry["intent"]["kind"]>(
  entry: JournalEntry,
  ...kinds: K[]
): entry is Entry<K> {
  return kinds.some((kind) => kind === entry.intent.kind);
}

/** Brings registry and files of guests that were being defined or deleted to one side or the other. */
export async function settleFiles(s: Supervisor, entries: readonly JournalEntry[]): Promise<void> {
  for (const entry of entries) {
    if (isOf(entry, "define")) await settle(s, entry, () => undoDefine(s, entry));
    else if (isOf(entry, "delete")) await settle(s, entry, () => finishDelete(s, entry));
  }
}

/** Goes on ending guests that were being ended. Their ends are waited for by nobody. */
export function finishEnds(s: Supervisor, entries: readonly JournalEntry[]): void {
  for (const entry of entries) {
    if (!isOf(entry, "stop", "kill")) continue;
    const { intent } = entry;
    const guest = s.guests.get(intent.vm);
    s.parts.journal.end(intent.vm); // the action writes its own
    if (!guest?.run && !guest?.stray) {
      put(s, entry, "found_done");
      continue;
    }
    put(s, entry, "goes_on");
    const [action, params] = intent.kind === "stop"
      ? ["vm.stop" as const, { id: intent.vm, grace_s: intent.graceS }]
      : ["vm.kill" as const, { id: intent.vm }];
    // Put on record as any other; that it failed is on record too.
    s.perform(action, params, { kind: "supervisor" }, { trigger: "recovery" }).catch(() => {});
  }
}

async function settle(s: Supervisor, entry: JournalEntry, work: () => Promise<string>): Promise<void> {
  try {
    put(s, entry, await work());
    s.parts.journal.end(entry.intent.vm);
  } catch (error) {
    // It stays in the journal: the next start tries again.
    put(s, entry, "failed", problemOf(error).message);
  }
}

function put(s: Supervisor, { corr, intent }: JournalEntry, came_to: string, why?: string): void {
  s.putOnRecord("journal.settled", intent.vm, {
    intent: intent.kind,
    corr,
    came_to,
    ...(why === undefined ? {} : { why }),
  });
}

/** A guest that the registry names was defined; of one that it doesn't, what was made for it goes. */
async function undoDefine(s: Supervisor, { intent }: Entry<"define">): Promise<string> {
  if (await isRegistered(s, intent.vm)) return "found_done";
  for (const path of intent.made) {
    const real = await confine(s.parts.root, path, { mustExist: false, kind: "any" });
    if (await exists(real)) await removeTree(real);
  }
  return "undone";
}

async function finishDelete(s: Supervisor, { intent }: Entry<"delete">): Promise<string> {
  const { layout, store } = s.parts;
  if (intent.type) {
    const { state, folder } = layout.guest(intent.type, intent.vm);
    await removeState(state);
    if (intent.folder) await removeTree(folder);
  }
  if (!await isRegistered(s, intent.vm)) return "found_done";
  await store.remove(intent.vm);
  return "finished";
}

async function isRegistered(s: Supervisor, id: string): Promise<boolean> {
  const { vms, broken } = await s.parts.store.read();
  return [...vms.keys(), ...broken.map(({ id }) => id)].some((one) => one === id);
}
