/** The state of the screen `preflight`. */

export interface PreflightState {
  readonly at: number;
}

export const INIT: PreflightState = { at: 0 };
