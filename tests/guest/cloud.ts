/** Disk images that a guest is provisioned from by a cloud-init seed. */
import { buildGuest } from "./build.ts";
import { buildDebian } from "./debian_build.ts";
import { SEEDED } from "./recipe.ts";

/** Where built images are kept. */
const DIST = new URL("../../dist", import.meta.url).pathname;

/**
 * The test guest that takes a seed (see `seed_script.ts`), as a raw image that is not to be written to. Needs
 * {@link GUEST_MEMORY_MIB}.
 */
export async function cloudTestImage(signal?: AbortSignal): Promise<string> {
  const { image } = await buildGuest({
    cacheDir: `${DIST}/guest`,
    recipe: SEEDED,
    ...(signal ? { signal } : {}),
  });
  return image;
}

/** Debian itself with cloud-init, as a qcow2 image that is not to be written to. Needs {@link CLOUD_MEMORY_MIB}. */
export async function debianCloudImage(
  options: { readonly onProgress?: (step: string) => void; readonly signal?: AbortSignal } = {},
): Promise<string> {
  return await buildDebian({ cacheDir: `${DIST}/debian`, ...options });
}
