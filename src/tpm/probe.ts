/** Asks swtpm and swtpm_setup what they can do (`--print-capabilities`, swtpm(8)). */
import { isObject } from "../core/json.ts";
import type { SwtpmCapabilities } from "../host/capabilities.ts";
import { findProgram } from "../ports/folders.ts";
import { PLAIN_ENV, run } from "../ports/processes.ts";

export interface PrintedCapabilities {
  readonly version: string;
  readonly features: readonly string[];
}

/** The JSON that both tools print; undefined when it is something else. */
export function parsePrintedCapabilities(text: string): PrintedCapabilities | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || !Array.isArray(value["features"])) return undefined;
    const version = value["version"];
    return {
      version: typeof version === "string" ? version : "unknown",
      features: value["features"].filter((feature) => typeof feature === "string"),
    };
  } catch {
    return undefined;
  }
}

/** Null when one of the tools is not installed, doesn't answer, or has no TPM 2.0. */
export async function probeSwtpm(path: string = PLAIN_ENV["PATH"] ?? ""): Promise<SwtpmCapabilities | null> {
  const [program, setupProgram, localcaProgram] = await Promise.all(
    ["swtpm", "swtpm_setup", "swtpm_localca"].map((name) => findProgram(name, path)),
  );
  if (program === undefined || setupProgram === undefined || localcaProgram === undefined) return null;
  const [emulator, setup] = await Promise.all([
    run(program, { args: ["socket", "--print-capabilities"], timeoutMs: 10_000 }),
    run(setupProgram, { args: ["--print-capabilities"], timeoutMs: 10_000 }),
  ]);
  const known = parsePrintedCapabilities(emulator.stdout);
  const setupKnown = parsePrintedCapabilities(setup.stdout);
  if (!known || !setupKnown || !known.features.includes("tpm-2.0")) return null;
  return {
    program,
    version: known.version,
    features: known.features,
    setupProgram,
    setupFeatures: setupKnown.features,
    localcaProgram,
  };
}
