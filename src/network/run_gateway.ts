/**
 * A gateway as a process of its own: connected to QEMU's end of the wire, and with no right to anything but the internet. It
 * ends when the guest ends, and when whoever started it does: a guest whose supervisor is gone has no network.
 */
import { NOT_PUBLIC, type Range } from "../core/ipv4.ts";
import { systemClock } from "../ports/clock.ts";
import { internet, readResolvConf } from "../ports/internet.ts";
import { systemRandom } from "../ports/random.ts";
import { keepGatewayRights } from "../ports/self.ts";
import { fromStarter, tellStarter } from "../ports/terminal.ts";
import { type ByteStream, connectWhenReady } from "../ports/unix_socket.ts";
import { resolversOf } from "./dns.ts";
import { BadStream, Deframer, u32 } from "./frames.ts";
import { Gateway } from "./gateway.ts";
import { Outbox } from "./outbox.ts";
import { ASK_FIGURES, type GatewayWord, wordLine } from "./words.ts";

/** For QEMU to listen: it takes no time. */
const CONNECT_MS = 5_000;
/** Of QEMU's stream, in one piece. */
const READ_BYTES = 256 * 1024;

/** Runs until the wire or the starter ends. Failure `outcome_unknown` when QEMU's end does not appear. */
export async function runGateway(socket: string, denied: readonly Range[] = NOT_PUBLIC): Promise<void> {
  const resolvers = resolversOf(await readResolvConf());
  const wire = await connectWhenReady(socket, CONNECT_MS); // QEMU answers before it listens
  keepGatewayRights(resolvers);
  const ended = Promise.withResolvers<string>();
  const say = (word: GatewayWord) => {
    if (!tellStarter(wordLine(word))) ended.resolve("its supervisor is gone");
  };
  const gateway = new Gateway({
    clock: systemClock,
    outside: internet,
    random: () => u32(systemRandom.bytes(4), 0),
    resolvers,
    denied,
    send: (frame) => outbox.send(frame),
    say,
  });
  const outbox = new Outbox((bytes) => wire.write(bytes), () => ended.resolve("the wire broke"));
  void pump(wire, gateway).then(ended.resolve);
  void listen(gateway, say).then(ended.resolve);
  say({ ev: "ready", resolvers: resolvers.length });
  const why = await ended.promise;
  gateway.close();
  wire.close();
  say({ ev: "ended", why });
}

/** Hands every frame of the guest to the gateway; resolves with why there are no more. */
async function pump(wire: ByteStream, gateway: Gateway): Promise<string> {
  const frames = new Deframer();
  const buffer = new Uint8Array(READ_BYTES);
  try {
    while (true) {
      const count = await wire.read(buffer);
      if (count === null) return "the guest's end of the wire is gone";
      for (const frame of frames.take(buffer.subarray(0, count))) gateway.take(frame);
      gateway.flush();
    }
  } catch (error) {
    return error instanceof BadStream
      ? `QEMU's stream can't be read: ${error.message}`
      : "the guest's end of the wire broke";
  }
}

async function listen(gateway: Gateway, say: (word: GatewayWord) => void): Promise<string> {
  for await (const text of fromStarter()) {
    if (text.includes(ASK_FIGURES)) say({ ev: "figures", ...gateway.figures });
  }
  return "its supervisor is gone";
}
