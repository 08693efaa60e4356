/**
 * What the gateways of network cards have counted. They are asked and not QEMU, which counts nothing of the kind, and not the
 * guest, whose word it would be: each frame passes its gateway.
 */
import type { CardCounters } from "../actions/live_views.ts";
import type { Card } from "../network/card.ts";
import type { GatewayProcess } from "../network/gateway_process.ts";
import type { NetworkFigures } from "../network/words.ts";
import type { CardReading } from "./figures.ts";

/** A card that is plugged in, with what stands behind it. */
export interface Plugged {
  readonly card: Pick<Card, "device">;
  readonly gateway: Pick<GatewayProcess, "figures">;
}

export function countersOf({ device }: Plugged["card"], figures: NetworkFigures): CardCounters {
  const { rx_bytes, tx_bytes, rx_packets, tx_packets } = figures;
  return { card: device, rx_bytes, tx_bytes, rx_packets, tx_packets };
}

/** The last answers of gateways, from sample to sample. A gateway that is gone takes its own with it. */
export class CardReadings {
  readonly #last = new WeakMap<Plugged["gateway"], CardReading>();
  /** Those that did not answer the last time: they are asked again, and not waited for. */
  readonly #silent = new WeakSet<Plugged["gateway"]>();

  /** Undefined when there is nothing to wait for. */
  ask({ card, gateway }: Plugged): Promise<void> | undefined {
    const asked = gateway.figures().then((figures) => {
      if (!figures) return void this.#silent.add(gateway);
      this.#silent.delete(gateway);
      this.#last.set(gateway, { at: figures.up_ms, gateway, counters: countersOf(card, figures) });
    });
    return this.#silent.has(gateway) ? undefined : asked;
  }

  /** Of a guest's cards; null as long as the gateway of one has not answered. */
  of(plugged: Plugged | undefined): readonly CardReading[] | null {
    if (!plugged) return [];
    const last = this.#last.get(plugged.gateway);
    return last ? [last] : null;
  }
}
