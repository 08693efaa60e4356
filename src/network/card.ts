/**
 * A guest's network card, plugged in and out over QMP while the guest runs. The card hangs on a wire (`-netdev stream`) at
 * whose other end a gateway connects; without a gateway nothing passes.
 */
import { createHash } from "node:crypto";
import { fail, Failure } from "../core/problem.ts";
import type { Clock } from "../ports/clock.ts";
import { connectWhenReady } from "../ports/unix_socket.ts";
import { QEMU_IDS } from "../qemu/plan_types.ts";
import type { QmpClient } from "../qmp/client.ts";
import { qmpErrorOf } from "../qmp/errors.ts";

/** What QEMU knows a card and its wire by. */
export interface Card {
  /** Root port that it is plugged into. */
  readonly port: string;
  readonly device: string;
  readonly wire: string;
}

export const CARD_MODEL = "virtio-net-pci";
/** Longest time that a guest has to let go of its card; a guest of today takes a fifth of a second. */
export const UNPLUG_MS = 5_000;
/** For QEMU to listen, and to say that somebody has connected: it takes milliseconds. */
const WIRE_MS = 5_000;
const CARD_PREFIX = "card-";
/** Where QEMU keeps devices that have an id. */
const DEVICES = "/machine/peripheral";

export function cardAt(port: string): Card {
  return { port, device: `${CARD_PREFIX}${port}`, wire: `wire-${port}` };
}

/** The card's hardware address: QEMU's own first half, and the same second half for the same guest always. */
export function macOf(id: string): string {
  const hash = createHash("sha256").update(`network card of ${id}`).digest();
  return ["52", "54", "00", ...[0, 1, 2].map((i) => hash.toString("hex", i, i + 1))].join(":");
}

/** The cards that are plugged in, those included that a guest has not let go of yet. */
export async function cardsOf(qmp: QmpClient): Promise<Card[]> {
  const devices = await qmp.execute("qom-list", { path: DEVICES });
  const plugged = new Set(devices.map(({ name }) => name));
  return QEMU_IDS.hotplugPorts.map(cardAt).filter(({ device }) => plugged.has(device));
}

/**
 * Lays a wire whose one end is the socket at `path`, for a card in the first port that is free. Failure `missing` when this
 * QEMU knows no such wire, `busy` when every port has a card that its guest does not let go of.
 */
export async function layWire(qmp: QmpClient, path: string): Promise<Card> {
  const taken = new Set((await cardsOf(qmp)).map(({ port }) => port));
  const port = QEMU_IDS.hotplugPorts.find((one) => !taken.has(one)) ??
    fail("busy", "every port for a network card has one that the guest has not let go of", {
      hint: "they are gone when the guest has been stopped and started",
    });
  const card = cardAt(port);
  const lay = () =>
    qmp.execute("netdev_add", {
      type: "stream",
      id: card.wire,
      server: true,
      addr: { type: "unix", path },
    });
  try {
    await lay();
  } catch (error) {
    const said = qmpErrorOf(error);
    if (said?.kind !== "error") throw error;
    if (/duplicate/i.test(said.desc)) { // of a try that was cut off before it had a card
      await qmp.execute("netdev_del", { id: card.wire });
      await lay();
    } else if (/does not accept value|unexpected/i.test(said.desc)) {
      fail("missing", `this QEMU has no network of the kind that is needed (stream): ${said.desc}`, {
        hint: "QEMU 7.2 or newer has it",
      });
    } else throw error;
  }
  await proveWire(qmp, card, path);
  return card;
}

/**
 * Connects to a wire once, and waits until QEMU says so: it answers `netdev_add` before it has begun to listen, and QEMU 7.2 ends
 * with SIGSEGV when before that the wire is cut, or a frame goes into it. From here on all of that may happen at any time.
 */
async function proveWire(qmp: QmpClient, card: Card, path: string): Promise<void> {
  const heard = (name: "NETDEV_STREAM_CONNECTED" | "NETDEV_STREAM_DISCONNECTED") => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // awaited below
    const timer = AbortSignal.timeout(WIRE_MS);
    const late = () =>
      reject(
        new Failure({ code: "outcome_unknown", message: "QEMU does not say that its wire is connected" }),
      );
    timer.addEventListener("abort", late, { once: true });
    const forget = qmp.listen((event) => {
      if (event.name === name && (!("netdev-id" in event.data) || event.data["netdev-id"] === card.wire)) {
        resolve();
      }
    });
    void qmp.closed.then(late);
    return promise.finally(() => {
      forget();
      timer.removeEventListener("abort", late);
    });
  };
  const connected = heard("NETDEV_STREAM_CONNECTED");
  const disconnected = heard("NETDEV_STREAM_DISCONNECTED");
  const end = await connectWhenReady(path, WIRE_MS);
  try {
    await connected;
  } finally {
    end.close();
  }
  await disconnected;
}

/** Plugs the card into its port; the guest sees it within a moment. */
export async function plugCard(qmp: QmpClient, card: Card, mac: string): Promise<void> {
  await qmp.execute("device_add", {
    driver: CARD_MODEL,
    id: card.device,
    bus: card.port,
    netdev: card.wire,
    mac,
    romfile: "", // nothing boots from it, and QEMU needs no file for it
  });
}

/**
 * Takes a card out: its link goes down, the guest is asked to let go of it, and the wire is cut whether it does or not. From
 * the first of these on nothing passes. False when the guest has not let go within `waitMs`: the card stays, dead, until it does.
 *
 * A link must never be set up again once its wire is cut: QEMU 7.2 ends with SIGSEGV.
 */
export async function unplugCard(
  qmp: QmpClient,
  card: Card,
  { clock, waitMs }: { readonly clock: Clock; readonly waitMs: number },
): Promise<boolean> {
  const gone = whenGone(qmp, card);
  try {
    const isThere = await unlessAbsent(qmp.execute("set_link", { name: card.device, up: false }));
    // "is already in the process of unplug" is as good.
    const asked = isThere && await unlessAbsent(qmp.execute("device_del", { id: card.device }));
    const isGone = !asked || await gone.within(clock, waitMs);
    await unlessAbsent(qmp.execute("netdev_del", { id: card.wire }));
    return isGone;
  } finally {
    gone.forget();
  }
}

/** False when QEMU says that there is no such thing, or that it is under way. Any other failure is thrown. */
async function unlessAbsent(command: Promise<unknown>): Promise<boolean> {
  try {
    await command;
    return true;
  } catch (error) {
    const said = qmpErrorOf(error);
    if (said?.kind !== "error") throw error;
    return /already in the process of unplug/.test(said.desc);
  }
}

/** Waits for the word that a card is gone. Two such events come; only one of them is the card's own. */
function whenGone(qmp: QmpClient, card: Card) {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const forget = qmp.listen((event) => {
    if (event.name === "DEVICE_DELETED" && event.data.device === card.device) resolve(true);
  });
  void qmp.closed.then(() => resolve(true)); // with its QEMU
  return {
    forget,
    async within(clock: Clock, ms: number): Promise<boolean> {
      const cancel = clock.after(ms, () => resolve(false));
      try {
        return await promise;
      } finally {
        cancel();
      }
    },
  };
}
