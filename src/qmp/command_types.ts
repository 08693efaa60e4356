/** Parts of command arguments that come in several kinds, told apart by one member. Wire names as in QEMU's qapi/*.json. */
import * as z from "zod";

/** Run states of a guest (qapi/run-state.json). `unknown` stands for a state that a newer QEMU may add. */
export const RUN_STATES = [
  "debug",
  "inmigrate",
  "internal-error",
  "io-error",
  "paused",
  "postmigrate",
  "prelaunch",
  "finish-migrate",
  "restore-vm",
  "running",
  "save-vm",
  "shutdown",
  "suspended",
  "watchdog",
  "guest-panicked",
  "colo",
] as const;
export type RunState = (typeof RUN_STATES)[number] | "unknown";

/** One of the named values; any other value, also one of a newer QEMU, reads as `unknown`. */
export function oneOf<const V extends readonly string[]>(
  values: V,
): z.ZodCatch<z.ZodEnum<{ [K in V[number] | "unknown"]: K }>> {
  return z.enum<readonly (V[number] | "unknown")[]>([...values, "unknown"]).catch("unknown");
}

const text = z.string();
const flag = z.boolean();
const whole = z.number();

/** A key by QEMU's name (qcode), as `ret`, `ctrl`, `delete`. */
export const keyValue = z.object({ type: z.enum(["qcode"]), data: text });

export const inputEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("key"), data: z.object({ down: flag, key: keyValue }) }),
  z.object({
    type: z.literal("btn"),
    data: z.object({
      down: flag,
      button: z.enum(["left", "middle", "right", "wheel-up", "wheel-down", "side", "extra"]),
    }),
  }),
  /** Absolute position, 0 to 32767 over the whole screen. */
  z.object({ type: z.literal("abs"), data: z.object({ axis: z.enum(["x", "y"]), value: whole }) }),
  z.object({ type: z.literal("rel"), data: z.object({ axis: z.enum(["x", "y"]), value: whole }) }),
]);

const unixAddress = z.object({ type: z.literal("unix"), path: text });

/** Where the VNC server listens; an empty list stops listening (clients that are connected stay). */
export const displayUpdate = z.object({ type: z.literal("vnc"), addresses: z.array(unixAddress) });

export const netdev = z.discriminatedUnion("type", [
  z.object({ type: z.literal("stream"), id: text, server: flag.optional(), addr: unixAddress }),
  z.object({
    type: z.literal("dgram"),
    id: text,
    local: unixAddress.optional(),
    remote: unixAddress.optional(),
  }),
  z.object({
    type: z.literal("tap"),
    id: text,
    ifname: text.optional(),
    script: text.optional(),
    downscript: text.optional(),
    vhost: flag.optional(),
  }),
  z.object({
    type: z.literal("user"),
    id: text,
    restrict: flag.optional(),
    ipv6: flag.optional(),
    net: text.optional(),
  }),
]);

const nodeOptions = {
  "node-name": text,
  "read-only": flag.optional(),
  "auto-read-only": flag.optional(),
  discard: z.enum(["ignore", "unmap"]).optional(),
  "detect-zeroes": z.enum(["off", "on", "unmap"]).optional(),
  cache: z.object({ direct: flag.optional(), "no-flush": flag.optional() }).optional(),
};

/** A block node. Lower nodes are named, not nested: each has its own `blockdev-add`. */
export const blockNode = z.discriminatedUnion("driver", [
  z.object({ driver: z.literal("file"), filename: text, ...nodeOptions }),
  z.object({ driver: z.literal("raw"), file: text, ...nodeOptions }),
  z.object({ driver: z.literal("qcow2"), file: text, backing: text.nullish(), ...nodeOptions }),
]);

export const transactionAction = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("blockdev-snapshot-sync"),
    data: z.object({
      "node-name": text,
      "snapshot-file": text,
      "snapshot-node-name": text,
      format: z.enum(["qcow2"]),
    }),
  }),
  z.object({
    type: z.literal("blockdev-snapshot-internal-sync"),
    data: z.object({ device: text, name: text }),
  }),
]);
