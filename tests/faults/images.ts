/** Images of guests that don't run, by `qemu-img check`. */
import type { GuestView } from "../../src/actions/views.ts";
import { hasProcess } from "../../src/lifecycle/states.ts";
import { tool } from "./tools.ts";
import type { World } from "./world.ts";

/** Exit codes of `qemu-img check`. qemu-img(1) */
const LEAKS_ONLY = 3;

export interface ImageChecks {
  readonly checked: number;
  /** Images that had lost clusters, which is what a QEMU leaves that was killed; they are mended. */
  readonly mended: number;
  readonly findings: readonly string[];
}

/**
 * @param killed guests whose QEMU may have been killed since their images were last looked at: these may have lost clusters
 */
export async function checkImages(
  world: World,
  guests: readonly GuestView[],
  killed: Set<string>,
): Promise<ImageChecks> {
  let checked = 0, mended = 0;
  const findings: string[] = [];
  for (const { id, images } of world.guests) {
    const state = guests.find((guest) => guest.id === id)?.state;
    if (state === undefined || hasProcess(state)) continue;
    for (const image of images) {
      const path = `${world.place.root}/${image}`;
      const { code, text } = await tool("qemu-img", "check", "-f", "qcow2", path);
      checked++;
      if (code === 0) continue;
      // What is mended is changed, and a saved state belongs to images that are not: that comes when it is dropped or used.
      if (code === LEAKS_ONLY && state === "suspended" && killed.has(id)) continue;
      const told = `qemu-img check of ${image} ended with ${code}: ${text.trim()}`;
      if (code !== LEAKS_ONLY || !killed.has(id)) findings.push(told);
      else if ((await tool("qemu-img", "check", "-q", "-r", "leaks", "-f", "qcow2", path)).code === 0) {
        mended++;
      } else findings.push(`can't be mended: ${told}`);
    }
    if (state !== "suspended") killed.delete(id);
  }
  return { checked, mended, findings };
}
