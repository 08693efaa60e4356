/**
 * The start of a supervisor: what the registry names is looked up in fact. Guests that run are taken over, hidden and
 * without a network; what is left of guests that don't is cleared away.
 */
import { hasProcess } from "../lifecycle/states.ts";
import { problemOf } from "../core/problem.ts";
import { endProcess, isAlive } from "../ports/processes.ts";
import { connectUnix } from "../ports/unix_socket.ts";
import { removeTree } from "../ports/files.ts";
import { QEMU_IDS } from "../qemu/plan_types.ts";
import { QmpClient } from "../qmp/client.ts";
import type { GuestRuntime } from "../../registry/layout.ts";
import { Guest } from "./guest.ts";
import { attachTo } from "./launch.ts";
import { agentRightsOf, listenersOf, takeOver } from "./run_guest.ts";
import { readRunRecord, type RunRecord } from "./run_record.ts";
import type { Supervisor } from "./supervisor.ts";

/** Fills the supervisor with the registry's guests. Failure `invalid_registry` when the file can't be used at all. */
export async function recoverGuests(s: Supervisor): Promise<void> {
  const read = await s.parts.store.read();
  for (const record of read.vms.values()) {
    const guest = new Guest(record.id);
    guest.record = record;
    s.guests.set(record.id, guest);
  }
  for (const { id, problems } of read.broken) {
    const guest = new Guest(id as Guest["id"]); // shown as what the file says; it can only be looked at
    guest.problems = problems;
    guest.adopt("broken");
    s.guests.set(id, guest);
  }
  await Promise.all([...s.guests.values()].map((guest) =>
    recoverOne(s, guest).catch((error: unknown) => {
      // One guest that can't be looked at must not keep the others from being supervised.
      guest.problems = [...guest.problems, problemOf(error)];
      guest.adopt("broken");
    })
  ));
}

async function recoverOne(s: Supervisor, guest: Guest): Promise<void> {
  const runtime = s.parts.layout.runtime(guest.id);
  const found = await readRunRecord(runtime.record);
  if (found && found.vm === guest.id && guest.record && await isAlive(found.qemu)) {
    await reattach(s, guest, found);
    return;
  }
  if (found?.swtpm) await endProcess(found.swtpm);
  if (!found) await endUnrecorded(s, runtime);
  await removeTree(runtime.folder);
  const recorded = guest.record?.state;
  if (guest.record && recorded !== "stopped") {
    guest.record = { ...guest.record, state: "stopped" };
    await s.parts.store.put(guest.record);
    s.observe("vm.recovered", {
      event: "RAYOS_RECOVERED",
      fields: { vm: guest.id, as: "stopped", reason: `recorded as ${recorded}, but no QEMU of it runs` },
    }, guest.id);
  }
}

/**
 * Ends what a start has left that was cut off before its run record was written: a QEMU that has not run yet and would
 * hold the locks of its images for ever, and its swtpm. Whatever listens in this folder, which is ours alone, is the
 * guest's.
 */
async function endUnrecorded(s: Supervisor, runtime: GuestRuntime): Promise<void> {
  const qmpStream = await connectUnix(runtime.qmp).catch(() => undefined);
  if (qmpStream) {
    const qmp = await QmpClient.negotiate(qmpStream, { clock: s.parts.clock });
    await qmp.execute("quit").catch(() => {}); // it may be gone before it answers
    await qmp.closed;
  }
  // With --terminate swtpm ends at the end of the first connection.
  const tpm = await connectUnix(runtime.tpm).catch(() => undefined);
  tpm?.close();
}

/** Takes over a QEMU whose pid, start time and boot id are those of the run record. */
async function reattach(s: Supervisor, guest: Guest, found: RunRecord): Promise<void> {
  const runtime = s.parts.layout.runtime(guest.id);
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  try {
    const run = await attachTo({
      id: guest.id,
      runtime,
      serialLog: s.parts.layout.guest(guest.record?.type ?? "linux", guest.id).serialLog,
      clock: s.parts.clock,
      listeners: listenersOf(s, guest, ready),
      agentRights: () => agentRightsOf(s, guest),
      qemu: found.qemu,
      swtpm: found.swtpm,
      uuid: found.uuid,
      accelerator: found.accelerator,
      startedAt: found.startedAt,
      notes: found.notes,
    }, await connectUnix(runtime.qmp));
    guest.share = found.share;
    guest.adopt("starting");
    takeOver(s, guest, run, ready);
    const { status } = await run.qmp.execute("query-status");
    if (status === "paused" || status === "prelaunch") guest.apply("paused");
    const ports = await run.qmp.execute("query-chardev");
    run.agent.portChanged(
      ports.some((port) => port.label === QEMU_IDS.agentChardev && port["frontend-open"]),
    );
  } catch (error) {
    guest.problems = [problemOf(error)];
    guest.adopt("broken");
  }
  if (hasProcess(guest.state) && s.guests.has(guest.id)) {
    s.observe(
      "vm.recovered",
      { event: "RAYOS_RECOVERED", fields: { vm: guest.id, as: guest.state } },
      guest.id,
    );
  }
}
