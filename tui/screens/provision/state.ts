/** The state of the screen `provision`. */

export interface ProvisionState {
  readonly at: number;
}

export const INIT: ProvisionState = { at: 0 };
