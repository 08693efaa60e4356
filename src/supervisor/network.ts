/**
 * A guest's network: a card that is plugged in while policy grants it, and a gateway process that is all that the card
 * reaches. Off is: no card, no gateway. Both go with the guest, and with the supervisor: the gateway ends when its supervisor
 * does, and the next one takes the card away before it does anything else with the guest.
 */
import { fail, Failure, problemOf } from "../core/problem.ts";
import type { Instant } from "../core/time.ts";
import { WordLimit } from "../core/word_limit.ts";
import { type Card, cardsOf, layWire, macOf, plugCard, UNPLUG_MS, unplugCard } from "../network/card.ts";
import { type GatewayProcess, startGateway } from "../network/gateway_process.ts";
import { exists, removeTree } from "../ports/files.ts";
import { PLAIN_ENV } from "../ports/processes.ts";
import { decide } from "../../policy/decide.ts";
import { deniedProblem } from "./asking.ts";
import type { Guest, GuestRun } from "./guest.ts";
import { MARK } from "./launch.ts";
import { reviewGuests } from "./policy_live.ts";
import type { Supervisor } from "./supervisor.ts";

export interface NetworkWish {
  /** Name of a network profile of the policy. */
  readonly profile: string;
  /** In a word or two, for the marker: `provisioning`. */
  readonly reason: string;
  /** A provisioning run is under way, and turns the network off again at its end. */
  readonly provisioning: true;
}

/** A network that is on. */
export interface GuestNetwork extends NetworkWish {
  readonly since: Instant;
  readonly card: Card;
  readonly gateway: GatewayProcess;
}

/** The role of a gateway among the processes that carry the data root's mark. */
const ROLE = "gateway";
/** From the end of a guest's gateway to the guest's own, when the one comes of the other. */
const LAST_BREATH_MS = 1_000;
/** Words of one gateway: as many as a person would read, whatever it says. */
const WORDS = { burst: 20, everyMs: 5_000 } as const;

/** What is under way with a guest's network: the next thing waits for it. */
const underWay = new WeakMap<
  Guest,
  { readonly over: Promise<unknown>; readonly callOff?: AbortController }
>();

/**
 * Plugs a network card into a guest that runs, with a NAT behind it that reaches the internet and nothing else. Asks policy
 * itself (`net.set`), and is on record as that. On already with the same profile: nothing is done.
 *
 * Failure `denied` when policy does not grant it, `wrong_state` when the guest does not run, `missing` when this QEMU has no
 * such network, the signal's reason when it is called off, and `cancelled` when something turns it off meanwhile: then nothing
 * of it is left.
 */
export async function networkOn(
  s: Supervisor,
  guest: Guest,
  wish: NetworkWish,
  signal: AbortSignal,
): Promise<void> {
  await s.policyFactsNow(guest); // so that nothing need be waited for between the decision and the beginning
  for (let now = underWay.get(guest); now; now = underWay.get(guest)) await now.over.catch(() => {});
  if (guest.network?.profile === wish.profile) return;
  if (guest.network) {
    fail(
      "wrong_state",
      `the network of ${guest.id} is on already, with the profile ${guest.network.profile}`,
    );
  }
  const { profile, reason, provisioning } = wish;
  const asked = s.ledger.ask("net.set", { kind: "supervisor" }, {
    vm: guest.id,
    params: { profile, provisioning, reason },
    masked: [],
  });
  const { record } = guest;
  const { policy } = s;
  const decision = decide(policy, {
    action: "net.set",
    trigger: "operator",
    ...(record ? { guest: record } : {}),
    network: { profile, provisioning },
    facts: s.policyFacts(guest),
  });
  if (decision.effect === "deny") {
    const problem = deniedProblem("net.set", guest.id, decision);
    s.ledger.refuse(asked, problem);
    throw new Failure(problem);
  }
  const callOff = new AbortController();
  const going = {
    vm: guest.id,
    reasons: decision.reasons,
    obligations: decision.obligations.map((one) => ({ ...one })),
  };
  const over = s.ledger.carryOut(
    asked,
    going,
    () => turnOn(s, guest, wish, AbortSignal.any([signal, callOff.signal])),
    () => ({}),
  );
  begin(guest, over, callOff);
  await over;
  if (policy !== s.policy) await reviewGuests(s); // it may grant this no longer
}

/**
 * Takes a guest's network away: the gateway ends first, then the card goes. Nothing passes from the first moment on. Does
 * nothing where there is none; never fails for what the guest does or does not do.
 */
export async function networkOff(s: Supervisor, guest: Guest, reason: string): Promise<void> {
  const before = underWay.get(guest);
  before?.callOff?.abort(
    new Failure({ code: "cancelled", message: `the network of ${guest.id} is turned off: ${reason}` }),
  );
  const over = (async () => {
    await before?.over.catch(() => {}); // whoever began it hears of it
    await turnOff(s, guest, reason);
  })();
  begin(guest, over);
  await over;
}

/** The guest's QEMU has ended, or can't be talked to any more: its gateway ends too. */
export async function networkLost(s: Supervisor, guest: Guest, reason: string): Promise<void> {
  const { network } = guest;
  if (!network) return;
  guest.network = undefined;
  await network.gateway.kill();
  tellOff(s, guest, network.profile, reason);
}

/**
 * A guest that was found running, before anything else is done with it: a card that it has is one that nobody answers for. Its
 * gateway has ended with its supervisor, or was ended as what a dead one has left.
 */
export async function cutFoundNetwork(s: Supervisor, guest: Guest, run: GuestRun): Promise<void> {
  const { net } = s.parts.layout.runtime(guest.id);
  const cards = (await cardsOf(run.qmp)).filter(({ device }) => !guest.pendingCards.has(device));
  if (cards.length === 0 && !await exists(net)) return;
  await Promise.all(cards.map((card) => takeOut(s, guest, run, card, 0)));
  await removeTree(net);
  if (cards.length > 0) tellOff(s, guest, "unknown", "recovery");
}

/** Failure `wrong_state` while a card is plugged in: a saved state would hold it, and no QEMU that is started anew has it. */
export async function refuseCards(guest: Guest, run: GuestRun, what: string): Promise<void> {
  if (guest.network) {
    fail("wrong_state", `${guest.id} can't be ${what} while its network is on`, {
      hint: "it is on for a provisioning run: wait for its end, or call it off (`rayvisor net set <id> off`)",
    });
  }
  if ((await cardsOf(run.qmp)).length > 0) {
    fail("wrong_state", `${guest.id} can't be ${what}: it has not let go of its network card yet`, {
      hint: "let it run on (the card is dead already), or stop and start it",
    });
  }
}

/** What the operator is told of cards that are dead and still there. */
export function cardNotes(guest: Guest): string[] {
  return guest.run && guest.pendingCards.size > 0
    ? ["its network is off, but it has not let go of its card yet: the card is dead, and goes when it does"]
    : [];
}

function begin(guest: Guest, over: Promise<unknown>, callOff?: AbortController): void {
  const entry = { over, ...(callOff ? { callOff } : {}) };
  underWay.set(guest, entry);
  const done = () => {
    if (underWay.get(guest) === entry) underWay.delete(guest);
  };
  over.then(done, done);
}

async function turnOn(s: Supervisor, guest: Guest, wish: NetworkWish, signal: AbortSignal): Promise<void> {
  const run = guest.run ?? fail("wrong_state", `${guest.id} does not run: it can't be given a network`);
  const { clock, layout } = s.parts;
  const runtime = layout.runtime(guest.id);
  let card: Card | undefined;
  let gateway: GatewayProcess | undefined;
  try {
    signal.throwIfAborted();
    await removeTree(runtime.net);
    card = await layWire(run.qmp, runtime.net);
    gateway = await startGateway({
      socket: runtime.net,
      logFile: runtime.netLog,
      env: { ...PLAIN_ENV, [MARK.vm]: guest.id, [MARK.role]: ROLE },
      clock,
      onDenied: denialsOf(s, guest),
      signal,
    });
    signal.throwIfAborted();
    await plugCard(run.qmp, card, macOf(guest.id));
    signal.throwIfAborted();
    if (guest.run !== run) fail("failed", `${guest.id} ended before it had its network`);
  } catch (error) {
    await gateway?.kill();
    if (card && !run.qmp.isClosed) await takeOut(s, guest, run, card, UNPLUG_MS).catch(() => {});
    await removeTree(runtime.net).catch(() => {}); // with the guest at the latest
    throw error;
  }
  const network: GuestNetwork = { ...wish, since: clock.now(), card, gateway };
  guest.network = network;
  s.emit({
    event: "RAYOS_NETWORK:on",
    fields: { vm: guest.id, profile: wish.profile, reason: wish.reason },
  });
  void watchGateway(s, guest, run, network).catch((error: unknown) => complain(guest, error));
}

/** A gateway that ends unasked takes the network with it; one whose guest has ended is no news. */
async function watchGateway(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  network: GuestNetwork,
): Promise<void> {
  const why = await network.gateway.ended;
  if (guest.network !== network) return;
  const alone = Promise.withResolvers<void>();
  const cancel = s.parts.clock.after(LAST_BREATH_MS, alone.resolve);
  await Promise.race([run.gone, run.qmp.closed, alone.promise]);
  cancel();
  if (guest.network !== network) return;
  guest.lastError = `its network is off: the gateway ended: ${why}`;
  await networkOff(s, guest, run.qmp.isClosed ? "guest_ended" : "gateway_ended");
}

async function turnOff(s: Supervisor, guest: Guest, reason: string): Promise<void> {
  const { network, run } = guest;
  if (!network) {
    // One that is left over all the same, of a QEMU that did not answer in time.
    if (run && !run.qmp.isClosed) {
      await cutFoundNetwork(s, guest, run).catch((error: unknown) => complain(guest, error));
    }
    return;
  }
  guest.network = undefined;
  await network.gateway.kill();
  if (run && !run.qmp.isClosed) {
    // What QEMU does not do is no reason to say that it is on: nothing is left at the other end of the wire.
    await takeOut(s, guest, run, network.card, UNPLUG_MS).catch((error: unknown) => complain(guest, error));
  }
  await removeTree(s.parts.layout.runtime(guest.id).net).catch(() => {}); // with the guest at the latest
  tellOff(s, guest, network.profile, reason);
}

/** A guest that stands still can't let go of anything: it is not waited for. */
async function takeOut(
  s: Supervisor,
  guest: Guest,
  run: GuestRun,
  card: Card,
  waitMs: number,
): Promise<void> {
  const { running } = await run.qmp.execute("query-status");
  guest.pendingCards.add(card.device);
  const forget = run.qmp.listen((event) => {
    if (event.name !== "DEVICE_DELETED" || event.data.device !== card.device) return;
    guest.pendingCards.delete(card.device);
    forget();
  });
  if (!await unplugCard(run.qmp, card, { clock: s.parts.clock, waitMs: running ? waitMs : 0 })) return;
  guest.pendingCards.delete(card.device); // it was not there at all
  forget();
}

function tellOff(s: Supervisor, guest: Guest, profile: string, reason: string): void {
  s.emit({ event: "RAYOS_NETWORK:off", fields: { vm: guest.id, profile, reason } });
}

function denialsOf(s: Supervisor, guest: Guest) {
  const words = new WordLimit(WORDS.burst, WORDS.everyMs);
  let before = 0;
  return ({ dst, proto, unsaid }: { dst: string; proto: string; unsaid: number }) => {
    const here = words.take(s.parts.clock.monotonic());
    before += unsaid;
    if (here === undefined) return;
    const all = before + here;
    before = 0;
    s.emit({
      event: "RAYOS_NETWORK_DENIED",
      fields: { vm: guest.id, dst, proto, ...(all > 0 ? { unsaid: all } : {}) },
    });
  };
}

function complain(guest: Guest, error: unknown): void {
  guest.problems = [...guest.problems, problemOf(error)];
}
