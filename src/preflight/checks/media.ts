/** Install media. */
import { shellQuote } from "../../core/shell.ts";
import { basename } from "../../core/file_names.ts";
import { ok } from "../../core/result.ts";
import { formatBytes, GIB, MIB } from "../../core/units.ts";
import { type Answer, attempt, type Facts } from "../facts.ts";
import type { MediumLook } from "../medium.ts";
import { checksumIn } from "../parse.ts";
import { bad, check, pass, type PreflightOptions, skip, type Verdict, warn } from "../types.ts";

/** Two hours: the largest media on the slowest disks. */
const HASH_LIMIT_MS = 2 * 3_600_000;

interface Row {
  readonly key: "windowsIso" | "virtioIso";
  readonly hashKey: "windowsIsoSha256" | "virtioIsoSha256";
  readonly id: "media.windows_iso" | "media.virtio_iso";
  readonly kind: MediumLook["kind"];
  readonly flag: string;
  readonly title: string;
  readonly why: string;
  /** Nothing of this kind is smaller. */
  readonly leastBytes: number;
  readonly from: string;
}

const ROWS: readonly Row[] = [
  {
    key: "windowsIso",
    hashKey: "windowsIsoSha256",
    id: "media.windows_iso",
    kind: "windows",
    flag: "--windows-iso",
    title: "Windows medium",
    why: "Windows is installed from it; a saved web page or a cut-off download shows only an hour later.",
    leastBytes: 2 * GIB,
    from: "https://www.microsoft.com/software-download/windows11",
  },
  {
    key: "virtioIso",
    hashKey: "virtioIsoSha256",
    id: "media.virtio_iso",
    kind: "virtio-win",
    flag: "--virtio-iso",
    title: "virtio drivers",
    why: "Windows sees no disk and no network of a guest without these drivers.",
    leastBytes: 50 * MIB,
    from: "https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/stable-virtio/virtio-win.iso",
  },
];

/** Pure. */
export function judgeMedium(
  row: Row,
  path: string | undefined,
  look: Answer<MediumLook> | undefined,
): Verdict {
  if (path === undefined || !look) return skip(`no medium was named (${row.flag} FILE)`);
  if (!look.ok) {
    return bad(
      `${path} can't be read: ${look.error}`,
      `name a file that this user can read (${shellQuote(path)})`,
    );
  }
  const { kind, bytes, title, problems, warnings } = look.value;
  const again = `download it again from ${row.from}`;
  const words = (list: MediumLook["problems"]) => list.map(({ message }) => message).join("; ");
  if (problems.length > 0) return bad(`${path}: ${words(problems)}`, again);
  if (kind !== row.kind) {
    return bad(`${path} is ${title}, not the ${row.title}`, `name another file with ${row.flag}`);
  }
  const found = `${path}: ${title}, ${formatBytes(bytes)}`;
  if (bytes < row.leastBytes) return bad(`${found}, too small to be whole`, again);
  return warnings.length > 0
    ? warn(`${found}; ${words(warnings)}`, `see \`rayvisor iso inspect ${shellQuote(path)}\``)
    : pass(found);
}

interface Hashed {
  readonly path: string | undefined;
  /** Undefined when nobody says what it should be. */
  readonly expected: string | undefined;
  readonly source: string;
  readonly actual: Answer<string> | undefined;
}

/** Pure. */
export function judgeHash(row: Row, { path, expected, source, actual }: Hashed): Verdict {
  if (path === undefined) return skip(`no medium was named (${row.flag} FILE)`);
  if (expected === undefined) {
    return skip(
      `nothing says what its hash should be`,
      `give ${row.flag}-sha256 HASH, or lay ${path}.sha256 beside it`,
    );
  }
  if (!/^[0-9a-f]{64}$/.test(expected)) {
    return bad(`${source} holds no SHA-256 for it`, "a SHA-256 is 64 hexadecimal digits");
  }
  if (!actual?.ok) {
    return warn(`${path} could not be hashed: ${actual?.error ?? "not there"}`, `see ${row.id}`);
  }
  return actual.value === expected ? pass(`SHA-256 as ${source} says: ${expected}`) : bad(
    `SHA-256 is ${actual.value}, and ${source} says ${expected}`,
    `download it again from ${row.from}`,
  );
}

function mediumCheck(row: Row) {
  return check({
    id: row.id,
    group: "media",
    profiles: ["windows"],
    title: row.title,
    why: row.why,
    judged:
      `SKIP without ${row.flag}; FAIL when there is no such file, it is damaged, something else, or smaller than ${
        formatBytes(row.leastBytes)
      }; WARN for what it may lack.`,
    ask: async ({ port, options, signal }: Facts) => {
      const path = options[row.key];
      const look = path === undefined ? undefined : await attempt(() => port.probes.medium(path), signal);
      return { path, look };
    },
    judge: ({ path, look }) => judgeMedium(row, path, look),
  });
}

function hashCheck(row: Row) {
  return check({
    id: `${row.id}_sha256`,
    group: "media",
    profiles: ["windows"],
    limitMs: HASH_LIMIT_MS,
    title: `${row.title}: hash`,
    why: "A medium that was changed or damaged on its way is told from the true one by its hash alone.",
    judged:
      `SKIP unless ${row.flag}-sha256 is given or FILE.sha256 lies beside; FAIL when the file's hash is another.`,
    ask: (facts: Facts) => hashed(row, facts),
    judge: (found) => judgeHash(row, found),
  });
}

async function hashed(row: Row, facts: Facts): Promise<Hashed> {
  const { port, options, signal } = facts;
  const path = options[row.key];
  if (path === undefined) return { path, expected: undefined, source: "", actual: undefined };
  const { expected, source } = await expectedHash(row, path, options, facts);
  if (expected === undefined || expected === "") return { path, expected, source, actual: undefined };
  const look = await attempt(() => port.probes.medium(path), signal);
  if (!look.ok) return { path, expected, source, actual: look };
  const total = Math.max(1, look.value.bytes);
  const actual = await attempt(
    () =>
      port.probes.sha256(
        path,
        (bytes) => facts.say(`${basename(path)}: ${Math.floor(100 * bytes / total)} % hashed`),
        signal,
      ),
    signal,
  );
  return { path, expected, source, actual: actual.ok ? ok(actual.value.toLowerCase()) : actual };
}

async function expectedHash(row: Row, path: string, options: PreflightOptions, { port }: Facts) {
  const given = options[row.hashKey];
  if (given !== undefined) return { expected: given.toLowerCase(), source: `${row.flag}-sha256` };
  const beside = `${path}.sha256`;
  const text = await port.read(beside);
  if (text === undefined) return { expected: undefined, source: "" };
  return { expected: checksumIn(text, basename(path)) ?? "", source: beside };
}

export const MEDIA_CHECKS = ROWS.flatMap((row) => [mediumCheck(row), hashCheck(row)]);
