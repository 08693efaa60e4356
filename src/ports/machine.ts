/** What kind of machine this program runs on. */

/** The processor's architecture as uname(1) names it. */
export function machineName(): string {
  return Deno.build.arch;
}
