/** What the driver needs of the host, as an interface: tests put a tree of ordinary folders in its place. */
import { exists } from "../ports/files.ts";
import { listFolders, makeOneFolder, removeOneFolder } from "../ports/folders.ts";
import { readKernelFiles, writeCgroupFiles } from "../ports/proc_files.ts";
import { identityOf, sendSignal } from "../ports/processes.ts";

export interface GroupHost {
  /** The texts one after the other; undefined when one can't be read. */
  read(...paths: readonly string[]): Promise<string | undefined>;
  /** Writes `text` into each. Failure `io` when one does not take it. */
  write(text: string, ...paths: readonly string[]): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** mkdir(2); one that is there is fine. */
  make(folder: string): Promise<void>;
  /** rmdir(2); false when it is in use. */
  remove(folder: string): Promise<boolean>;
  /** Names of the folders in a folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Kills a process if `isStill` says, after it was looked at, that it is the one that is meant. */
  kill(pid: number, isStill: () => Promise<boolean>): Promise<void>;
  pause(ms: number): Promise<void>;
}

export const systemHost: GroupHost = {
  read: readKernelFiles,
  write: writeCgroupFiles,
  exists,
  make: makeOneFolder,
  remove: removeOneFolder,
  list: listFolders,
  async kill(pid, isStill) {
    const identity = await identityOf(pid);
    if (identity && await isStill()) await sendSignal(identity, "SIGKILL");
  },
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
