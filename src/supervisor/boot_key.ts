/**
 * The key that Microsoft's medium asks for: "Press any key to boot from CD or DVD", for five seconds, and then it boots from
 * nothing. It goes through the one gate of input like any other: the guest is presented meanwhile, if policy lets it.
 */
import { decide } from "../../policy/decide.ts";
import { fail } from "../core/problem.ts";
import { MIB } from "../core/units.ts";
import type { Guest } from "./guest.ts";
import type { Supervisor } from "./supervisor.ts";

const EVERY_MS = 1_000;
/** The loader alone is less; what it then loads (boot.wim) is hundreds of MiB. */
const BOOTED_BYTES = 64 * MIB;
/** So long firmware may take until it asks, on a slow host without KVM. */
const WITHIN_MS = 180_000;

/** Presses Enter once a second until the guest reads its install medium in earnest. Failure `failed` when it never does. */
export async function pressBootKey(s: Supervisor, guest: Guest, signal: AbortSignal): Promise<void> {
  await s.perform("vm.present", { id: guest.id }, { kind: "supervisor" });
  let pressed = 0;
  try {
    const until = s.parts.clock.now() + WITHIN_MS;
    while (!await hasBooted(guest)) {
      if (s.parts.clock.now() > until) {
        fail("failed", `${guest.id} does not boot from its install medium, whatever key is pressed`);
      }
      await press(s, guest);
      pressed++;
      await pause(s, signal);
    }
  } finally {
    s.emit({ event: "RAYOS_INPUT:accepted", fields: { vm: guest.id, events: pressed } });
    if (s.presented === guest.id) await s.perform("vm.hide", { id: guest.id }, { kind: "supervisor" });
  }
}

async function press(s: Supervisor, guest: Guest): Promise<void> {
  const { effect, reasons } = decide(s.policy, {
    action: "vm.input",
    trigger: "operator",
    ...(guest.record ? { guest: guest.record } : {}),
    facts: s.policyFacts(guest),
  });
  if (effect === "deny") {
    fail("denied", `no key may be pressed in ${guest.id}: ${reasons[0].why}`, { reasons });
  }
  await guest.run?.qmp.execute("send-key", { keys: [{ type: "qcode", data: "ret" }] });
}

/** Whether more than a boot loader was read from its media. */
async function hasBooted(guest: Guest): Promise<boolean> {
  const run = guest.run ?? fail("failed", `${guest.id} ended before it had booted from its install medium`);
  const nodes = await run.qmp.execute("query-blockstats");
  const read = nodes.filter(({ "node-name": node }) => node?.startsWith("cd"))
    .reduce((sum, { stats }) => sum + stats.rd_bytes, 0);
  return read > BOOTED_BYTES;
}

/** Nothing tells that firmware waits for a key: it is pressed again and again. */
async function pause(s: Supervisor, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = s.parts.clock.after(EVERY_MS, resolve);
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  signal.removeEventListener("abort", onAbort);
  cancel();
  signal.throwIfAborted();
}
