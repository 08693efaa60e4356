/** Shapes of single values of an answers file. Each lets through only what its reader (Windows Setup, cloud-init) takes as meant. */
import { sanitizeLine } from "../core/sanitize.ts";
import { list, pathText, type Shape, text } from "../core/shape.ts";
import { parseSize } from "../core/units.ts";

/** Text that can stand in a line of its own: not empty, no control or invisible characters or such as XML has none of, no space at either end. */
export function isPlainLine(written: string, most: number): boolean {
  return written.trim() === written && written !== "" && [...written].length <= most &&
    sanitizeLine(written, most) === written && !/[\ufffe\uffff]/.test(written);
}

const pattern = (
  want: string,
  regexp: RegExp,
  why?: (written: string) => string | undefined,
): Shape<string> =>
  text(want, (written) => {
    const refused = why?.(written);
    if (refused !== undefined) return { why: refused };
    return regexp.test(written) && isPlainLine(written, 4096) ? { value: written } : {};
  });

/** Text that a message must not repeat: who writes a password where its hash belongs would find it in a log. */
function hidden(want: string, parse: (written: string) => string | undefined, hint?: string): Shape<string> {
  return {
    want,
    read(value, path, report) {
      const read = typeof value === "string" ? parse(value) : undefined;
      if (read !== undefined) return read;
      report({
        path,
        at: "value",
        message: `${pathText(path)} is something else (not shown); allowed is ${want}`,
        ...(hint === undefined ? {} : { hint }),
      });
      return undefined;
    },
  };
}

/** As the registry's `name`. */
export const displayName = text(
  "1 to 64 characters without control characters",
  (written) => isPlainLine(written, 64) ? { value: written } : {},
);

export const profileName = pattern(
  "a name of lower-case letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit",
  /^[a-z0-9][a-z0-9._-]{0,62}$/,
);

/** A path on the host. A relative one is taken from the folder of the answers file. */
export const hostPath = text(
  "a path on this host, relative ones from the folder of this file",
  (written) => {
    if (written.startsWith("~")) return { why: "'~' is not expanded", hint: "write the path in full" };
    return isPlainLine(written, 4000) && !written.endsWith("/") ? { value: written } : {};
  },
);

/** Lower-case hexadecimal, whatever case it is written in. */
export const sha256 = text(
  "a SHA-256: 64 hexadecimal digits",
  (written) => /^[0-9a-fA-F]{64}$/.test(written) ? { value: written.toLowerCase() } : {},
);

const MOST_BYTES = 64 * 1024 ** 4;

/** A size in bytes of at least `least`, a multiple of 512 as disks are. */
export function size(least: number): Shape<number> {
  const want = `a size such as "64GiB", ${
    least >= 1024 ** 3 ? `${least / 1024 ** 3} GiB` : "1 MiB"
  } to 64 TiB`;
  return text(want, (written) => {
    const bytes = parseSize(written);
    if (bytes === undefined) return {};
    if (/^\d+$/.test(written) && bytes < 100_000) return { hint: `add a unit: "${written}GiB"` };
    if (bytes < least || bytes > MOST_BYTES) return { why: "it is out of range" };
    return bytes % 512 === 0 ? { value: bytes } : { why: "it is no multiple of 512 bytes" };
  });
}

// --- Linux ---

/** One label of a host name. RFC 1123, section 2.1 */
export const hostname = pattern(
  "a host name of lower-case letters, digits and '-', at most 63",
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
);

export const locale = pattern(
  "a locale such as C.UTF-8 or de_DE.UTF-8",
  /^(C|POSIX|[a-z]{2,3}(_[A-Z]{2})?)(\.[A-Za-z0-9-]{1,16})?(@[a-z]{1,16})?$/,
);

export const zone = pattern(
  "a time zone such as UTC or Europe/Berlin",
  /^[A-Za-z][A-Za-z0-9_+-]{0,31}(\/[A-Za-z][A-Za-z0-9_+-]{0,31}){0,2}$/,
);

export const keyboardLayout = pattern("a keyboard layout such as us or de", /^[a-z]{2,8}$/);

/** Debian policy, section 5.6.7, and what other distributions add to it. */
export const packageName = pattern("the name of a package", /^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}$/);

const word = text(
  "text without a NUL character, at most 4096 characters",
  (written) =>
    written.length <= 4096 && !written.includes("\0") && written.isWellFormed() ? { value: written } : {},
);

/** A program with its arguments. An argument may stand twice, which a list of names may not have. */
const command: Shape<readonly string[]> = {
  want: "a program with its arguments, at most 64 texts",
  read(value, path, report) {
    if (!Array.isArray(value) || value.length === 0 || value.length > 64 || value[0] === "") {
      report({
        path,
        at: "value",
        message: `${pathText(path)} is no program with its arguments; allowed is ${this.want}`,
        hint: 'write ["sh", "-c", "..."] where a shell is meant',
      });
      return undefined;
    }
    return value.flatMap((item: unknown, index) => {
      path.push(index);
      const read = word.read(item, path, report);
      path.pop();
      return read === undefined ? [] : [read];
    });
  },
};

export const commands = list(command, 64);

/** useradd(8), CAVEATS; and not the account that is locked. */
export const linuxUser = pattern(
  "a login name of lower-case letters, digits, '_' and '-', at most 32, starting with a letter or '_'",
  /^[a-z_][a-z0-9_-]{0,31}$/,
  (written) => written === "root" ? "that account is locked" : undefined,
);

/** Only methods that are still thought strong: SHA-512, SHA-256, bcrypt, yescrypt. crypt(5) */
export const cryptHash = hidden(
  "a hash by SHA-512, SHA-256, bcrypt or yescrypt, as crypt(5) writes it",
  (written) =>
    /^\$(6|5)\$(rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}$/.test(written) ||
      /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/.test(written) ||
      /^\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}$/.test(written)
      ? written
      : undefined,
  "`openssl passwd -6` makes one",
);

/** A line of authorized_keys without options. sshd(8) */
export const sshKey = hidden(
  "a public key as ssh-keygen writes it: type, base64, comment",
  (written) => SSH_KEY.test(written) && isPlainLine(written, 4096) ? written : undefined,
);
const SSH_KEY =
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) AAAA[A-Za-z0-9+/]{16,}={0,2}( .{1,256})?$/;

// --- Windows ---

/** WIM image names are free text; longer ones than this are in no medium. */
export const edition = text(
  'the name of an edition, for example "Windows 11 Pro"',
  (written) => isPlainLine(written, 128) ? { value: written } : {},
);

/** A language tag as Windows names its languages, in its usual case. */
export const language = pattern(
  "a language tag such as en-US",
  /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Za-z0-9]{2,8}){0,2}$/,
);

/** `InputLocale` takes a language tag or `language:keyboard` in hexadecimal, several by semicolons; one is enough here. */
export const windowsKeyboard = pattern(
  "a language tag such as de-DE, or language and layout such as 0407:00000407",
  /^([a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}|[0-9a-fA-F]{4}:([0-9a-fA-F]{8}|\{[0-9a-fA-F-]{36}\}(\{[0-9a-fA-F-]{36}\})?))$/,
);

/** As `tzutil /l` lists them. */
export const windowsZone = pattern(
  'a time zone as Windows names it, for example "W. Europe Standard Time"',
  /^[A-Za-z0-9 .()+-]{2,64}$/,
  (written) => /^[A-Z][A-Za-z]+\/[A-Z]/.test(written) ? "that is a name of the tz database" : undefined,
);

/** A NetBIOS name: letters, digits and '-', at most 15, not digits alone. */
export const computerName = pattern(
  "a computer name of letters, digits and '-', at most 15, not digits alone",
  /^(?![0-9]+$)[A-Za-z0-9]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?$/,
);

export const productKey = hidden(
  "a product key: five groups of five letters and digits",
  (written) => /^([A-Z0-9]{5}-){4}[A-Z0-9]{5}$/i.test(written) ? written.toUpperCase() : undefined,
);

/** Names that Windows has already. */
const WINDOWS_ACCOUNTS = [
  "administrator",
  "guest",
  "defaultaccount",
  "wdagutilityaccount",
  "system",
  "local service",
  "network service",
  "none",
  "nul",
  "con",
];

/** NetUserAdd: at most 20 characters, none of these, not only dots and spaces. */
export const windowsUser = text(
  `a login name of at most 20 characters without " / \\ [ ] : ; | = , + * ? < > @ %`,
  (written) => {
    if (WINDOWS_ACCOUNTS.includes(written.toLowerCase())) {
      return { why: "Windows has an account of that name" };
    }
    const isName = isPlainLine(written, 20) && !/["/\\[\]:;|=,+*?<>@%]/.test(written) &&
      !/^[. ]*$/.test(written) &&
      !written.endsWith(".");
    return isName ? { value: written } : {};
  },
);
