/**
 * The keys by which policies may be signed. They live outside the data root, where a writer of the policy can't add one
 * (docs/signing.md).
 */
import { parsePublicKey, type TrustedKey } from "../../policy/signature.ts";
import { MAX_KEY_BYTES } from "../../policy/signature.ts";
import { problemOf } from "../core/problem.ts";
import { folderDistrust, isTrusty, ownership, readChecked } from "../ports/checked_file.ts";
import { listFolder } from "../ports/folders.ts";
import { lookAt, realPath } from "../ports/paths.ts";
import { envVar } from "../ports/terminal.ts";

/** The host's folder of trusted keys. */
export const HOST_KEYS = "/etc/rayos/trusted-keys.d";
/** Names another folder; honoured only on a host that has none. */
export const KEYS_VARIABLE = "RAYOS_TRUSTED_KEYS";

/** What a key folder amounts to. Only `none` leaves it to the policy whether a signature is demanded. */
export type TrustedKeys =
  | { readonly state: "none"; readonly folder: string }
  | { readonly state: "keys"; readonly folder: string; readonly keys: readonly TrustedKey[] }
  /** There may be keys, but not such as prove anything: every policy is refused. */
  | { readonly state: "distrusted"; readonly folder: string; readonly why: string };

/** The folder that counts: the host's own wherever it has one, else that of the environment variable. */
export async function trustedKeysFolder(hostFolder: string = HOST_KEYS): Promise<string> {
  const other = envVar(KEYS_VARIABLE);
  if (other === undefined) return hostFolder;
  try {
    return await lookAt(hostFolder) === undefined ? other : hostFolder;
  } catch {
    return hostFolder; // it can't be seen whether there is one, so the other does not count
  }
}

/**
 * Reads every `*.pub` of the folder. Folder and files must belong to root or to this user and be writable by nobody else;
 * a symbolic link, a file that is no Ed25519 key, or anything that can't be read makes the whole folder distrusted.
 */
export async function readTrustedKeys(folder: string): Promise<TrustedKeys> {
  try {
    const facts = await lookAt(folder);
    if (facts === undefined) return { state: "none", folder };
    if (facts.kind === "symlink") return distrusted(folder, `${folder} is a symbolic link`);
    const real = await realPath(folder);
    const why = real === undefined ? `${folder} leads nowhere` : await folderDistrust(real);
    if (real === undefined || why !== undefined) return distrusted(folder, why ?? "");
    const names = (await listFolder(real)).filter((name) => name.endsWith(".pub"));
    const keys: TrustedKey[] = [];
    for (const name of names) {
      const key = await readKey(`${real}/${name}`, name);
      if (typeof key === "string") return distrusted(folder, key);
      keys.push(key);
    }
    return keys.length === 0 ? { state: "none", folder } : { state: "keys", folder, keys };
  } catch (error) {
    return distrusted(folder, `${folder} can't be read: ${problemOf(error).message}`);
  }
}

function distrusted(folder: string, why: string): TrustedKeys {
  return { state: "distrusted", folder, why };
}

/** The key, or why it can't be used. */
async function readKey(path: string, name: string): Promise<TrustedKey | string> {
  if ((await lookAt(path))?.kind !== "file") return `${path} is not a regular file`;
  const read = await readChecked(path, {
    maxBytes: MAX_KEY_BYTES,
    within: path.slice(0, path.lastIndexOf("/")),
  });
  if (!read.ok) return `${path} can't be used (${read.why.kind.replaceAll("_", " ")})`;
  if (!isTrusty(read.file)) return `${path} ${ownership(read.file.uid, read.file.mode)}`;
  const key = await parsePublicKey(new TextDecoder().decode(read.file.bytes), name);
  return key.ok ? key.value : `${path} can't be used: ${key.error}`;
}
