/** A password that no command line and no answers file holds: from a file of the operator's own, or asked for. */
import { fail } from "../core/problem.ts";
import { readChecked } from "../ports/checked_file.ts";
import { ownUid } from "../ports/paths.ts";
import type { WindowsPassword } from "../provision/answers.ts";
import type { Context } from "./context.ts";

const MAX_BYTES = 4096;

/**
 * The password of a user that is to be made. A file must belong to this user and be closed to all others, and its first line
 * counts. Failure `usage` where there is nobody to ask, `cancelled` when they don't say.
 *
 * @param folder absolute folder that a relative path is taken from
 */
export async function readPassword(
  c: Context,
  from: WindowsPassword,
  folder: string,
  user: string,
): Promise<string> {
  if (from.from === "file") {
    return await ofFile(from.path.startsWith("/") ? from.path : `${folder}/${from.path}`);
  }
  if (!c.output.terminal.inIsTerminal || !c.output.terminal.errIsTerminal) {
    fail("usage", `the password of ${user} is to be asked for, and there is no terminal`, {
      hint: "name a file in the answers instead: user.password_file",
    });
  }
  const { isCancel, password } = await import("./prompts.ts");
  const given = await password({
    message: `Password of ${user}`,
    validate: (text) => text ? undefined : "a password is needed",
  });
  return isCancel(given) ? fail("cancelled", "nothing was done") : given;
}

async function ofFile(path: string): Promise<string> {
  const read = await readChecked(path, { maxBytes: MAX_BYTES });
  if (!read.ok) {
    fail(
      read.why.kind === "missing" ? "not_found" : "io",
      `the password file ${path} can't be read: ${read.why.kind}`,
      {
        path,
      },
    );
  }
  const { mode, uid, bytes } = read.file;
  if (uid !== ownUid() || (mode & 0o077) !== 0) {
    fail("failed", `the password file ${path} is open to others (user ${uid}, mode ${mode.toString(8)})`, {
      hint: `chmod 600 ${path}`,
      path,
    });
  }
  const [line = ""] = new TextDecoder().decode(bytes).split(/\r?\n/, 1);
  return line === ""
    ? fail("invalid_answers", `the first line of ${path} is empty: no password`, { path })
    : line;
}
