/** A password that no command line and no answers file holds: from a file of the operator's own, or asked for. */
import { fail } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { Terminal } from "../ports/terminal.ts";
import type { LinuxPassword } from "../provision/answers.ts";
import { passwordFault, readPasswordFile } from "../unattended/password.ts";
import type { Context } from "./context.ts";

/**
 * The password of a user that is to be made; undefined where none is needed. Failure `usage` where there is nobody to ask,
 * `cancelled` when they don't say.
 */
export async function readPassword(
  c: Context,
  from: LinuxPassword,
  user: string,
): Promise<string | undefined> {
  switch (from.from) {
    case "hash":
    case "nowhere":
      return undefined;
    case "file":
      return await readPasswordFile(from.path);
    case "prompt":
      return await askPassword(c.output.terminal, user);
  }
}

/** Asks for a password, twice; nobody can see what they type. Failure `usage` without a terminal, `cancelled` when none is given. */
export async function askPassword(terminal: Terminal, user: string): Promise<string> {
  if (!terminal.inIsTerminal || !terminal.outIsTerminal) {
    fail("usage", `the password of ${user} is to be asked for, and there is no terminal`, {
      hint: "name a file in the answers instead: user.password_file",
    });
  }
  const { isCancel, password } = await import("./prompts.ts");
  const message = `Password of ${sanitizeLine(user, 64)}`;
  const validate = (text = "") => {
    const fault = passwordFault(text);
    return fault === undefined ? undefined : `it ${fault}`;
  };
  const given = await password({ message, validate, clearOnError: true });
  if (isCancel(given)) fail("cancelled", "nothing was done");
  const again = (text = "") => text === given ? undefined : "it is another one";
  const second = await password({ message: `${message}, once more`, validate: again, clearOnError: true });
  return isCancel(second) ? fail("cancelled", "nothing was done") : given;
}
