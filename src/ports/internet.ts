/**
 * Connections to the internet, for the gateway of a guest's network alone: every other command gives the right to them up at
 * its start (`self.ts`). Only addresses are taken, never names.
 */
import { isNotFound, readTextBounded } from "./files.ts";

const RESOLV_CONF = "/etc/resolv.conf";
const MAX_RESOLV_CONF = 64 * 1024;
/** More than one packet of the guest's wire may hold; what is longer is cut off, and thrown away by who receives it. */
const DATAGRAM_BYTES = 2048;

export interface TcpPeer {
  /** Null when the other side has said all. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes all of `data`. */
  write(data: Uint8Array): Promise<void>;
  /** Says that this side has said all; the other one may go on. */
  finish(): Promise<void>;
  /** Idempotent. */
  close(): void;
}

export interface Datagram {
  readonly data: Uint8Array;
  readonly address: string;
  readonly port: number;
}

export interface UdpSocket {
  send(data: Uint8Array, address: string, port: number): Promise<void>;
  /** The next one that comes, from whomever; undefined when the socket is closed. */
  receive(): Promise<Datagram | undefined>;
  /** Idempotent. */
  close(): void;
}

/** What a gateway needs of the world outside. */
export interface Outside {
  /** Lets Deno's errors through. `NotCapable`: the program has no right to reach this address. */
  dial(address: string, port: number): Promise<TcpPeer>;
  udp(): UdpSocket;
  /** Every IPv4 address of the host at the moment. */
  hostAddresses(): readonly string[];
}

export const internet: Outside = {
  async dial(address, port) {
    const conn = await Deno.connect({ transport: "tcp", hostname: address, port });
    conn.setNoDelay(true); // the guest has decided already how it cuts up what it sends
    let open = true;
    return {
      read: (buffer) => conn.read(buffer),
      async write(data) {
        for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
      },
      finish: () => conn.closeWrite(),
      close() {
        if (!open) return;
        open = false;
        conn.close();
      },
    };
  },
  udp() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
    let open = true;
    return {
      async send(data, address, port) {
        await socket.send(data, { transport: "udp", hostname: address, port });
      },
      async receive() {
        while (open) {
          try {
            const [data, from] = await socket.receive(new Uint8Array(DATAGRAM_BYTES));
            if (from.transport === "udp") return { data, address: from.hostname, port: from.port };
          } catch (error) {
            // The kernel tells of a peer that is not there in this way: the next one may be.
            if (!(error instanceof Deno.errors.ConnectionRefused)) break;
          }
        }
        return undefined;
      },
      close() {
        if (!open) return;
        open = false;
        socket.close();
      },
    };
  },
  hostAddresses: () =>
    Deno.networkInterfaces().filter(({ family }) => family === "IPv4").map(({ address }) => address),
};

/** Whether a connection failed because the program has no right to reach that address. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable;
}

/** The text of the host's `resolv.conf`; empty where there is none. */
export async function readResolvConf(): Promise<string> {
  try {
    return await readTextBounded(RESOLV_CONF, MAX_RESOLV_CONF);
  } catch (error) {
    if (isNotFound(error)) return "";
    throw error;
  }
}
