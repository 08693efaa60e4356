/** What lies at the path of an install medium. Everything that is asked of one goes through here. */
import { inspectMedium } from "../media/inspect.ts";

/** What a check of a medium needs of what `iso inspect` says. */
export interface MediumLook {
  readonly kind: "windows" | "virtio-win" | "linux-live" | "iso" | "disk-image" | "not-a-medium";
  readonly bytes: number;
  /** What it is, in a few words. */
  readonly title: string;
  /** It is damaged, or not what it pretends to be. */
  readonly problems: readonly { readonly message: string }[];
  /** Whole, but perhaps not what is wanted. */
  readonly warnings: readonly { readonly message: string }[];
}

/** Failures are `not_found`, and `io` for a file that may not be read. */
export const lookAtMedium: (path: string) => Promise<MediumLook> = inspectMedium;
