/**
 * A supervisor that turns a guest's network on where an operator asks for it, as a provisioning run does. Usage: ROOT; ends its
 * standard output's first line with `ready`.
 */
import { CHANGES } from "../../src/supervisor/changes.ts";
import { networkOff, networkOn } from "../../src/supervisor/network.ts";
import { serve } from "../../src/supervisor/serve.ts";
import { layoutOf } from "../../registry/layout.ts";

// The table is only read by the program; here it is another one's.
const table = CHANGES as { -readonly [K in keyof typeof CHANGES]: (typeof CHANGES)[K] };
table["net.set"] = (s, { id, profile }) => {
  const guest = s.guest(id);
  return Promise.resolve({
    vm: id,
    guest,
    ...(guest.record ? { ask: guest.record } : {}),
    more: { network: { profile, provisioning: true } },
    act: async (_decision, signal) => {
      if (profile === "off") await networkOff(s, guest, "run ended");
      else await networkOn(s, guest, { profile, reason: "provisioning", provisioning: true }, signal);
      return { done: "net.set", vm: id, state: guest.state };
    },
  });
};

const [root = ""] = Deno.args;
Deno.umask(0o077);
await serve(root, layoutOf(root), {
  // deno-lint-ignore no-console -- for the test that runs it
  ready: () => console.log("ready"),
  event() {},
  warn() {},
});
Deno.exit(0); // as the program does
