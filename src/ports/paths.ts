/** Looking at a path itself, without following what it points to. */

export interface PathFacts {
  /** `other`: a device, fifo or socket. */
  readonly kind: "file" | "dir" | "symlink" | "other";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
}

/** What is at `path` itself (lstat); undefined when nothing is. */
export async function lookAt(path: string): Promise<PathFacts | undefined> {
  try {
    const info = await Deno.lstat(path);
    const kind = info.isSymlink ? "symlink" : info.isFile ? "file" : info.isDirectory ? "dir" : "other";
    return { kind, mode: (info.mode ?? 0) & 0o7777, uid: info.uid ?? -1 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** What a path leads to. */
export interface TargetFacts {
  readonly kind: "file" | "dir" | "other";
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Last change of the content, milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** What `path` leads to, symbolic links followed (stat); undefined when nothing is there. */
export async function statOf(path: string): Promise<TargetFacts | undefined> {
  try {
    const info = await Deno.stat(path);
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "dir" : "other",
      size: info.size,
      mode: (info.mode ?? 0) & 0o7777,
      uid: info.uid ?? -1,
      gid: info.gid ?? -1,
      modifiedMs: info.mtime?.getTime() ?? 0,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** The path with every symbolic link resolved; undefined when it leads nowhere or in a circle. */
export async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop
    ) return undefined;
    throw error;
  }
}

/** Sets the permission bits of what is at `path`. */
export async function setMode(path: string, mode: number): Promise<void> {
  await Deno.chmod(path, mode);
}

/** The user that this process runs as. */
export function ownUid(): number {
  return Deno.uid() ?? -1;
}

/** Absolute path of the folder that this program was started in. */
export function workingFolder(): string {
  return Deno.cwd();
}
