/** The state of the screen `policy`. */

export interface PolicyState {
  readonly at: number;
}

export const INIT: PolicyState = { at: 0 };
