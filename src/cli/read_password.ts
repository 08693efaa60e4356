/** A password that no command line and no answers file holds: from a file of the operator's own, or asked for. */
import { fail } from "../core/problem.ts";
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
      return await ask(c, user);
  }
}

async function ask({ output }: Context, user: string): Promise<string> {
  if (!output.terminal.inIsTerminal || !output.terminal.errIsTerminal) {
    fail("usage", `the password of ${user} is to be asked for, and there is no terminal`, {
      hint: "name a file in the answers instead: user.password_file",
    });
  }
  const { isCancel, password } = await import("./prompts.ts");
  const given = await password({
    message: `Password of ${user}`,
    validate: (text) => {
      const fault = passwordFault(text ?? "");
      return fault && `it ${fault}`;
    },
  });
  return isCancel(given) ? fail("cancelled", "nothing was done") : given;
}
