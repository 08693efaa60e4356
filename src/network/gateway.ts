/**
 * The one thing that a guest's network card reaches: router, DHCP server, resolver and NAT in one. What it lets through is what
 * a guest may have during a provisioning run: the internet, and neither the host nor any network that is not public. It never
 * brings anything to the guest that the guest has not asked for.
 */
import type { Clock } from "../ports/clock.ts";
import { isForbidden, type Outside } from "../ports/internet.ts";
import { WordLimit } from "../core/word_limit.ts";
import {
  type Denied,
  type Ip,
  ipText,
  isDenied,
  isToEverybody,
  parseIp,
  type Range,
  range,
} from "../core/ipv4.ts";
import { DHCP_PORTS, dhcpReply, type Lease } from "./dhcp.ts";
import { DNS_PORT, truncatedAnswer } from "./dns.ts";
import { DnsRelay } from "./dns_relay.ts";
import {
  arpReply,
  echoReply,
  type Ends,
  type Ipv4,
  type Mac,
  MTU,
  type Packet,
  prohibited,
  PROTOCOL,
  readFrame,
  readUdp,
  toEverybody,
  udpFrame,
} from "./frames.ts";
import { type FlowKey, TcpFlows } from "./tcp_flows.ts";
import { readTcp, tcpFrame } from "./tcp_segment.ts";
import { UdpFlows } from "./udp_flows.ts";
import type { GatewayWord, NetworkFigures } from "./words.ts";

/** The wire between guest and gateway: a world of its own, the same for every guest. */
export const WIRE: Range = range("10.0.2.0/24");
const ip = (last: number): Ip => WIRE.base + last;
export const LEASE: Lease = {
  guest: ip(15),
  mask: 0xffffff00,
  router: ip(2),
  dns: ip(3),
  mtu: MTU,
  seconds: 86_400,
};
/** Locally administered, like every address that stands for no real card. */
const MAC: Mac = new Uint8Array([0x52, 0x55, 0x0a, 0x00, 0x02, 0x02]);

/** How long what was found out about the host's own addresses is gone by. */
const HOST_FRESH_MS = 250;
/** Refusals that are told at once, and then one each interval. */
const WORDS = { burst: 20, everyMs: 1_000 } as const;

export interface GatewayParts {
  readonly clock: Clock;
  readonly outside: Outside;
  /** 32 bits that nobody can guess. */
  readonly random: () => number;
  /** Resolvers of the host, for the relay alone. */
  readonly resolvers: readonly Ip[];
  /** What may not be reached besides the host itself. */
  readonly denied: readonly Range[];
  /** A frame for the guest; false when the wire has no room for it. */
  readonly send: (frame: Uint8Array) => boolean;
  readonly say: (word: GatewayWord) => void;
}

export class Gateway {
  #guestMac: Mac | undefined;
  #host: { readonly at: number; readonly addresses: ReadonlySet<Ip> } | undefined;
  readonly #tcp: TcpFlows;
  readonly #udp: UdpFlows;
  readonly #dns: DnsRelay;
  readonly #words = new WordLimit(WORDS.burst, WORDS.everyMs);
  readonly #began: number;
  #rxBytes = 0;
  #txBytes = 0;
  #rxPackets = 0;
  #txPackets = 0;
  #refused = 0;

  constructor(private readonly parts: GatewayParts) {
    const { clock, outside, resolvers, random } = parts;
    this.#began = clock.monotonic();
    this.#tcp = new TcpFlows({
      clock,
      first: random,
      dial: (dst, port) => this.#dial(dst, port),
      send: ({ srcPort, dst, dstPort }, segment) =>
        this.#send(this.#to(dst), (ends) => tcpFrame(ends, dstPort, srcPort, segment)),
      failed: (flow, error) => isForbidden(error) && this.#deny("tcp", flow),
    });
    this.#udp = new UdpFlows({
      clock,
      open: () => outside.udp(),
      deliver: (pair, data) => this.#deliver(pair, data),
      failed: (pair, error) => isForbidden(error) && this.#deny("udp", pair),
    });
    this.#dns = new DnsRelay({ clock, open: () => outside.udp(), random, resolvers });
  }

  get figures(): NetworkFigures {
    return {
      up_ms: Math.round(this.parts.clock.monotonic() - this.#began),
      rx_bytes: this.#rxBytes,
      tx_bytes: this.#txBytes,
      rx_packets: this.#rxPackets,
      tx_packets: this.#txPackets,
      tcp: this.#tcp.size,
      udp: this.#udp.size,
      denied: this.#refused,
    };
  }

  /** A frame of the guest; it may be anything. It is not kept. */
  take(frame: Uint8Array): void {
    this.#txBytes += frame.length;
    this.#txPackets++;
    const packet = readFrame(frame);
    if (!packet) return;
    this.#guestMac = packet.from;
    if (packet.kind === "arp") return this.#onArp(packet);
    switch (packet.protocol) {
      case PROTOCOL.tcp:
        return this.#onTcp(packet);
      case PROTOCOL.udp:
        return this.#onUdp(packet);
      case PROTOCOL.icmp:
        return this.#onIcmp(packet);
    }
  }

  /** All frames that came at once were taken. */
  flush(): void {
    this.#tcp.flush();
  }

  close(): void {
    this.#tcp.close();
    this.#udp.close();
  }

  #onArp(question: Extract<Packet, { kind: "arp" }>): void {
    const { target } = question;
    if (target === LEASE.router || target === LEASE.dns) this.#sendFrame(arpReply(MAC, question));
  }

  #onIcmp({ src, dst, body }: Ipv4): void {
    if (src !== LEASE.guest || dst !== LEASE.router && dst !== LEASE.dns) return;
    this.#send(this.#to(dst), (ends) => echoReply(ends, body));
  }

  #onTcp({ src, dst, body }: Ipv4): void {
    const segment = src === LEASE.guest ? readTcp(body) : undefined;
    if (!segment) return;
    const key = { srcPort: segment.srcPort, dst, dstPort: segment.dstPort };
    this.#tcp.take(key, segment, () => this.#allows("tcp", key));
  }

  #onUdp(packet: Ipv4): void {
    const { src, dst, body } = packet;
    const udp = readUdp(body);
    if (!udp) return;
    const { srcPort, dstPort, data } = udp;
    if (srcPort === DHCP_PORTS.client && dstPort === DHCP_PORTS.server) return this.#onDhcp(data);
    if (src !== LEASE.guest || isToEverybody(dst, WIRE)) return;
    const key = { srcPort, dst, dstPort };
    if (dst === LEASE.dns && dstPort === DNS_PORT) return void this.#onQuestion(key, data);
    this.#udp.take(key, data, () => {
      const allowed = this.#allows("udp", key);
      if (!allowed) this.#send(this.#to(LEASE.router), (ends) => prohibited(ends, packet.packet));
      return allowed;
    });
  }

  #onDhcp(message: Uint8Array): void {
    const reply = dhcpReply(message, LEASE);
    if (!reply) return;
    const frame = udpFrame(toEverybody(MAC, LEASE.router), DHCP_PORTS.server, DHCP_PORTS.client, reply);
    if (frame) this.#sendFrame(frame);
  }

  async #onQuestion(key: FlowKey, question: Uint8Array): Promise<void> {
    const copy = question.slice();
    const answer = await this.#dns.ask(copy);
    if (!answer) return;
    if (!this.#deliver(key, answer)) this.#deliver(key, truncatedAnswer(copy));
  }

  /** False when it does not fit into a packet. */
  #deliver({ srcPort, dst, dstPort }: FlowKey, data: Uint8Array): boolean {
    return this.#send(this.#to(dst), (ends) => udpFrame(ends, dstPort, srcPort, data));
  }

  #dial(dst: Ip, port: number) {
    const { outside, resolvers } = this.parts;
    const resolver = resolvers[0];
    // The relay over TCP: a connection of the guest to its resolver is one to the host's.
    const to = dst === LEASE.dns && resolver !== undefined ? resolver : dst;
    return outside.dial(ipText(to), port);
  }

  /** Whether the guest may open this; a refusal is told. */
  #allows(proto: "tcp" | "udp", key: FlowKey): boolean {
    const { dst, dstPort } = key;
    if (dst === LEASE.dns && dstPort === DNS_PORT && proto === "tcp") return this.parts.resolvers.length > 0;
    if (!isDenied(dst, this.#denied())) return true;
    this.#deny(proto, key);
    return false;
  }

  #deny(proto: "tcp" | "udp", { dst, dstPort }: FlowKey): void {
    this.#refused++;
    const unsaid = this.#words.take(this.parts.clock.monotonic());
    if (unsaid === undefined) return;
    this.parts.say({ ev: "denied", proto, dst: `${ipText(dst)}:${dstPort}`, unsaid });
  }

  #denied(): Denied {
    const now = this.parts.clock.monotonic();
    if (!this.#host || now - this.#host.at > HOST_FRESH_MS) {
      const found = this.parts.outside.hostAddresses().map(parseIp).filter((one) => one !== undefined);
      this.#host = { at: now, addresses: new Set(found) };
    }
    return { ranges: this.parts.denied, host: this.#host.addresses };
  }

  /** The ends of a packet to the guest; undefined as long as it has not said anything. */
  #to(src: Ip): Ends | undefined {
    const toMac = this.#guestMac;
    return toMac && { mac: MAC, toMac, src, dst: LEASE.guest };
  }

  #send(ends: Ends | undefined, make: (ends: Ends) => Uint8Array | undefined): boolean {
    const frame = ends && make(ends);
    if (!frame) return false;
    this.#sendFrame(frame);
    return true;
  }

  #sendFrame(frame: Uint8Array): void {
    if (!this.parts.send(frame)) return;
    this.#rxBytes += frame.length;
    this.#rxPackets++;
  }
}
