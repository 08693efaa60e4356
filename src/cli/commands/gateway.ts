/** `gateway`: the process behind a guest's network card. The supervisor starts it; it is no command for people. */
import { type AnyCommand, Command } from "../command.ts";

export function gatewayCommand(): AnyCommand {
  return new Command("gateway").description("the gateway of a guest's network, started by the supervisor")
    .requiredOption("--socket <path>", "QEMU's end of the wire")
    .action(async ({ socket }) => {
      const { runGateway } = await import("../../network/run_gateway.ts");
      await runGateway(socket);
    });
}
