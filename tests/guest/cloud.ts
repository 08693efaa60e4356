/** Disk images that a guest is provisioned from by a cloud-init seed. */
import { buildGuest } from "./build.ts";
import { SEEDED } from "./recipe.ts";

/** Where built images are kept. */
const CACHE = new URL("../../dist/guest", import.meta.url).pathname;

/**
 * The test guest that takes a seed (see `seed_script.ts`), as a raw image that is not to be written to. Needs
 * {@link GUEST_MEMORY_MIB}.
 */
export async function cloudTestImage(signal?: AbortSignal): Promise<string> {
  const { image } = await buildGuest({ cacheDir: CACHE, recipe: SEEDED, ...(signal ? { signal } : {}) });
  return image;
}
