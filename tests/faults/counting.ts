/** Guests that count tell by their consoles whether they ran, and whether they ever went back to what was past. */
import { MIB } from "../../src/core/units.ts";
import { readEnd } from "../../src/ports/append_file.ts";
import type { GuestDetail } from "../../src/actions/views.ts";
import type { Deeds } from "./expect.ts";
import { until } from "./tools.ts";
import type { World } from "./world.ts";

const LINE = /BOOT|^[0-9A-F]{8}$/;

/** Counts that are not larger than the one before although the guest did not boot in between. Pure. */
export function stepsBack(text: string): string[] {
  let last: string | undefined;
  const found: string[] = [];
  for (const line of text.split("\n").slice(0, -1).map((line) => line.trim())) {
    if (!LINE.test(line)) continue; // cut off where a supervisor died
    if (line.includes("BOOT")) last = undefined;
    else {
      if (last !== undefined && line <= last) found.push(`${line} follows on ${last}`);
      last = line;
    }
  }
  return found;
}

/** Reads what the guests that count have said since the last time. */
export class Counting {
  /** Where the last whole line of each begins that was read. */
  readonly #at = new Map<string, number>();
  /** Runs that may stand for good. */
  readonly #hung = new Set<number>();

  constructor(private readonly world: World) {}

  /** What must not be: a guest that is told to run and does not, and one that went back. */
  async read(deeds: Deeds, now: readonly GuestDetail[]): Promise<string[]> {
    const found: string[] = [];
    for (const { id, counts } of this.world.guests) {
      if (!counts) continue;
      const text = this.#fresh(id);
      if (!mayMissBoot(deeds, id)) found.push(...stepsBack(text).map((step) => `${id} went back: ${step}`));
      const guest = now.find((guest) => guest.id === id);
      if (guest?.pid && mayHang(deeds, guest)) this.#hung.add(guest.pid);
      if (guest?.state !== "running" || this.#hung.has(guest.pid ?? 0)) continue;
      const said = () => this.#text(id);
      const before = said();
      await until(`${id} counts on`, () => said() !== before).catch((error) => found.push(String(error)));
    }
    return found;
  }

  #text(id: string): string {
    const { serialLog } = this.world.layout.guest("linux", id);
    return new TextDecoder().decode(readEnd(serialLog, 2 * MIB)); // all of it: it is set aside when it is larger
  }

  /** From the last whole line on that was read. */
  #fresh(id: string): string {
    const text = this.#text(id);
    const at = this.#at.get(id) ?? 0;
    this.#at.set(id, text.lastIndexOf("\n", text.lastIndexOf("\n") - 1) + 1);
    return at <= text.length ? text.slice(at) : text;
  }
}

/**
 * SeaBIOS (that of QEMU 7.2) that is reset in its first ten milliseconds stands for ever, whatever is reset after: measured, by
 * QEMU alone. So a run that began in a round with a reset proves nothing.
 */
function mayHang({ before, answers }: Deeds, { id, pid }: GuestDetail): boolean {
  const isNew = before.find((guest) => guest.id === id)?.pid !== pid;
  return isNew && answers.some(({ ask }) => ask.action === "vm.reset" && ask.params.id === id);
}

/** What a guest says is lost while no supervisor listens, or its log finds no room: its new start too, then. */
function mayMissBoot({ answers, hits }: Deeds, id: string): boolean {
  const isFull = hits.some(({ kind }) => /full|fill/.test(kind));
  const boots = answers.some(({ ask }) =>
    ["vm.reset", "vm.start"].includes(ask.action) && ask.params.id === id
  );
  const isDeaf = hits.some(({ kind, isMiss }) => /supervisor|clock/.test(kind) && !isMiss);
  return isFull || (boots && isDeaf);
}
