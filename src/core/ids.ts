/** Identifiers that cross rooms. Each is a branded string: only its parser makes one. */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Id of a guest: `[a-z0-9][a-z0-9._-]{0,62}` (contract, section 3). Safe as a file name and in a QEMU option. */
export type VmId = Branded<"VmId">;

/** Hash of the policy file in force, hexadecimal SHA-256 of its exact bytes, or `"none"` when none could be read. */
export type PolicyRevision = Branded<"PolicyRevision">;

/** What a guest runs. */
export type GuestKind = "linux" | "windows";
export const GUEST_KINDS: readonly GuestKind[] = ["linux", "windows"];

const VM_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The guest id in `text`, or undefined when it is not one. `..` inside is refused: ids become folder names. */
export function parseVmId(text: unknown): VmId | undefined {
  return typeof text === "string" && VM_ID.test(text) && !text.includes("..") ? text as VmId : undefined;
}

/** What an id may look like, for messages. */
export const VM_ID_RULE =
  "lower-case letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit, no '..'";
