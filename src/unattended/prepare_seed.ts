/** From answers to the files of a seed: the password is got from where the answers say, and hashed where the guest wants that. */
import type { VmId } from "../core/ids.ts";
import { fail } from "../core/problem.ts";
import type { Answers, LinuxAnswers, WindowsPassword } from "../provision/answers.ts";
import type { Seed } from "./files.ts";
import { hashPassword, passwordFault, readPasswordFile } from "./password.ts";
import { linuxSeed, windowsSeed } from "./seed.ts";

export interface PrepareOptions {
  readonly id: VmId;
  /** Another one for each installation; for a Linux guest. */
  readonly instanceId: string;
  /** Asks the operator for the user's password; absent where nobody can be asked. */
  readonly askPassword?: (user: string) => Promise<string>;
  readonly signal?: AbortSignal;
}

/**
 * The seed of these answers, whose paths must be absolute ones. Failures: `invalid_answers` when the password file is refused or a
 * password is none, `usage` when nobody can be asked for it, `missing` without openssl.
 */
export async function prepareSeed(answers: Answers, options: PrepareOptions): Promise<Seed> {
  const { id, instanceId } = options;
  if (answers.type === "windows") {
    const password = await passwordOf(answers.user.password, answers.user.name, options);
    return windowsSeed(answers, { id, password });
  }
  const passwordHash = await hashOf(answers, options);
  return linuxSeed(answers, { id, instanceId, ...(passwordHash === undefined ? {} : { passwordHash }) });
}

async function hashOf(answers: LinuxAnswers, options: PrepareOptions): Promise<string | undefined> {
  const { password, name } = answers.user;
  if (password.from === "nowhere") return undefined;
  if (password.from === "hash") return password.hash;
  return await hashPassword(await passwordOf(password, name, options), options.signal);
}

async function passwordOf(from: WindowsPassword, user: string, options: PrepareOptions): Promise<string> {
  if (from.from === "file") return await readPasswordFile(from.path);
  if (options.askPassword === undefined) {
    return fail("usage", `the password of ${user} is to be asked for, and there is no terminal`, {
      hint: "name a user.password_file in the answers file",
      path: "user.password_prompt",
    });
  }
  const password = await options.askPassword(user);
  const fault = passwordFault(password);
  return fault === undefined ? password : fail("invalid_answers", `the password ${fault}`);
}
