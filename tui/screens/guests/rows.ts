/** Which guests the list shows, in which order, and which of them the cursor is on. Pure. */
import type { GuestView } from "../../../src/actions/views.ts";
import { GUEST_STATES } from "../../../src/lifecycle/states.ts";
import type { Model } from "../../model.ts";
import { diskRate, netRate } from "../../rates.ts";
import type { GuestsState, SortKey } from "./state.ts";

export type Row =
  | { readonly kind: "group"; readonly title: string; readonly count: number }
  | { readonly kind: "guest"; readonly guest: GuestView };

type Listed = Pick<GuestsState, "sort" | "descending" | "filter" | "grouped">;

/** Groups in the order in which they stand. */
const GROUPS = [["linux", "Linux"], ["windows", "Windows"], [null, "Unknown kind"]] as const;

let kept:
  | { guests: readonly GuestView[]; figures: Model["figures"]; listed: Listed; rows: readonly Row[] }
  | undefined;

/** The rows of the list. Asked again for the same guests it gives the same rows: they are made once. */
export function rowsOf(model: Model): readonly Row[] {
  const { guests, figures } = model;
  const state = model.screens.guests;
  if (
    kept && kept.guests === guests && sameList(kept.listed, state) &&
    (kept.figures === figures || !isLive(state.sort))
  ) return kept.rows;
  const rows = makeRows(guests, figures, state);
  kept = { guests, figures, listed: state, rows };
  return rows;
}

export function makeRows(
  guests: readonly GuestView[],
  figures: Model["figures"],
  { sort, descending, filter, grouped }: Listed,
): readonly Row[] {
  const words = filter.toLowerCase().split(" ").filter((word) => word !== "");
  const turn = descending ? -1 : 1;
  const sorted = guests.filter((guest) => matches(guest, words))
    .map((guest) => ({ guest, value: valueOf(guest, sort, figures) }))
    .sort((a, b) => turn * compare(a.value, b.value) || compare(a.guest.id, b.guest.id))
    .map(({ guest }) => guest);
  if (!grouped) return sorted.map((guest) => ({ kind: "guest", guest }));
  return GROUPS.flatMap(([kind, title]): Row[] => {
    const of = sorted.filter((guest) => guest.kind === kind);
    if (of.length === 0) return [];
    return [
      { kind: "group", title, count: of.length },
      ...of.map((guest) => ({ kind: "guest" as const, guest })),
    ];
  });
}

/** Every word must stand in its id, name, state or kind. */
function matches({ id, name, state, kind }: GuestView, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = `${id} ${name} ${state} ${kind ?? ""}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function sameList(a: Listed, b: Listed): boolean {
  return a.sort === b.sort && a.descending === b.descending && a.filter === b.filter &&
    a.grouped === b.grouped;
}

/** Whether the order hangs on live figures. */
function isLive(sort: SortKey): boolean {
  return sort === "cpu" || sort === "memory" || sort === "disk" || sort === "net";
}

/** What a guest is sorted by. Figures that are not there stand before all others. */
function valueOf(guest: GuestView, sort: SortKey, figures: Model["figures"]): number | string {
  const of = figures.get(guest.id);
  switch (sort) {
    case "id":
      return guest.id;
    case "state":
      return GUEST_STATES.indexOf(guest.state);
    case "cpu":
      return of?.cpu?.percent ?? -1;
    case "memory":
      return of?.memory.rss_mib ?? -1;
    case "disk":
      return diskRate(of) ?? -1;
    case "net":
      return netRate(of) ?? -1;
    case "up":
      return guest.started_at === null ? 0 : -Date.parse(guest.started_at);
  }
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The guest that the cursor is on: the one that was chosen, else what stands where it stood. */
export function selectedOf(model: Model): GuestView | undefined {
  const index = indexOf(model);
  const row = index === undefined ? undefined : rowsOf(model)[index];
  return row?.kind === "guest" ? row.guest : undefined;
}

/** Index of the row that the cursor is on; undefined: no guest is shown. */
export function indexOf(model: Model): number | undefined {
  const rows = rowsOf(model);
  const { selected, at } = model.screens.guests;
  const index = selected === undefined
    ? -1
    : rows.findIndex((row) => row.kind === "guest" && row.guest.id === selected);
  return index >= 0 ? index : nearest(rows, at);
}

/** The guest that is `by` rows away from the cursor, or the last one on the way. */
export function moved(
  model: Model,
  by: number,
): { readonly selected: string | undefined; readonly at: number } {
  const rows = rowsOf(model);
  const from = indexOf(model);
  if (from === undefined) return { selected: undefined, at: 0 };
  const index = nearest(rows, from + by, Math.sign(by)) ?? from;
  const row = rows[index];
  return { selected: row?.kind === "guest" ? row.guest.id : undefined, at: index };
}

/** Index of the guest nearest to `at`, in this direction first. */
function nearest(rows: readonly Row[], at: number, direction = 1): number | undefined {
  const start = Math.max(0, Math.min(at, rows.length - 1));
  const step = direction < 0 ? -1 : 1;
  for (const by of [step, -step]) {
    for (let i = start; i >= 0 && i < rows.length; i += by) if (rows[i]?.kind === "guest") return i;
  }
  return undefined;
}

/** The guests that are marked and there, in the order of the list; those that the filter hides come last. */
export function markedOf(model: Model): readonly GuestView[] {
  const { marks } = model.screens.guests;
  if (marks.length === 0) return [];
  const isMarked = new Set(marks);
  const shown = rowsOf(model).flatMap((row) =>
    row.kind === "guest" && isMarked.has(row.guest.id) ? [row.guest] : []
  );
  const ids = new Set<string>(shown.map(({ id }) => id));
  return [...shown, ...model.guests.filter(({ id }) => isMarked.has(id) && !ids.has(id))];
}

/** What an action is about: the marked guests, or the one that the cursor is on. */
export function targetsOf(model: Model): readonly GuestView[] {
  const marked = markedOf(model);
  if (marked.length > 0) return marked;
  const selected = selectedOf(model);
  return selected ? [selected] : [];
}
