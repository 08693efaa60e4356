/** Errors that nobody caught, and the end of this process without further ado. */

export type UncaughtKind = "exception" | "rejection";

/**
 * Calls `handler` with every error that nobody caught, instead of ending the process there and then. The returned function
 * ends it. A handler that fails itself ends the process with exit code 1.
 */
export function onUncaught(handler: (error: unknown, kind: UncaughtKind) => void): () => void {
  const take = (error: unknown, kind: UncaughtKind) => {
    try {
      handler(error, kind);
    } catch {
      exitNow(1);
    }
  };
  const exception = (event: ErrorEvent) => {
    event.preventDefault();
    take(event.error, "exception");
  };
  const rejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    take(event.reason, "rejection");
  };
  addEventListener("error", exception);
  addEventListener("unhandledrejection", rejection);
  return () => {
    removeEventListener("error", exception);
    removeEventListener("unhandledrejection", rejection);
  };
}

/** Ends this process at once; nothing that is under way is finished. */
export function exitNow(code: number): never {
  Deno.exit(code);
}
