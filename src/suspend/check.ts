/** Whether a saved state fits what is there now: QEMU, machine, images and the memory itself. Pure. */
import { sanitizeLine } from "../core/sanitize.ts";
import { firstDifference } from "./command_line.ts";
import type { Manifest } from "./manifest.ts";

/** What a file is now; undefined: it is not there. */
export type Stamp = { readonly bytes: number; readonly modifiedNs: string } | undefined;

/** What a resume would use. */
export interface Present {
  readonly qemuVersion: string;
  /** As `comparable()` gives them. */
  readonly args: readonly string[];
  /** Each image of the manifest, by its path. */
  readonly images: ReadonlyMap<string, Stamp>;
  readonly memory: Stamp;
}

/** Everything that keeps the state from being used, one sentence each; empty when it fits. */
export function misfits(saved: Manifest, present: Present): string[] {
  const difference = firstDifference(saved.args, present.args);
  return [
    ...qemuMisfit(saved, present.qemuVersion),
    ...(difference === undefined ? [] : [`the machine is another one: ${difference}`]),
    ...saved.images.flatMap((image) => imageMisfit(image, present.images.get(image.path))),
    ...memoryMisfit(saved, present.memory),
  ];
}

/** The state is QEMU's own form of its memory: only the very version that wrote it is trusted to read it. */
export function qemuMisfit(saved: Manifest, version: string): string[] {
  const then = saved.qemu.version;
  return then === version ? [] : [`QEMU ${sanitizeLine(then, 40)} has saved it, and QEMU ${version} is here`];
}

function imageMisfit(was: Manifest["images"][number], is: Stamp): string[] {
  const path = sanitizeLine(was.path, 160);
  if (!is) return [`${path} is not there any more`];
  if (is.bytes !== was.bytes) {
    return [`${path} has changed since: it has ${is.bytes} bytes, it had ${was.bytes}`];
  }
  return is.modifiedNs === was.modified_ns ? [] : [`${path} was written to since`];
}

function memoryMisfit(saved: Manifest, is: Stamp): string[] {
  if (!is) return ["the saved memory is not there"];
  if (is.bytes === saved.memory.bytes) return [];
  return [`the saved memory has ${is.bytes} bytes instead of ${saved.memory.bytes}`];
}
