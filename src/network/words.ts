/** What a gateway tells its supervisor, a JSON line each, and how that is read: the reader trusts nothing of it. */
import { isObject, jsonLine } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";

/**
 * What the gateway itself saw since it began. Received and sent are the guest's own directions: `rx` is what was put on the wire
 * for it, `tx` what came from it, whatever that was.
 */
export interface NetworkFigures {
  /** How long that is, by the gateway's own clock, which never goes back. */
  readonly up_ms: number;
  /** Bytes of whole frames, from the hardware addresses on. */
  readonly rx_bytes: number;
  readonly tx_bytes: number;
  /** Frames. */
  readonly rx_packets: number;
  readonly tx_packets: number;
  /** Connections and pairs that there are at present. */
  readonly tcp: number;
  readonly udp: number;
  /** Tries to reach what is not allowed. */
  readonly denied: number;
}

export type GatewayWord =
  /** It is connected to QEMU, and has given up every right that it does not need. */
  | { readonly ev: "ready"; readonly resolvers: number }
  /** The guest tried to reach what it may not; `unsaid` tries before it were not told. */
  | { readonly ev: "denied"; readonly proto: "tcp" | "udp"; readonly dst: string; readonly unsaid: number }
  | ({ readonly ev: "figures" } & NetworkFigures)
  | { readonly ev: "ended"; readonly why: string };

/** What a supervisor writes to be told the figures. */
export const ASK_FIGURES = "?";

/** Longest line that is read. */
const MAX_LINE = 512;

export function wordLine(word: GatewayWord): string {
  return jsonLine(word);
}

const FIGURES = [
  "up_ms",
  "rx_bytes",
  "tx_bytes",
  "rx_packets",
  "tx_packets",
  "tcp",
  "udp",
  "denied",
] as const;

/** One line; undefined when it is no word. */
export function readWord(line: string): GatewayWord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const count = (key: string) => {
    const number = value[key];
    return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
  };
  switch (value.ev) {
    case "ready":
      return { ev: "ready", resolvers: count("resolvers") ?? 0 };
    case "denied": {
      const { proto, dst } = value;
      if (proto !== "tcp" && proto !== "udp" || typeof dst !== "string") return undefined;
      if (!/^[0-9.]{7,15}:[0-9]{1,5}$/.test(dst)) return undefined;
      return { ev: "denied", proto, dst, unsaid: count("unsaid") ?? 0 };
    }
    case "figures": {
      const figures = FIGURES.map((key) => [key, count(key)] as const);
      if (figures.some(([, number]) => number === undefined)) return undefined; // a counter never falls to nothing
      // Each key has its number.
      return { ev: "figures", ...Object.fromEntries(figures) as Record<typeof FIGURES[number], number> };
    }
    case "ended":
      return { ev: "ended", why: typeof value.why === "string" ? sanitizeLine(value.why, 200) : "" };
    default:
      return undefined;
  }
}

/** Cuts text into lines; what is longer than a word may be is thrown away up to its end. */
export class WordReader {
  #rest = "";
  #skipping = false;

  take(text: string): GatewayWord[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    const words = lines.flatMap((line, i) => {
      const skip = i === 0 && this.#skipping || line.length > MAX_LINE;
      if (i === 0) this.#skipping = false;
      const word = skip ? undefined : readWord(line);
      return word ? [word] : [];
    });
    if (this.#rest.length > MAX_LINE) {
      this.#rest = "";
      this.#skipping = true;
    }
    return words;
  }
}
