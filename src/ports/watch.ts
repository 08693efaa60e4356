/** Changes in a folder, as events. */

/**
 * Calls `changed` with the paths after something changed in `folder` (not below it). Several changes in one turn of the
 * event loop come as one call or more. The returned function ends it.
 */
export function watchFolder(folder: string, changed: (paths: readonly string[]) => void): () => void {
  const watcher = Deno.watchFs(folder, { recursive: false });
  (async () => {
    for await (const event of watcher) {
      if (event.kind !== "access") changed(event.paths);
    }
  })();
  return () => {
    try {
      watcher.close();
    } catch { /* closed already */ }
  };
}
