/** The user's password: read from a file of the operator's own, hashed where the guest wants a hash. It is never an argument. */
import { fail } from "../core/problem.ts";
import { type FileRefusal, ownership, readChecked } from "../ports/checked_file.ts";
import { ownUid } from "../ports/paths.ts";
import { run } from "../ports/processes.ts";
import { passwordFault } from "./password_fault.ts";

export { LONGEST_PASSWORD, passwordFault } from "./password_fault.ts";

const MOST_BYTES = 4096;

/**
 * The first line of a file. The file must be a regular one, belong to who runs this, and be closed to everybody else (mode
 * 0600 or less); failure `invalid_answers` says what is wrong. No message has anything of its content.
 */
export async function readPasswordFile(path: string): Promise<string> {
  const read = await readChecked(path, { maxBytes: MOST_BYTES });
  if (!read.ok) return refuse(path, REFUSALS[read.why.kind]);
  const { bytes, mode, uid } = read.file;
  if (uid !== ownUid() || (mode & 0o077) !== 0) {
    return refuse(path, `it ${ownership(uid, mode)}`, `chmod 600 ${path}`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse(path, "it is not UTF-8 text");
  }
  const password = text.split(/\r?\n/, 1)[0] ?? "";
  const fault = passwordFault(password);
  return fault === undefined ? password : refuse(path, `its first line ${fault}`);
}

const REFUSALS: Readonly<Record<FileRefusal["kind"], string>> = {
  missing: "there is none",
  dangling: "it is a link that leads nowhere",
  outside: "it lies elsewhere",
  not_regular: "it is no regular file",
  too_large: `it is larger than ${MOST_BYTES} bytes`,
  unreadable: "it can't be read",
  exchanged: "it was exchanged while it was opened",
};

function refuse(path: string, why: string, hint?: string): never {
  return fail("invalid_answers", `the password file ${path} is refused: ${why}`, {
    path: "user.password_file",
    ...(hint === undefined ? {} : { hint }),
  });
}

/** How a password is hashed: it goes in by standard input, salt and hash come out. */
export const HASH_COMMAND: readonly [string, readonly string[]] = ["openssl", ["passwd", "-6", "-stdin"]];

/**
 * Hash of a password by SHA-512 crypt (crypt(5), `$6$`), salted anew each time. Failure `missing` without openssl. `openssl passwd`
 * is on nearly every host, and what it makes is what the guest's libcrypt reads; of the libraries for it none is kept up.
 */
export async function hashPassword(password: string, signal?: AbortSignal): Promise<string> {
  const [program, args] = HASH_COMMAND;
  const stdin = new TextEncoder().encode(`${password}\n`);
  const result = await run(program, { args, stdin, timeoutMs: 10_000, ...(signal ? { signal } : {}) });
  const hash = result.stdout.trim();
  if (result.code === 0 && /^\$6\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}$/.test(hash)) return hash;
  return fail("failed", `openssl could not hash the password: exit code ${result.code}`);
}
