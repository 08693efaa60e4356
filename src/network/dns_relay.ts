/** Relays the guest's questions over UDP to the host's resolvers, one after the other until one answers. */
import type { Clock } from "../ports/clock.ts";
import type { UdpSocket } from "../ports/internet.ts";
import { type Ip, ipText } from "../core/ipv4.ts";
import { DNS_PORT, failedAnswer, isAnswerTo, isQuestion, withId } from "./dns.ts";

/** Questions under way at once; what is more is dropped, and asked again by the guest. */
const MAX_QUESTIONS = 64;
/** For one resolver to answer. The guest itself asks again after about five. */
const PATIENCE_MS = 2_500;

export interface RelayPorts {
  readonly clock: Clock;
  readonly open: () => UdpSocket;
  /** A number that can't be guessed, 32 bits. */
  readonly random: () => number;
  readonly resolvers: readonly Ip[];
}

export class DnsRelay {
  #asking = 0;

  constructor(private readonly ports: RelayPorts) {}

  /** The answer for the guest, also that there is none; undefined for what is no question, and for one too many. */
  async ask(question: Uint8Array): Promise<Uint8Array | undefined> {
    if (!isQuestion(question) || this.#asking >= MAX_QUESTIONS) return undefined;
    const copy = question.slice();
    this.#asking++;
    try {
      for (const resolver of this.ports.resolvers) {
        const answer = await this.#askOne(resolver, copy).catch(() => undefined);
        if (answer) return answer;
      }
      return failedAnswer(copy);
    } finally {
      this.#asking--;
    }
  }

  /** Each has a socket and an id of its own: an answer can't be forged by who does not see the question. */
  async #askOne(resolver: Ip, question: Uint8Array): Promise<Uint8Array | undefined> {
    const asked = withId(question, this.ports.random() & 0xffff);
    const address = ipText(resolver);
    const socket = this.ports.open();
    const cancel = this.ports.clock.after(PATIENCE_MS, () => socket.close());
    try {
      await socket.send(asked, address, DNS_PORT);
      while (true) {
        const got = await socket.receive();
        if (got === undefined) return undefined;
        if (got.address !== address || got.port !== DNS_PORT || !isAnswerTo(got.data, asked)) continue;
        return withId(got.data, (question[0] ?? 0) << 8 | (question[1] ?? 0));
      }
    } finally {
      cancel();
      socket.close();
    }
  }
}
