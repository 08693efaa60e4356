/** What a round's guests may have come to, by what was asked of them and what hit them. */
import type { GuestDetail } from "../../src/actions/views.ts";
import type { Answer } from "./asks.ts";
import type { Hit } from "./faults.ts";

/** What a round did, and how its guests were before. */
export interface Deeds {
  readonly before: readonly GuestDetail[];
  readonly answers: readonly Answer[];
  readonly hits: readonly Hit[];
}

/**
 * Guests that nobody meant have noticed nothing: the same process in the same state. One that had to stand still for want of
 * room goes on when there is room again.
 */
export function untouched({ before, answers, hits }: Deeds, now: readonly GuestDetail[]): string[] {
  const meant = new Set([
    ...answers.map(({ ask }) => String(ask.params.id)),
    ...hits.flatMap(({ guests }) => guests),
  ]);
  return before.filter(({ id, state }) => !meant.has(id) && state !== "crashed").flatMap((was) => {
    const is = now.find(({ id }) => id === was.id);
    const told = (guest: GuestDetail | undefined) => `${guest?.state} (pid ${guest?.pid})`;
    return is?.pid === was.pid && is.state === was.state
      ? []
      : [`nobody meant ${was.id}, but it was ${told(was)} and is ${told(is)}`];
  });
}

/** A guest waits for room only where somebody paused it meanwhile: there is room again. */
export function waiting({ before, answers }: Deeds, now: readonly GuestDetail[]): string[] {
  const held = new Set([
    ...before.filter(({ pause_reason }) => pause_reason === "no_space").map(({ id }) => String(id)),
    ...answers.filter(({ ask }) => ask.action === "vm.pause").map(({ ask }) => String(ask.params.id)),
  ]);
  return now.filter(({ id, pause_reason }) => pause_reason === "no_space" && !held.has(id))
    .map(({ id, notes }) => `there is room, and ${id} does not go on: ${notes}`);
}
