/**
 * The rights of the compiled program: every one of its flags, each with its reason. `deno task build` compiles with
 * exactly these, and `docs/permissions.md` is made from them.
 */

import { ALL_PROGRAMS, NETS } from "../ports/self.ts";

/** One flag of `deno compile`. */
export interface Permission {
  readonly flag: string;
  /** Values, where the flag takes any; without them the flag stands alone. */
  readonly values?: readonly string[];
  readonly reason: string;
}

export const PERMISSIONS: readonly Permission[] = [
  {
    flag: "--allow-read",
    reason: "the data root is chosen at run time, and disks, media and firmware may lie anywhere",
  },
  {
    flag: "--allow-write",
    reason: "the data root is chosen at run time",
  },
  {
    flag: "--deny-write",
    values: ["/etc", "/usr", "/boot", "/bin", "/sbin", "/lib", "/lib64", "/opt"],
    reason: "nothing is ever written into the host's own system",
  },
  {
    flag: "--allow-run",
    values: ALL_PROGRAMS,
    reason:
      "itself as the supervisor, the emulators and their tools, what builds the demo's guest, and what preflight asks",
  },
  {
    flag: "--allow-env",
    values: [
      "RAYOS_ROOT",
      "RAYOS_TRUSTED_KEYS",
      "RAYOS_DEBUG",
      "NOTIFY_SOCKET",
      "WATCHDOG_USEC",
      "WATCHDOG_PID",
      "INVOCATION_ID",
      "NO_COLOR",
      "FORCE_COLOR",
      "TERM",
      "COLORTERM",
      "COLORFGBG",
      "TERM_PROGRAM",
      "TERM_PROGRAM_VERSION",
      "TMUX",
      "COLUMNS",
      "LINES",
      "LANG",
      "LC_ALL",
      "LC_CTYPE",
      "HOME",
      "TMPDIR",
      "PATH",
      "XDG_CACHE_HOME",
      "NODE_V8_COVERAGE",
      "CI",
      "DEV",
    ],
    reason: "settings of rayvisor, what a service manager tells, and what its terminal libraries look at",
  },
  {
    flag: "--ignore-env",
    reason: "every other variable reads as not set, so that no secret of the environment is seen",
  },
  {
    flag: "--allow-net",
    values: Object.values(NETS).flat(),
    reason:
      "a name that never resolves (RFC 6761), since HTTP over the control socket asks for a host by name; and for the " +
      "gateway of a guest's network alone, given up by every other command: public addresses, and resolvers",
  },
  {
    flag: "--allow-sys",
    values: [
      "uid",
      "gid",
      "hostname",
      "osRelease",
      "cpus",
      "systemMemoryInfo",
      "loadavg",
      "statfs",
      "networkInterfaces",
    ],
    reason:
      "the owner of the data root, facts about the host's size, the room on its file systems, and its own addresses, " +
      "which no guest may reach",
  },
  { flag: "--unstable-net", reason: "HTTP over unix sockets" },
  { flag: "--no-prompt", reason: "what is not listed here is refused, without a question" },
];

/** The table as arguments of `deno compile`. */
export function permissionFlags(table: readonly Permission[] = PERMISSIONS): string[] {
  return table.map(({ flag, values }) => values ? `${flag}=${values.join(",")}` : flag);
}

/** The table as a page of documentation. */
export function permissionsPage(table: readonly Permission[] = PERMISSIONS): string {
  const rows = table.map(({ flag, values, reason }) =>
    `| \`${flag}\` | ${values?.map((value) => `\`${value}\``).join(" ") ?? ""} | ${reason} |`
  );
  return [
    "# What the program may do",
    "",
    "Made from `src/dev/permissions.ts` by `deno task docs`. The compiled program has these rights and no others; they can't be",
    "widened when it is started.",
    "",
    "| flag | values | why |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
