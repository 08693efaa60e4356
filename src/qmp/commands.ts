/**
 * The QMP commands that this program uses, with their exact wire names. From this one table come the types of
 * arguments and answers, the check of an answer's shape, and how long a command may take. Source: QEMU
 * docs/interop/qemu-qmp-ref (qapi/*.json); every name is checked against what QEMU itself says
 * (tests/fixtures/qmp/schema-7.2.json).
 *
 * Sizes are bytes, times milliseconds, unless a name says otherwise. Answers keep only the members named here.
 */
import * as z from "zod";
import {
  blockNode,
  displayUpdate,
  inputEvent,
  keyValue,
  netdev,
  oneOf,
  RUN_STATES,
  transactionAction,
} from "./command_types.ts";

/** Time-out of a command that names none of its own. Generous, because a busy main loop of QEMU answers nothing. */
export const DEFAULT_TIMEOUT_MS = 10_000;

interface Command<A extends z.ZodType, R extends z.ZodType> {
  readonly args: A;
  readonly returns: R;
  readonly timeoutMs: number;
}

function command<A extends z.ZodRawShape, R extends z.ZodType>(
  args: A,
  returns: R,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Command<z.ZodObject<A>, R> {
  return { args: z.object(args), returns, timeoutMs };
}

/** The answer `{}`. Members that a newer QEMU adds are no fault. */
const nothing = z.object({});
const text = z.string();
const flag = z.boolean();
const count = z.number();
const named = { id: text };
/** The guest's whole memory is written or read inside QEMU's main loop; measured 0.5 s for 330 MiB. */
const MEMORY_MS = 600_000;
/** Waits for disks to be flushed. */
const FLUSH_MS = 60_000;

const snapshotArgs = { "job-id": text, tag: text, vmstate: text, devices: z.array(text) };
const imageInfo = z.object({
  filename: text,
  format: text,
  "virtual-size": count,
  "actual-size": count.optional(),
  "dirty-flag": flag.optional(),
  "backing-filename": text.optional(),
  snapshots: z.array(z.object({
    id: text,
    name: text,
    "vm-state-size": count,
    "date-sec": count,
    "vm-clock-sec": count,
  })).optional(),
});
const nodeInfo = z.object({
  file: text,
  "node-name": text.optional(),
  ro: flag,
  drv: text,
  backing_file_depth: count,
  image: imageInfo,
});
const property = z.object({ name: text, type: text, description: text.optional() });
const cpuModel = z.object({ name: text, props: z.record(text, z.unknown()).optional() });

export const COMMANDS = {
  // The session and QEMU itself
  "qmp_capabilities": command({ enable: z.array(z.enum(["oob"])).optional() }, nothing),
  "query-version": command(
    {},
    z.object({ qemu: z.object({ major: count, minor: count, micro: count }), package: text }),
  ),
  "query-qmp-schema": command({}, z.array(z.looseObject({ name: text, "meta-type": text })), 30_000),
  "query-commands": command({}, z.array(z.object({ name: text }))),
  "query-command-line-options": command(
    { option: text.optional() },
    z.array(z.object({ option: text, parameters: z.array(z.object({ name: text, type: text })) })),
  ),
  "query-machines": command(
    {},
    z.array(z.object({
      name: text,
      alias: text.optional(),
      "is-default": flag.optional(),
      "cpu-max": count,
      deprecated: flag,
    })),
  ),
  "query-cpu-definitions": command(
    {},
    z.array(z.object({
      name: text,
      typename: text,
      static: flag,
      deprecated: flag,
      "migration-safe": flag.optional(),
      "unavailable-features": z.array(text).optional(),
      "alias-of": text.optional(),
    })),
  ),
  "query-cpu-model-expansion": command(
    { type: z.enum(["static", "full"]), model: cpuModel },
    z.object({ model: cpuModel }),
  ),
  "query-kvm": command({}, z.object({ enabled: flag, present: flag })),
  "query-tpm-models": command({}, z.array(text)),
  "query-tpm-types": command({}, z.array(text)),
  "qom-list-types": command(
    { implements: text.optional(), abstract: flag.optional() },
    z.array(z.object({ name: text, abstract: flag.optional(), parent: text.optional() })),
  ),
  "device-list-properties": command({ typename: text }, z.array(property)),

  // The guest as a whole
  "query-status": command({}, z.object({ running: flag, status: oneOf(RUN_STATES) })),
  "query-name": command({}, z.object({ name: text.optional() })),
  "query-uuid": command({}, z.object({ UUID: text })),
  "cont": command({}, nothing, FLUSH_MS),
  "stop": command({}, nothing, FLUSH_MS),
  "system_powerdown": command({}, nothing),
  "system_reset": command({}, nothing, FLUSH_MS),
  "system_wakeup": command({}, nothing),
  "inject-nmi": command({}, nothing),
  "quit": command({}, nothing, FLUSH_MS),
  "set-action": command({
    reboot: z.enum(["reset", "shutdown"]).optional(),
    shutdown: z.enum(["poweroff", "pause"]).optional(),
    panic: z.enum(["pause", "shutdown", "exit-failure", "none"]).optional(),
    watchdog: z.enum(["reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi"]).optional(),
  }, nothing),

  // Processors and memory
  "query-cpus-fast": command(
    {},
    z.array(z.object({ "cpu-index": count, "qom-path": text, "thread-id": count })),
  ),
  "query-memory-size-summary": command(
    {},
    z.object({ "base-memory": count, "plugged-memory": count.optional() }),
  ),
  "query-balloon": command({}, z.object({ actual: count })),
  "balloon": command({ value: count }, nothing),

  // The object model and devices
  "qom-list": command({ path: text }, z.array(property)),
  "qom-get": command({ path: text, property: text }, z.unknown()),
  "qom-set": command({ path: text, property: text, value: z.unknown() }, nothing),
  "query-chardev": command({}, z.array(z.object({ label: text, filename: text, "frontend-open": flag }))),
  "query-tpm": command(
    {},
    z.array(z.object({ id: text, model: text, options: z.object({ type: text }) })),
  ),
  "device_add": {
    // A device's own properties stand beside these three and are checked by QEMU (device-list-properties names them).
    args: z.looseObject({ driver: text, id: text, bus: text.optional() }),
    returns: nothing,
    timeoutMs: 15_000,
  },
  "device_del": command(named, nothing),
  "object-del": command(named, nothing),

  // Network
  "netdev_add": { args: netdev, returns: nothing, timeoutMs: DEFAULT_TIMEOUT_MS },
  "netdev_del": command(named, nothing),
  "set_link": command({ name: text, up: flag }, nothing),
  "query-rx-filter": command(
    { name: text.optional() },
    z.array(z.object({ name: text, promiscuous: flag, "main-mac": text })),
  ),

  // Screen and input
  "screendump": command(
    {
      filename: text,
      device: text.optional(),
      head: count.optional(),
      format: z.enum(["ppm", "png"]).optional(),
    },
    nothing,
    15_000,
  ),
  "send-key": command({ keys: z.array(keyValue), "hold-time": count.optional() }, nothing),
  "input-send-event": command({
    device: text.optional(),
    head: count.optional(),
    events: z.array(inputEvent),
  }, nothing),
  "query-mice": command({}, z.array(z.object({ name: text, index: count, current: flag, absolute: flag }))),
  "display-update": { args: displayUpdate, returns: nothing, timeoutMs: DEFAULT_TIMEOUT_MS },
  "query-vnc": command(
    {},
    z.object({
      enabled: flag,
      family: text.optional(),
      service: text.optional(),
      clients: z.array(z.object({ family: text, host: text, service: text })).optional(),
    }),
  ),

  // Block devices
  "query-block": command(
    {},
    z.array(z.object({
      device: text,
      qdev: text.optional(),
      removable: flag,
      tray_open: flag.optional(),
      "io-status": oneOf(["ok", "failed", "nospace"]).optional(),
      inserted: nodeInfo.optional(),
    })),
  ),
  "query-blockstats": command(
    { "query-nodes": flag.optional() },
    z.array(z.object({
      device: text.optional(),
      qdev: text.optional(),
      "node-name": text.optional(),
      stats: z.object({
        rd_bytes: count,
        wr_bytes: count,
        rd_operations: count,
        wr_operations: count,
        flush_operations: count,
        rd_total_time_ns: count,
        wr_total_time_ns: count,
        failed_rd_operations: count,
        failed_wr_operations: count,
        wr_highest_offset: count,
      }),
    })),
  ),
  "query-named-block-nodes": command({ flat: flag.optional() }, z.array(nodeInfo)),
  "blockdev-add": { args: blockNode, returns: nothing, timeoutMs: 30_000 },
  "blockdev-del": command({ "node-name": text }, nothing, FLUSH_MS),
  "block_resize": command({ "node-name": text, size: count }, nothing, FLUSH_MS),
  "eject": command({ id: text, force: flag.optional() }, nothing),
  "blockdev-snapshot-sync": command(
    {
      "node-name": text,
      "snapshot-file": text,
      "snapshot-node-name": text.optional(),
      format: text.optional(),
      mode: z.enum(["existing", "absolute-paths"]).optional(),
    },
    nothing,
    FLUSH_MS,
  ),
  "transaction": command({ actions: z.array(transactionAction) }, nothing, FLUSH_MS),
  "block-commit": command(
    {
      "job-id": text,
      device: text,
      "base-node": text.optional(),
      "top-node": text.optional(),
      speed: count.optional(),
      "auto-dismiss": flag.optional(),
    },
    nothing,
    FLUSH_MS,
  ),
  "nbd-server-start": command({
    addr: z.object({ type: z.enum(["unix"]), data: z.object({ path: text }) }),
    "max-connections": count.optional(),
  }, nothing),
  "nbd-server-add": command(
    { device: text, name: text.optional(), writable: flag.optional() },
    nothing,
  ),
  "nbd-server-stop": command({}, nothing),

  // Jobs, snapshots, migration
  "query-jobs": command(
    {},
    z.array(z.object({
      id: text,
      type: text,
      status: text,
      "current-progress": count,
      "total-progress": count,
      error: text.optional(),
    })),
  ),
  "job-cancel": command(named, nothing),
  "job-complete": command(named, nothing, FLUSH_MS),
  "job-dismiss": command(named, nothing),
  "snapshot-save": command(snapshotArgs, nothing, MEMORY_MS),
  "snapshot-load": command(snapshotArgs, nothing, MEMORY_MS),
  "snapshot-delete": command(
    { "job-id": text, tag: text, devices: z.array(text) },
    nothing,
    FLUSH_MS,
  ),
  "migrate": command({ uri: text }, nothing, 30_000),
  "migrate-incoming": command({ uri: text }, nothing, 30_000),
  "migrate_cancel": command({}, nothing),
  "migrate-set-parameters": command(
    { "max-bandwidth": count.optional(), "downtime-limit": count.optional() },
    nothing,
  ),
  "migrate-set-capabilities": command(
    { capabilities: z.array(z.object({ capability: z.enum(["events"]), state: flag })) },
    nothing,
  ),
  "query-migrate": command(
    {},
    z.object({
      status: text.optional(),
      ram: z.object({ transferred: count, remaining: count, total: count }).optional(),
      "total-time": count.optional(),
      downtime: count.optional(),
      "error-desc": text.optional(),
      "blocked-reasons": z.array(text).optional(),
    }),
  ),
} as const satisfies Record<string, Command<z.ZodType, z.ZodType>>;

export type QmpCommandName = keyof typeof COMMANDS;
/** What a command takes. */
export type QmpArgs<N extends QmpCommandName> = z.input<(typeof COMMANDS)[N]["args"]>;
/** What a command answers, cut down to the members that this program reads. */
export type QmpReturn<N extends QmpCommandName> = z.output<(typeof COMMANDS)[N]["returns"]>;

const BY_NAME: ReadonlyMap<string, Command<z.ZodType, z.ZodType>> = new Map(Object.entries(COMMANDS));

/** Milliseconds that a command may take; the default for one that is not in the table. */
export function timeoutOf(name: string): number {
  return BY_NAME.get(name)?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
}
