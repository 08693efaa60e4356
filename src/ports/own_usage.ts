/** What this process itself takes of the host. */
import process from "node:process";

/** Processor time since its start in seconds, and resident memory in bytes. */
export function ownUsage(): { readonly cpuSeconds: number; readonly rssBytes: number } {
  const { user, system } = process.cpuUsage(); // microseconds
  return { cpuSeconds: (user + system) / 1e6, rssBytes: Deno.memoryUsage().rss };
}
