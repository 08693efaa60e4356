/** Reads the firmware descriptors of this host; the choice among them is in `firmware.ts`. */
import { problemOf } from "../core/problem.ts";
import { readTextBounded } from "../ports/files.ts";
import { fileFacts, listFolder } from "../ports/folders.ts";
import { filesNamedBy, type FirmwareDescriptor } from "./firmware.ts";

const MAX_DESCRIPTOR_BYTES = 256 * 1024;

/**
 * The folders of docs/interop/firmware.json, the most specific first: the user's, the administrator's, the
 * distribution's. `configHome` is `$XDG_CONFIG_HOME` or `$HOME/.config`.
 */
export function firmwareFolders(configHome?: string): string[] {
  return [
    ...(configHome === undefined ? [] : [`${configHome}/qemu/firmware`]),
    "/etc/qemu/firmware",
    "/usr/share/qemu/firmware",
  ];
}

/**
 * Every descriptor that counts, in order of preference: sorted by file name across the folders; of files with the same name only
 * the one of the more specific folder; an empty file there masks the others.
 */
export async function readFirmwareDescriptors(folders: readonly string[]): Promise<FirmwareDescriptor[]> {
  const chosen = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await listFolder(folder)) {
      if (name.endsWith(".json") && !name.startsWith(".") && !chosen.has(name)) {
        chosen.set(name, `${folder}/${name}`);
      }
    }
  }
  const names = [...chosen.keys()].sort();
  const all = await Promise.all(names.map((name) => readDescriptor(chosen.get(name) ?? name)));
  return all.filter((descriptor) => descriptor !== undefined);
}

async function readDescriptor(file: string): Promise<FirmwareDescriptor | undefined> {
  let text: string;
  try {
    text = await readTextBounded(file, MAX_DESCRIPTOR_BYTES);
  } catch (error) {
    return {
      file,
      document: undefined,
      unreadable: `could not be read: ${problemOf(error).message}`,
      absent: [],
    };
  }
  if (text.trim() === "") return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { file, document: undefined, unreadable: "is not JSON", absent: [] };
  }
  const absent: string[] = [];
  for (const path of filesNamedBy(document)) {
    if (!await fileFacts(path)) absent.push(path);
  }
  return { file, document, absent };
}
