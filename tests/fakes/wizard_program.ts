/** The wizard as a program of its own, for tests in a terminal. Usage: wizard_program.ts RESULT_FILE */
import { askAnswers, askPassword } from "../../src/cli/wizard_clack.ts";
import { problemOf } from "../../src/core/problem.ts";
import { systemTerminal } from "../../src/ports/terminal.ts";

const [result = ""] = Deno.args;
const io = { terminal: systemTerminal };

async function main(): Promise<unknown> {
  const answers = await askAnswers(io, { id: "gate-1", draft: { "user.name": "op" } }, {
    allowed: (draft) => Promise.resolve(Number(draft["guest.vcpu"] ?? 1) > 4 ? ["at most 4 vCPUs"] : []),
    facts: (draft) =>
      Promise.resolve(draft["media.windows_iso"] ? { editions: ["Windows 11 Home", "Windows 11 Pro"] } : {}),
    overwrites: () => Promise.resolve(["/root/old.qcow2"]),
  });
  if (answers === "cancelled" || answers.user.password.from !== "prompt") return { answers };
  return { answers, password: await askPassword(io, answers.user.name) };
}

const said = await main().catch((error: unknown) => ({ problem: problemOf(error) }));
await Deno.writeTextFile(result, JSON.stringify(said));
Deno.exit(0);
