/** The files of a seed medium, before they are written. */

/** One file on the medium. */
export interface SeedFile {
  readonly name: string;
  readonly text: string;
  /** Says why it is to be shown to nobody, where it holds a secret. */
  readonly secret?: string;
}

/** What a medium holds, and what it is called: guests find it by that name. */
export interface Seed {
  /** Volume id of ISO 9660. */
  readonly volume: string;
  readonly files: readonly SeedFile[];
}
