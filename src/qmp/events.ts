/**
 * QMP events. Those that this program acts on have a type; every other one, and one whose data has an unexpected
 * shape, is kept as `other`, never lost. Source: QEMU docs/interop/qemu-qmp-ref, checked like the commands.
 */
import * as z from "zod";
import { isObject, type JsonObject } from "../core/json.ts";
import type { Instant } from "../core/time.ts";
import { oneOf } from "./command_types.ts";

/** Why QEMU shut down or reset a guest (qapi/run-state.json, ShutdownCause). */
export const SHUTDOWN_REASONS = [
  "none",
  "host-error",
  "host-qmp-quit",
  "host-qmp-system-reset",
  "host-signal",
  "host-ui",
  "guest-shutdown",
  "guest-reset",
  "guest-panic",
  "subsystem-reset",
  "snapshot-load",
] as const;
export type ShutdownReason = (typeof SHUTDOWN_REASONS)[number] | "unknown";

const text = z.string();
const flag = z.boolean();
const count = z.number();
const empty = z.object({});
/** Whether the guest itself caused it, and why. */
const cause = z.object({ guest: flag, reason: oneOf(SHUTDOWN_REASONS) });
const device = z.object({ device: text.optional(), path: text });
const vncPeer = z.object({ host: text, service: text, family: text });
const vnc = z.object({ server: vncPeer, client: vncPeer });
const blockJob = z.object({ type: text, device: text, len: count, offset: count });
/** `info` of GUEST_PANICKED differs by kind and is the guest's word: only that it is there is kept, with its kind. */
const panic = z.object({ action: text, info: z.object({ type: text }).optional() });

export const EVENTS = {
  STOP: empty,
  RESUME: empty,
  SHUTDOWN: cause,
  RESET: cause,
  POWERDOWN: empty,
  SUSPEND: empty,
  WAKEUP: empty,
  GUEST_PANICKED: panic,
  GUEST_CRASHLOADED: panic,
  WATCHDOG: z.object({ action: text }),
  VSERPORT_CHANGE: z.object({ id: text, open: flag }),
  DEVICE_DELETED: device,
  DEVICE_UNPLUG_GUEST_ERROR: device,
  DEVICE_TRAY_MOVED: z.object({ device: text, id: text, "tray-open": flag }),
  BLOCK_IO_ERROR: z.object({
    device: text,
    "node-name": text.optional(),
    operation: oneOf(["read", "write"]),
    action: oneOf(["ignore", "report", "stop"]),
    nospace: flag.optional(),
    reason: text,
  }),
  BLOCK_IMAGE_CORRUPTED: z.object({
    device: text,
    "node-name": text.optional(),
    msg: text,
    fatal: flag,
  }),
  BLOCK_JOB_READY: blockJob,
  BLOCK_JOB_COMPLETED: blockJob.extend({ error: text.optional() }),
  BLOCK_JOB_ERROR: z.object({ device: text, operation: text, action: text }),
  JOB_STATUS_CHANGE: z.object({ id: text, status: text }),
  BALLOON_CHANGE: z.object({ actual: count }),
  RTC_CHANGE: z.object({ offset: count }),
  MIGRATION: z.object({ status: text }),
  NETDEV_STREAM_CONNECTED: z.object({ "netdev-id": text }),
  NETDEV_STREAM_DISCONNECTED: z.object({ "netdev-id": text }),
  VNC_CONNECTED: vnc,
  VNC_INITIALIZED: vnc,
  VNC_DISCONNECTED: vnc,
} as const satisfies Record<string, z.ZodType>;

export type QmpEventName = keyof typeof EVENTS;

/** `at` is QEMU's own wall clock, absent when QEMU could not read it. */
export type QmpEvent =
  | {
    [N in QmpEventName]: {
      readonly name: N;
      readonly data: z.output<(typeof EVENTS)[N]>;
      readonly at?: Instant;
    };
  }[QmpEventName]
  | {
    readonly name: "other";
    readonly wireName: string;
    readonly data: JsonObject;
    readonly at?: Instant;
    /** Set when the name is known and the data did not fit. */
    readonly misfit?: string;
  };

/** The event of one QMP message, or undefined when the message is none. */
export function parseEvent(message: JsonObject): QmpEvent | undefined {
  const wireName = message.event;
  if (typeof wireName !== "string") return undefined;
  // isObject() narrows to unknown members; a part of a JsonObject that is an object is a JsonObject.
  const data = (isObject(message.data) ? message.data : {}) as JsonObject;
  const at = timestamp(message.timestamp);
  const when = at === undefined ? {} : { at };
  if (!Object.hasOwn(EVENTS, wireName)) return { name: "other", wireName, data, ...when };
  const name = wireName as QmpEventName; // hasOwn has just proved it
  const parsed = EVENTS[name].safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { name: "other", wireName, data, ...when, misfit: `${issue?.path.join(".")}: ${issue?.message}` };
  }
  // The compiler can't follow that EVENTS[name] parsed the data of just this name.
  return { name, data: parsed.data, ...when } as QmpEvent;
}

/** `{seconds, microseconds}`, both -1 when QEMU has no time (qmp-spec.txt, 2.5). */
function timestamp(value: unknown): Instant | undefined {
  if (!isObject(value)) return undefined;
  const { seconds, microseconds } = value;
  if (typeof seconds !== "number" || typeof microseconds !== "number" || seconds < 0) return undefined;
  return seconds * 1000 + microseconds / 1000;
}
