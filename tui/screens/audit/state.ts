/** The state of the screen `audit`. */

export interface AuditState {
  readonly at: number;
}

export const INIT: AuditState = { at: 0 };
