/**
 * Answers of the guest agent, checked and brought into the form of this program. Source: QEMU docs/interop/qemu-ga-ref
 * (qga/qapi-schema.json).
 *
 * Every string in them is the guest's own word and hostile: it passes `src/core/sanitize.ts` before a terminal or a log
 * sees it, and nothing is decided on it. Numbers are checked to be finite and not negative, lists are bounded.
 */
import * as z from "zod";

const MAX_ITEMS = 4096;

const text = z.string();
const flag = z.boolean();
/** Counters may pass 2^53 and then lose their last digits; they are for show. */
const counter = z.number().nonnegative();
const whole = z.int().nonnegative();
const list = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_ITEMS);

/** The answer `{}`. */
export const nothing = z.object({}).transform(() => undefined);

export const agentInfo = z.object({
  version: text,
  supported_commands: list(z.object({ name: text, enabled: flag })),
}).transform((info) => ({
  version: info.version,
  /** Names of the commands that the agent offers at the moment. */
  commands: new Set(info.supported_commands.filter((c) => c.enabled).map((c) => c.name)) as ReadonlySet<
    string
  >,
}));
export type AgentInfo = z.output<typeof agentInfo>;

export const osInfo = z.object({
  id: text.optional(),
  name: text.optional(),
  "pretty-name": text.optional(),
  version: text.optional(),
  "version-id": text.optional(),
  variant: text.optional(),
  machine: text.optional(),
  "kernel-release": text.optional(),
  "kernel-version": text.optional(),
}).transform((os) => ({
  id: os.id,
  name: os.name,
  prettyName: os["pretty-name"],
  version: os.version,
  versionId: os["version-id"],
  variant: os.variant,
  machine: os.machine,
  kernelRelease: os["kernel-release"],
  kernelVersion: os["kernel-version"],
}));
export type OsInfo = z.output<typeof osInfo>;

export const hostName = z.object({ "host-name": text }).transform((answer) => answer["host-name"]);

/** Nanoseconds since 1970 (more than a double holds exactly) to milliseconds. */
export const time = z.number().nonnegative().transform((ns) => Math.round(ns / 1e6));

export const vcpus = list(
  z.object({ "logical-id": whole, online: flag, "can-offline": flag.optional() })
    .transform((cpu) => ({
      id: cpu["logical-id"],
      online: cpu.online,
      canOffline: cpu["can-offline"] ?? false,
    })),
);
export type GuestVcpu = z.output<typeof vcpus>[number];

export const filesystems = list(
  z.object({
    name: text,
    mountpoint: text,
    type: text,
    "used-bytes": counter.optional(),
    "total-bytes": counter.optional(),
  }).transform((fs) => ({
    name: fs.name,
    mountpoint: fs.mountpoint,
    type: fs.type,
    usedBytes: fs["used-bytes"],
    totalBytes: fs["total-bytes"],
  })),
);
export type GuestFilesystem = z.output<typeof filesystems>[number];

export const interfaces = list(
  z.object({
    name: text,
    "hardware-address": text.optional(),
    "ip-addresses": list(
      z.object({ "ip-address": text, "ip-address-type": z.enum(["ipv4", "ipv6"]), prefix: whole.max(128) })
        .transform((ip) => ({ address: ip["ip-address"], type: ip["ip-address-type"], prefix: ip.prefix })),
    ).optional(),
    statistics: z.object({ "rx-bytes": counter, "tx-bytes": counter })
      .transform((s) => ({ rxBytes: s["rx-bytes"], txBytes: s["tx-bytes"] })).optional(),
  }).transform((nic) => ({
    name: nic.name,
    hardwareAddress: nic["hardware-address"],
    addresses: nic["ip-addresses"] ?? [],
    statistics: nic.statistics,
  })),
);
export type GuestInterface = z.output<typeof interfaces>[number];

export const users = list(
  z.object({ user: text, domain: text.optional(), "login-time": counter })
    .transform((u) => ({ user: u.user, domain: u.domain, loginAt: Math.round(u["login-time"] * 1000) })),
);
export type GuestUser = z.output<typeof users>[number];

/** Milliseconds of each processor since the guest's boot (Linux guests only). */
export const cpuStats = list(
  z.object({ cpu: whole, user: counter, system: counter, idle: counter, iowait: counter.optional() }),
);
export type GuestCpuStats = z.output<typeof cpuStats>[number];

const SECTOR = 512;
/** Bytes and requests of each disk since the guest's boot (Linux guests only). */
export const diskStats = list(
  z.object({
    name: text,
    stats: z.object({
      "read-sectors": counter.optional(),
      "write-sectors": counter.optional(),
      "read-ios": counter.optional(),
      "write-ios": counter.optional(),
    }),
  }).transform(({ name, stats }) => ({
    name,
    readBytes: (stats["read-sectors"] ?? 0) * SECTOR,
    writtenBytes: (stats["write-sectors"] ?? 0) * SECTOR,
    reads: stats["read-ios"] ?? 0,
    writes: stats["write-ios"] ?? 0,
  })),
);
export type GuestDiskStats = z.output<typeof diskStats>[number];

export const freezeStatus = z.enum(["thawed", "frozen"]);
export type FreezeStatus = z.output<typeof freezeStatus>;

/** How many file systems were frozen or thawed. */
export const count = whole;

export const execStarted = z.object({ pid: z.int().positive() }).transform((answer) => answer.pid);

const base64 = text.transform((encoded, context): Uint8Array => {
  try {
    return Uint8Array.fromBase64(encoded);
  } catch {
    context.addIssue({ code: "custom", message: "is not base64" });
    return z.NEVER;
  }
});

export const execStatus = z.object({
  exited: flag,
  exitcode: z.int().optional(),
  signal: z.int().optional(),
  "out-data": base64.optional(),
  "err-data": base64.optional(),
  "out-truncated": flag.optional(),
  "err-truncated": flag.optional(),
}).transform((s) => ({
  exited: s.exited,
  exitCode: s.exitcode,
  signal: s.signal,
  stdout: s["out-data"] ?? new Uint8Array(),
  stderr: s["err-data"] ?? new Uint8Array(),
  /** The agent, or the bound of the caller, cut something off. */
  truncated: (s["out-truncated"] ?? false) || (s["err-truncated"] ?? false),
}));
export type ExecStatus = z.output<typeof execStatus>;
