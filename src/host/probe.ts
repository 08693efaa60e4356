/**
 * Asks this host for its capabilities, and remembers the answers in a file: QEMU's and swtpm's as long as their binaries are the same,
 * KVM's also only until the next boot (another kernel, another CPU microcode).
 */
import { canonicalJson, isObject } from "../core/json.ts";
import { fail, Failure } from "../core/problem.ts";
import { isNotFound, readTextBounded, writeFileAtomic } from "../ports/files.ts";
import { bootId } from "../ports/proc_files.ts";
import { findProgram } from "../ports/folders.ts";
import { PLAIN_ENV } from "../ports/processes.ts";
import { findQemu, probeQemu, type ProgramStamp, stampOf } from "../qemu/probe.ts";
import { probeSwtpm } from "../tpm/probe.ts";
import type { HostCapabilities } from "./capabilities.ts";
import { probeKvm } from "./kvm_probe.ts";

/** Counts up when the shape of what is remembered changes. */
const FORMAT = 1;
const MAX_CACHE_BYTES = 4 * 1024 * 1024;

export interface HostProbeOptions {
  /** File to remember the answers in, inside a private folder; none is read or written when absent. */
  readonly cacheFile?: string;
  /** Search path; default that of `PLAIN_ENV`. */
  readonly path?: string;
  /** Calls the probe off: it ends with a Failure and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/** Failure `missing` without a usable QEMU. A missing swtpm or KVM is part of the answer. About 0.2 s, 5 ms when remembered. */
export async function probeHost(options: HostProbeOptions = {}): Promise<HostCapabilities> {
  const path = options.path ?? PLAIN_ENV["PATH"] ?? "";
  const program = await findQemu(path);
  const key = canonicalJson({
    format: FORMAT,
    bootId: await bootId(),
    programs: await stamps(program, path),
  });
  const known = options.cacheFile === undefined ? undefined : await recall(options.cacheFile, key);
  if (known) return known;
  const [qemu, kvm, swtpm] = await Promise.all([
    probeQemu(program, options.signal),
    probeKvm(program, { signal: options.signal }),
    probeSwtpm(path),
  ]);
  const found: HostCapabilities = { qemu, kvm, swtpm };
  if (options.cacheFile !== undefined) {
    const text = JSON.stringify({ key, sum: await checksum(found), capabilities: found });
    await writeFileAtomic(options.cacheFile, text).catch(() => {}); // a full disk: asked again by the next one
  }
  return found;
}

async function stamps(qemu: string, path: string): Promise<ProgramStamp[]> {
  const others = await Promise.all(
    ["swtpm", "swtpm_setup", "swtpm_localca"].map((name) => findProgram(name, path)),
  );
  return await Promise.all([qemu, ...others.filter((p) => p !== undefined)].map(stampOf));
}

/** What was remembered under exactly this key; anything damaged counts as nothing. */
async function recall(file: string, key: string): Promise<HostCapabilities | undefined> {
  try {
    const value: unknown = JSON.parse(await readTextBounded(file, MAX_CACHE_BYTES));
    if (!isObject(value) || value["key"] !== key || !isObject(value["capabilities"])) return undefined;
    if (value["sum"] !== await checksum(value["capabilities"])) return undefined;
    // This program wrote it in this FORMAT, and the checksum says that it is whole.
    return value["capabilities"] as unknown as HostCapabilities;
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError || error instanceof Failure) return undefined;
    throw error;
  }
}

async function checksum(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(value));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** For callers that can't go on without swtpm. */
export function needSwtpm(host: HostCapabilities): NonNullable<HostCapabilities["swtpm"]> {
  return host.swtpm ??
    fail("missing", "swtpm is not installed", {
      hint: "install swtpm and swtpm-tools, then `rayvisor serve --stop` (guests go on) and ask again",
    });
}
