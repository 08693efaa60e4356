/** Random identifiers. Tests pass their own. */
export interface Random {
  /** A lower-case UUID version 4. */
  uuid(): string;
  bytes(count: number): Uint8Array;
}

export const systemRandom: Random = {
  uuid: () => crypto.randomUUID(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};
