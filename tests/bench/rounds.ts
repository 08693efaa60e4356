/** Repeated measurements, the sides taken in turn: a machine's mood meets all of them alike. */
import { orderOf } from "./stats.ts";

export interface Rounds {
  /** Rounds that are thrown away: caches fill, programs are paged in. */
  readonly warmUp: number;
  readonly counted: number;
}

/** A side takes one measurement and gives it, in the unit of its report. */
export type Sides<Name extends string> = Readonly<Record<Name, () => Promise<number>>>;

/** Measurements of every side, in the order of the rounds. */
export async function measure<Name extends string>(
  sides: Sides<Name>,
  rounds: Rounds,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(sides) as Name[]; // Object.keys forgets the literal types
  const taken = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>; // as above
  for (let round = -rounds.warmUp; round < rounds.counted; round++) {
    for (const at of orderOf(round + rounds.warmUp, names.length)) {
      const name = names[at];
      if (name === undefined) continue;
      const value = await sides[name]();
      if (round >= 0) taken[name].push(value);
    }
  }
  return taken;
}
