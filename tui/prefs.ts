/** What the operator, their terminal and the command line say of how things are to be shown. */

export interface Prefs {
  /** `none`: no colour at all; nothing is told by colour alone in any of them. */
  readonly color: "full" | "none";
  readonly background: "dark" | "light";
  /** False: frames, marks and sparklines of plain ASCII. */
  readonly unicode: boolean;
  /** Nothing that changes anything can be asked for. */
  readonly readOnly: boolean;
  /** Lines in reading order, no frames. */
  readonly screenReader: boolean;
}

/** A terminal that can do everything. */
export const PLAIN_PREFS: Prefs = {
  color: "full",
  background: "dark",
  unicode: true,
  readOnly: false,
  screenReader: false,
};
