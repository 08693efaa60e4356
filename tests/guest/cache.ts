/**
 * Images that are kept. `guest-<key>/disk.img` and `guest-<key>/made_of.json` appear together, by one rename;
 * `known-<key>` is a file with the key of the image that answers another question.
 */
import { canonicalJson, isObject } from "../../src/core/json.ts";

interface MadeOf {
  readonly key: string;
  /** Key of the recipe alone, without package versions. */
  readonly recipe: string;
}

/** First 32 hexadecimal digits of SHA-256 over the parts; where one part ends and the next begins matters. */
export async function keyOf(parts: readonly string[]): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(parts)));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 32);
}

/** The image with this key, or the one that {@link remember} noted for it. */
export async function findByKey(
  cacheDir: string,
  key: string,
): Promise<{ image: string; key: string } | undefined> {
  const noted = await Deno.readTextFile(`${cacheDir}/known-${key}`).catch(() => key);
  const actual = /^[0-9a-f]{32}$/.test(noted) ? noted : key;
  const image = `${cacheDir}/guest-${actual}/disk.img`;
  return await readMadeOf(`${cacheDir}/guest-${actual}`) ? { image, key: actual } : undefined;
}

/** The newest image of a recipe, whatever its package versions. */
export async function findNewest(
  cacheDir: string,
  recipe: string,
): Promise<{ image: string; key: string } | undefined> {
  let best: { image: string; key: string; at: number } | undefined;
  for await (const entry of Deno.readDir(cacheDir)) {
    if (!entry.name.startsWith("guest-")) continue;
    const folder = `${cacheDir}/${entry.name}`;
    const madeOf = await readMadeOf(folder);
    if (madeOf?.recipe !== recipe) continue;
    const at = (await Deno.stat(`${folder}/made_of.json`)).mtime?.getTime() ?? 0;
    if (!best || at > best.at) best = { image: `${folder}/disk.img`, key: madeOf.key, at };
  }
  return best && { image: best.image, key: best.key };
}

/** Moves a finished image into the cache. When another process was faster, its image is the answer. */
export async function keepImage(
  cacheDir: string,
  folder: string,
  madeOf: MadeOf,
): Promise<{ image: string; key: string }> {
  await Deno.writeTextFile(`${folder}/made_of.json`, canonicalJson(madeOf));
  await Deno.chmod(`${folder}/disk.img`, 0o444);
  const kept = `${cacheDir}/guest-${madeOf.key}`;
  try {
    await Deno.rename(folder, kept);
  } catch (error) {
    if (!await readMadeOf(kept)) throw error;
  }
  return { image: `${kept}/disk.img`, key: madeOf.key };
}

/** Notes that the question `key` was answered by the image `answer`. */
export async function remember(cacheDir: string, key: string, answer: string): Promise<void> {
  const temporary = await Deno.makeTempFile({ dir: cacheDir, prefix: "building-" });
  await Deno.writeTextFile(temporary, answer);
  await Deno.rename(temporary, `${cacheDir}/known-${key}`);
}

/** Removes what killed builds left behind: a build takes minutes at most, so after a day it is nobody's. */
export async function removeLeftovers(cacheDir: string, now = Date.now()): Promise<void> {
  for await (const entry of Deno.readDir(cacheDir)) {
    if (!entry.name.startsWith("building-")) continue;
    const path = `${cacheDir}/${entry.name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info && now - (info.mtime?.getTime() ?? now) > 86_400_000) {
      await Deno.remove(path, { recursive: true });
    }
  }
}

/** Changes when the host's lists of packages change, so that apt-get needs not be asked each time. */
export async function listsStamp(): Promise<string> {
  const folder = "/var/lib/apt/lists";
  try {
    const stamps: string[] = [];
    for await (const entry of Deno.readDir(folder)) {
      if (!/_(InRelease|Release|Packages[^/]*)$/.test(entry.name)) continue;
      const info = await Deno.stat(`${folder}/${entry.name}`);
      stamps.push(`${entry.name} ${info.size} ${info.mtime?.getTime()}`);
    }
    return stamps.sort().join("\n");
  } catch {
    return "no lists";
  }
}

async function readMadeOf(folder: string): Promise<MadeOf | undefined> {
  try {
    const value: unknown = JSON.parse(await Deno.readTextFile(`${folder}/made_of.json`));
    if (!isObject(value) || typeof value["key"] !== "string" || typeof value["recipe"] !== "string") {
      return undefined;
    }
    return { key: value["key"], recipe: value["recipe"] };
  } catch {
    return undefined;
  }
}
