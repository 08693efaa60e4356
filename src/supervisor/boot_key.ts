/**
 * The key that Microsoft's medium asks for: "Press any key to boot from CD or DVD", for five seconds, and then it boots from
 * nothing. It goes through the one gate of input like any other: the guest is presented meanwhile, if policy lets it.
 */
import { decide } from "../../policy/decide.ts";
import { fail } from "../core/problem.ts";
import { formatBytes, MIB } from "../core/units.ts";
import type { Guest } from "./guest.ts";
import { armRelease } from "./presentation.ts";
import type { Supervisor } from "./supervisor.ts";

const EVERY_MS = 1_000;
/** The loader alone is less; what it then loads (boot.wim) is hundreds of MiB. */
const BOOTED_BYTES = 64 * MIB;
/** So long firmware may take until it asks, on a slow host without KVM. */
const WITHIN_MS = 180_000;

const ACTOR = { kind: "supervisor" } as const;

/** How the guest stands that is to boot from its medium. */
export type BootMoment =
  /** It was started a moment ago. */
  | "started"
  /** It was found running, or nobody got it to boot: the medium may have asked when nobody was there. */
  | "unseen";

/**
 * Presses Enter once a second until the guest reads its install medium in earnest. One that may have been asked before, and has
 * read next to nothing, is reset first: it has installed nothing, and is asked again. Failure `failed` when it never boots.
 */
export async function bootFromMedium(
  s: Supervisor,
  guest: Guest,
  moment: BootMoment,
  signal: AbortSignal,
): Promise<void> {
  const before = await mediaRead(guest);
  if (moment === "unseen") {
    if (before > BOOTED_BYTES) return;
    await s.perform("vm.reset", { id: guest.id }, ACTOR);
  }
  await s.perform("vm.present", { id: guest.id }, ACTOR);
  let pressed = 0;
  try {
    const until = s.parts.clock.now() + WITHIN_MS;
    while (await mediaRead(guest) - before <= BOOTED_BYTES) {
      if (s.parts.clock.now() > until) neverBooted(guest);
      await press(s, guest);
      pressed++;
      await pause(s, signal);
    }
  } finally {
    if (pressed > 0) s.emit({ event: "RAYOS_INPUT:accepted", fields: { vm: guest.id, events: pressed } });
    if (s.presented === guest.id) await s.perform("vm.hide", { id: guest.id }, ACTOR);
  }
}

function neverBooted({ id }: Guest): never {
  fail(
    "failed",
    `${id} does not boot from its install medium: Enter was pressed for ${
      WITHIN_MS / 60_000
    } minutes, and less than ` +
      `${formatBytes(BOOTED_BYTES)} were read from its media`,
    {
      hint:
        `\`rayvisor provision ${id}\` resets it and tries again; \`rayvisor iso inspect\` looks at the medium`,
    },
  );
}

async function press(s: Supervisor, guest: Guest): Promise<void> {
  const { effect, reasons } = decide(s.policy, {
    action: "vm.input",
    trigger: "operator",
    ...(guest.record ? { guest: guest.record } : {}),
    facts: s.policyFacts(guest),
  });
  if (effect === "deny") {
    s.emit({ event: "RAYOS_INPUT:denied", fields: { vm: guest.id, events: 1 } });
    fail("denied", `no key may be pressed in ${guest.id}: ${reasons[0].why}`, { reasons });
  }
  await guest.run?.qmp.execute("send-key", { keys: [{ type: "qcode", data: "ret" }] });
  armRelease(s);
}

/** Bytes that were read from its media since its QEMU began; a reset of the machine does not count them anew. */
async function mediaRead(guest: Guest): Promise<number> {
  const run = guest.run ?? fail("failed", `${guest.id} ended before it had booted from its install medium`);
  const nodes = await run.qmp.execute("query-blockstats");
  return nodes.filter(({ "node-name": node }) => node?.startsWith("cd"))
    .reduce((sum, { stats }) => sum + stats.rd_bytes, 0);
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
