/** The wizard as a program of its own, for tests in a terminal. Usage: wizard_program.ts RESULT_FILE */
import { askPassword } from "../../src/cli/read_password.ts";
import { askAnswers } from "../../src/cli/wizard_clack.ts";
import { problemOf } from "../../src/core/problem.ts";
import { systemTerminal } from "../../src/ports/terminal.ts";

const [result = ""] = Deno.args;
const io = { terminal: systemTerminal };

async function main(): Promise<unknown> {
  const said = await askAnswers(io, { id: "gate-1", draft: { "user.name": "op" } }, {
    allowed: (draft) => Promise.resolve(Number(draft["guest.vcpu"] ?? 1) > 4 ? ["at most 4 vCPUs"] : []),
    facts: (draft) =>
      Promise.resolve(draft["media.windows_iso"] ? { editions: ["Windows 11 Home", "Windows 11 Pro"] } : {}),
    overwrites: () => Promise.resolve(["/root/old.qcow2"]),
  });
  if (said === "cancelled" || said.answers.user.password.from !== "prompt") return { said };
  return { said, password: await askPassword(systemTerminal, said.answers.user.name) };
}

const end = await main().catch((error: unknown) => ({ problem: problemOf(error) }));
await Deno.writeTextFile(result, JSON.stringify(end));
Deno.exit(0);
