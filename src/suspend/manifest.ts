/**
 * The manifest of a suspended guest: what its saved memory belongs to. As long as the file is there the guest is
 * suspended; its atomic appearance is the end of a suspend, its removal the end of a resume. Pure.
 */
import * as z from "zod";
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";

const size = z.int().nonnegative();

const schema = z.strictObject({
  version: z.literal(0),
  vm: z.string(),
  /** When, as UTC text, and by which rayvisor. */
  saved_at: z.string(),
  rayvisor: z.string(),
  /** The QEMU that wrote the stream. */
  qemu: z.strictObject({ version: z.string(), package: z.string() }),
  /** Said once more apart from the command line, for people. */
  machine: z.string(),
  accelerator: z.string(),
  cpu: z.string(),
  uuid: z.string(),
  vcpu: z.int().positive(),
  memory_mib: z.int().positive(),
  /** QEMU's arguments as `comparable()` gives them. */
  args: z.array(z.string()),
  /** Every image of the data root that QEMU had open: path relative to the root, size, last change in nanoseconds since 1970. */
  images: z.array(z.strictObject({ path: z.string(), bytes: size, modified_ns: z.string().regex(/^\d+$/) })),
  memory: z.strictObject({ bytes: size, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
});
export type Manifest = z.output<typeof schema>;

export const MAX_MANIFEST_BYTES = 1024 * 1024;

export function manifestText(manifest: Manifest): string {
  return JSON.stringify(manifest, null, 2) + "\n";
}

/** The manifest of guest `vm`; the error is half a sentence: why it is none. */
export function parseManifest(text: string, vm: string): Result<Manifest, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err("it is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return err(sanitizeLine(`${issue?.path.join(".") || "it"}: ${issue?.message ?? "wrong"}`, 200));
  }
  if (parsed.data.vm !== vm) return err(`it belongs to ${sanitizeLine(parsed.data.vm, 80)}`);
  return ok(parsed.data);
}

/** `7.2.22` */
export function versionText(version: { major: number; minor: number; micro: number }): string {
  return `${version.major}.${version.minor}.${version.micro}`;
}
