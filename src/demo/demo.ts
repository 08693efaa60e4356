/**
 * `rayvisor demo`: the main job on a throw-away data root with a real guest, told step by step. It is a client like any
 * other: everything goes through the supervisor's API, and nothing is left behind.
 */
import type { ApiClient } from "../api/client.ts";
import type { DoneView, FirmwareView, GuestDetail } from "../actions/views.ts";
import { readAudit, verifyAudit } from "../audit/files.ts";
import { type Context, contextOf } from "../cli/context.ts";
import { connect } from "../cli/connect.ts";
import { initRoot } from "../cli/init_root.ts";
import { renderEvent, renderFirmware, renderGuest, renderRecord } from "../cli/render.ts";
import { fail, Failure } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { MIB } from "../core/units.ts";
import { firmwareSayings } from "../efi/evidence.ts";
import { copyImage, makeFolder, makeTemporaryFolder, removeTree, writeFileAtomic } from "../ports/files.ts";
import { onSignal, type Terminal } from "../ports/terminal.ts";
import { buildGuest } from "../../tests/guest/build.ts";
import { GUEST_MEMORY_MIB } from "../../tests/guest/recipe.ts";
import { DEMO_POLICY } from "./demo_policy.ts";
import { type Narrator, narratorFor } from "./narrator.ts";

export interface DemoOptions {
  /** Folder that the test guest's image is kept in. */
  readonly guestCache: string;
  /** Leave the data root and its supervisor for a look. */
  readonly keep: boolean;
}

const LINUX = "demo-linux";
const WINDOWS = "demo-windows";
const FIRMWARE_TIMEOUT_MS = 120_000;

interface Stage {
  readonly c: Context;
  readonly n: Narrator;
  readonly client: ApiClient;
  readonly signal: AbortSignal;
}

/** Runs the whole demonstration. Whatever happens, guests, supervisor and data root are gone afterwards. */
export async function demo(terminal: Terminal, base: Context, options: DemoOptions): Promise<void> {
  const n = await narratorFor(base.output);
  const abort = new AbortController();
  const interrupted = () =>
    abort.abort(new Failure({ code: "cancelled", message: "the demonstration was interrupted" }));
  const ends = [onSignal("SIGINT", interrupted), onSignal("SIGTERM", interrupted)];
  const image = await n.step("build the test guest from Debian packages (once, then cached)", async (say) => {
    const built = await buildGuest({
      cacheDir: options.guestCache,
      signal: abort.signal,
      onProgress: ({ step, detail }) => say(detail ? `${step}: ${detail}` : step),
    });
    return built.image;
  });
  const root = await makeTemporaryFolder("rayvisor-demo-");
  const c = contextOf(terminal, { root, quiet: true, color: base.output.options.color }, "demo");
  let client: ApiClient | undefined;
  try {
    client = await n.step(`make a data root with a policy, and start the supervisor`, async (say) => {
      say(root);
      await writePolicy(c);
      return await connect(c);
    });
    const stage: Stage = { c, n, client, signal: abort.signal };
    await raced(linuxGuest(stage, image), abort.signal);
    await raced(windowsGuest(stage), abort.signal);
    n.show("everything above went through one gate: policy decided, the trail has it, QEMU did it");
  } finally {
    for (const end of ends) end();
    if (options.keep) n.show(`kept: rayvisor --root ${root} status`);
    else await n.step("remove everything", () => cleanUp(c, client));
    client?.close();
  }
}

async function writePolicy(c: Context): Promise<void> {
  await makeFolder(c.layout.policyFile.slice(0, c.layout.policyFile.lastIndexOf("/")));
  await writeFileAtomic(c.layout.policyFile, DEMO_POLICY);
  await initRoot(c);
}

/** The work, or the interruption as soon as it comes. */
async function raced(work: Promise<void>, signal: AbortSignal): Promise<void> {
  work.catch(() => {}); // after an interruption nobody waits for it any more
  const interruption = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  interruption.catch(() => {});
  await Promise.race([work, interruption]);
}

async function linuxGuest(stage: Stage, image: string): Promise<void> {
  const { c, n, client } = stage;
  const folder = `vm/linux/${LINUX}`;
  await n.step("define a Linux guest: UEFI with Secure Boot, TPM 2.0, one disk", async (say) => {
    await makeFolder(`${c.root}/${folder}`);
    await copyImage(image, `${c.root}/${folder}/disk.raw`);
    say("UEFI variables and TPM state are made for it");
    await client.perform<DoneView>("vm.define", {
      definition: {
        id: LINUX,
        type: "linux",
        name: "Demonstration guest",
        vcpu: 1,
        memory_mib: GUEST_MEMORY_MIB,
        disk: { path: `${folder}/disk.raw` },
        tpm: true,
        secure_boot: true,
      },
    });
  });
  await n.step(
    "start it and wait until its guest agent answers",
    (say) => following(stage, LINUX, say, () => client.perform("vm.start", { id: LINUX, wait: "ready" })),
  );
  await n.step("read live figures over QMP and the agent", async () => {
    const guest = await client.perform<GuestDetail>("vm.show", { id: LINUX });
    n.show(
      renderGuest(c.output, { ...guest, rights: null, serial_tail: guest.serial_tail.slice(-6) }, Date.now()),
    );
  });
  await n.step("ask for a network, which policy does not grant", async () => {
    const problem = await client.perform("net.set", { id: LINUX, profile: "restricted" }).then(
      () => fail("failed", "the network was granted: that must not be"),
      (error: unknown) =>
        error instanceof Failure && error.code === "denied" ? error.problem : Promise.reject(error),
    );
    n.show(c.output.renderProblem(problem));
  });
  await n.step("present it, then hide it again", (say) =>
    following(stage, LINUX, say, async () => {
      await client.perform("vm.present", { id: LINUX });
      await client.perform("vm.hide", { id: LINUX });
    }));
  await n.step("stop it through the agent", (say) =>
    following(stage, LINUX, say, async () => {
      const done = await client.perform<DoneView>("vm.stop", { id: LINUX });
      if (done.ended_by !== "agent") {
        fail("failed", `it did not stop through the agent, but was ended by: ${done.ended_by}`);
      }
    }));
  await trail(stage);
}

async function trail({ c, n }: Stage): Promise<void> {
  await n.step("show the audit trail and verify its chain", async () => {
    const records = await readAudit(c.layout.auditFile);
    const check = await verifyAudit(c.layout.auditFile, c.layout.auditHead);
    if (!check.ok) {
      fail("audit_broken", `the trail is broken at line ${check.fault.line}: ${check.fault.why}`);
    }
    n.show(records.map((record) => renderRecord(c.output, record)).join("\n"));
    n.show(`the chain of ${check.records} records holds; head ${check.head.hash.slice(0, 16)}…`);
  });
}

async function windowsGuest(stage: Stage): Promise<void> {
  const { c, n, client } = stage;
  await n.step(
    "define a Windows guest: Secure Boot with enrolled keys, SMM, TPM 2.0, no medium",
    () =>
      client.perform("vm.define", {
        definition: {
          id: WINDOWS,
          type: "windows",
          vcpu: 2,
          memory_mib: 512,
          disk: { bytes: 64 * MIB },
          profile: "demo-windows",
        },
      }),
  );
  await n.step("start it and let its firmware look for something to boot", async (say) => {
    await client.perform("vm.start", { id: WINDOWS });
    await firmwareEnd(stage, say);
  });
  await n.step("prove from outside what is there", async () => {
    const view = await client.perform<FirmwareView>("vm.firmware", { id: WINDOWS });
    n.show(renderFirmware(view));
    if (!view.firmware_ran || !view.secure_boot_enforced || !view.tpm_answered) {
      fail("failed", "firmware, Secure Boot or TPM could not be proven");
    }
  });
  await n.step("stop it", () => client.perform("vm.stop", { id: WINDOWS, grace_s: 0 }));
  await n.step("verify the chain once more", async (say) => {
    const check = await verifyAudit(c.layout.auditFile, c.layout.auditHead);
    if (!check.ok) fail("audit_broken", check.fault.why);
    say(`${check.records} records`);
  });
}

/** Waits until the firmware says on the serial console that it has found nothing to boot. */
async function firmwareEnd({ client, signal }: Stage, say: (detail: string) => void): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(FIRMWARE_TIMEOUT_MS)]);
  let text = "";
  let told = 0;
  for await (const piece of await client.serial(WINDOWS, deadline)) {
    text += piece;
    for (const line of text.slice(told).split("\n").slice(0, -1)) {
      if (sanitizeLine(line).trim()) say(sanitizeLine(line, 70).trim());
      told += line.length + 1;
    }
    if (firmwareSayings(text).includes("no_bootable_device")) return;
  }
  fail("failed", "the firmware did not come to the end of its search");
}

/** Runs `work` and tells the guest's events meanwhile. */
async function following(
  { c, client }: Stage,
  vm: string,
  say: (detail: string) => void,
  work: () => Promise<unknown>,
): Promise<void> {
  const over = new AbortController();
  const events = await client.events(vm, over.signal);
  const telling = (async () => {
    for await (const event of events) {
      say(renderEvent(c.output, { ...event, time: event.time.slice(11, 23) }));
    }
  })().catch(() => {}); // the stream is cut below
  try {
    await work();
  } finally {
    over.abort();
    await telling;
  }
}

async function cleanUp(c: Context, client: ApiClient | undefined): Promise<void> {
  try {
    const { guests } = await client?.perform<{ guests: { id: string }[] }>("status") ?? { guests: [] };
    for (const { id } of guests) await client?.perform("vm.kill", { id }).catch(() => {}); // it may not run
    await client?.stopped();
  } finally {
    await removeTree(c.root);
  }
}
