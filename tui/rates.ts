/** What passes a guest's disks and cards, of its live figures. Pure. */
import type { GuestFigures } from "../src/actions/live_views.ts";

/** Bytes a second that a guest's disks read and write together; undefined while it is not known. */
export function diskRate(figures: GuestFigures | undefined): number | undefined {
  if (!figures?.block) return undefined;
  const rates = figures.block.flatMap(({ rates }) => rates ? [rates] : []);
  if (rates.length === 0) return undefined;
  return rates.reduce((sum, rate) => sum + rate.read_bytes_per_s + rate.written_bytes_per_s, 0);
}

/** Bytes a second that a guest's network cards receive and send together; undefined without a card, or while it is not known. */
export function netRate(figures: GuestFigures | undefined): number | undefined {
  const rates = figures?.network?.flatMap(({ rates }) => rates ? [rates] : []) ?? [];
  if (rates.length === 0) return undefined;
  return rates.reduce((sum, rate) => sum + rate.rx_bytes_per_s + rate.tx_bytes_per_s, 0);
}
