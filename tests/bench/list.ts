/**
 * Cold `vm list --json`, its supervisor running, against an empty program of the same base runtime (what any compiled
 * program costs before its own first line) and, where it is installed, against `virsh list`.
 */
import { recoverBase } from "../../src/dev/base.ts";
import { output, type Place, timed, withSupervisor } from "./place.ts";
import { measure, type Rounds } from "./rounds.ts";
import { compare, type Comparison } from "./stats.ts";

export interface ListReport {
  /** Milliseconds. */
  readonly empty: Comparison;
  /** Against `virsh list`; null where it is not installed or has no daemon to ask. */
  readonly virsh: Comparison | null;
}

export async function benchList(place: Place, rounds: Rounds): Promise<ListReport> {
  const empty = await compileEmpty(place);
  const hasVirsh = await output(place, "virsh", ["list"]).then(() => true, () => false);
  return await withSupervisor(place, "list", async (root) => {
    const sides = {
      list: () => timed(place, place.binary, ["--root", root.path, "vm", "list", "--json"]),
      empty: () => timed(place, empty, []),
    };
    if (!hasVirsh) {
      const taken = await measure(sides, rounds);
      return { empty: compare(taken.list, taken.empty), virsh: null };
    }
    const taken = await measure({ ...sides, virsh: () => timed(place, "virsh", ["list"]) }, rounds);
    return { empty: compare(taken.list, taken.empty), virsh: compare(taken.list, taken.virsh) };
  });
}

/** An empty program with the base runtime that the build took: given, recovered, or as `deno compile` gets it. */
async function compileEmpty(place: Place): Promise<string> {
  const version = await output(place, place.binary, ["--version"]);
  const base = Deno.env.get("DENORT_BIN") ??
    (version.includes("unofficial base")
      ? await recoverBase(new URL("../../dist/base", import.meta.url).pathname, () => {})
      : undefined);
  const program = `${place.folder}/empty`;
  await Deno.writeTextFile(`${program}.js`, "");
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-check",
      "--no-config",
      "--no-lock",
      "--output",
      program,
      `${program}.js`,
    ],
    env: base === undefined ? {} : { DENORT_BIN: base },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`the empty program could not be compiled: ${new TextDecoder().decode(stderr)}`);
  }
  return program;
}
