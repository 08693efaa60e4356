/** The state of the screen `guests`: what the operator has chosen of it, and what was asked for them. */
import type { FirmwareView, GuestDetail, NetView } from "../../../src/actions/views.ts";
import type { ActionId } from "../../../src/actions/table.ts";
import type { Problem } from "../../../src/core/problem.ts";
import type { Instant } from "../../../src/core/time.ts";

/** What the list can be sorted by, in the order in which `s` goes through them. */
export const SORTS = ["id", "state", "cpu", "memory", "disk", "net", "up"] as const;
export type SortKey = typeof SORTS[number];

/** What was asked of a guest, as it was last answered. */
export interface Shown {
  readonly vm: string;
  readonly detail: GuestDetail | undefined;
  /** Why it could not be shown the last time. */
  readonly problem: Problem | undefined;
  readonly firmware: FirmwareView | Problem | undefined;
  readonly at: Instant;
}

/** What policy would say of actions on one guest, as long as nothing has changed that its answers hang on. */
export interface Explained {
  readonly vm: string;
  /** Policy revision, state of the guest and what else decisions depend on; another one: asked anew. */
  readonly basis: string;
  /** Why it would be refused; null: it would be allowed. Absent: not answered yet. */
  readonly refusals: Readonly<Partial<Record<ActionId, string | null>>>;
}

/** A choice of network profile that is being put together: each candidate with why policy refuses it. */
export interface NetworkChoice {
  readonly vm: string;
  readonly view: NetView | undefined;
  readonly refusals: Readonly<Record<string, string | null>>;
}

/** What takes back what was done last. */
export interface Undo {
  readonly action: ActionId;
  readonly vm: string;
}

/** The last thing that did not go well, to be read in full. */
export interface Refused {
  readonly title: string;
  readonly problem: Problem;
}

export interface GuestsState {
  /** Id of the guest that the cursor is on; it may be gone: `selectedOf` knows. */
  readonly selected: string | undefined;
  /** Where it was in the list when it was chosen: when it is gone, its neighbour takes over. */
  readonly at: number;
  readonly marks: readonly string[];
  readonly sort: SortKey;
  readonly descending: boolean;
  readonly filter: string;
  /** The filter is being typed. */
  readonly typing: boolean;
  readonly grouped: boolean;
  /** Details are open: alone on a narrow screen; beside the list they are always there, and are scrolled. */
  readonly details: boolean;
  readonly scroll: number;
  /** Events of all guests, and of the host, stand below. */
  readonly events: boolean;
  readonly shown: Shown | undefined;
  /** Id of the guest whose details were asked for and have not been answered. */
  readonly asking: string | undefined;
  readonly explained: Explained | undefined;
  readonly network: NetworkChoice | undefined;
  readonly undo: Undo | undefined;
  readonly refused: Refused | undefined;
}

export const INIT: GuestsState = {
  selected: undefined,
  at: 0,
  marks: [],
  sort: "id",
  descending: false,
  filter: "",
  typing: false,
  grouped: false,
  details: false,
  scroll: 0,
  events: false,
  shown: undefined,
  asking: undefined,
  explained: undefined,
  network: undefined,
  undo: undefined,
  refused: undefined,
};
