/** What this program was built from. The build puts it in front of the bundle. */

export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  /** Where the base runtime of the binary came from, see `docs/building.md`. */
  readonly base: string;
  readonly deno: string;
}

export function buildInfo(): BuildInfo {
  const built = (globalThis as { __RAYVISOR_BUILD__?: BuildInfo }).__RAYVISOR_BUILD__; // set by the build, or absent
  return built ?? { version: "0.1.0", commit: "source", base: "source tree", deno: Deno.version.deno };
}

/** One line for `--version`. */
export function versionLine(): string {
  const { version, commit, base, deno } = buildInfo();
  return `rayvisor ${version} (${commit}; Deno ${deno}, ${base})`;
}
