/** The state of the screen `guests`. */

export interface GuestsState {
  readonly at: number;
}

export const INIT: GuestsState = { at: 0 };
