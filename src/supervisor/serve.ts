/** The supervisor as a process: lock, logs, policy, guests, API, signals, and an orderly end. */
import { controlApi } from "../api/server.ts";
import { AuditLog, type LoggedEvent, sha256Hex } from "../audit/log.ts";
import type { HostCapabilities } from "../host/capabilities.ts";
import { readHostFacts } from "../host/facts.ts";
import { probeHost } from "../host/probe.ts";
import { buildInfo } from "../ports/build_info.ts";
import { systemClock } from "../ports/clock.ts";
import { dirname } from "../ports/files.ts";
import { processesMarked } from "../ports/own_processes.ts";
import { realPath } from "../ports/paths.ts";
import { markChildren } from "../ports/processes.ts";
import { systemRandom } from "../ports/random.ts";
import { findServiceManager } from "../ports/service_manager.ts";
import { envVar, onSignal, processId } from "../ports/terminal.ts";
import { checkSocketPath } from "../ports/unix_socket.ts";
import { watchFolder } from "../ports/watch.ts";
import type { Layout } from "../../registry/layout.ts";
import { makeDataRoot } from "../../registry/layout.ts";
import { RegistryStore } from "../../registry/store.ts";
import { autoboot } from "./autoboot.ts";
import { Journal } from "./journal.ts";
import { MARK } from "./launch.ts";
import { openGroups, sweepGroups } from "./limits.ts";
import { lockRoot } from "./lock.ts";
import { type Crash, crashMarker, watchForCrash } from "./own_crash.ts";
import { removeInstallLeftovers } from "./policy_install.ts";
import { reloadPolicy, reviewGuests, tellPolicy } from "./policy_live.ts";
import { nextPolicyState } from "./policy_source.ts";
import { recoverGuests } from "./recover.ts";
import { finishEnds, settleFiles } from "./recover_intents.ts";
import { callOffPlans } from "./restart.ts";
import { networkOff } from "./network.ts";
import { noticesTo } from "./service_notices.ts";
import { keepServing } from "./serving.ts";
import { Supervisor } from "./supervisor.ts";

/** Time for answers that are under way when the supervisor ends. */
const SHUTDOWN_GRACE_MS = 2_000;

/** What `serve` tells whoever started it. */
export interface Announcer {
  ready(): void;
  event(event: LoggedEvent): void;
  /** What an administrator should know and no event says. */
  warn(message: string): void;
}

/** The end is asked for; with the crash that is its reason, where there is one. */
type Stopping = PromiseWithResolvers<{ readonly crash?: Crash }>;

/**
 * Serves a data root until it is asked to stop (API, SIGTERM, SIGINT), or until there is an error that nobody caught: that is
 * written down under `crash/` and thrown when all is in order. Guests go on.
 */
export async function serve(root: string, layout: Layout, announcer: Announcer): Promise<void> {
  checkSocketPath(layout.socket);
  await makeDataRoot(root);
  const stopping: Stopping = Promise.withResolvers();
  const crashes = watchForCrash({
    crashFolder: layout.crashFolder,
    version: buildInfo().version,
    pid: processId,
    invocation: envVar("INVOCATION_ID"),
    clock: systemClock,
  }, (crash) => stopping.resolve({ crash }));
  try {
    await serveUntil(stopping, root, layout, announcer);
    crashes.throwIfCrashed();
  } catch (error) {
    crashes.ended(error);
    throw error;
  } finally {
    crashes.close();
  }
}

/** The first signal asks for the end; with the second nobody listens any more, and it ends the process at once. */
function listenForEnd(stopping: Stopping): void {
  const ends = (["SIGTERM", "SIGINT"] as const).map((signal) =>
    onSignal(signal, () => {
      for (const end of ends) end();
      stopping.resolve({});
    })
  );
}

async function serveUntil(
  stopping: Stopping,
  root: string,
  layout: Layout,
  announcer: Announcer,
): Promise<void> {
  let reload = () => {}; // while there is nothing to reload yet, a signal to do so must not end the process
  const unhear = onSignal("SIGHUP", () => reload());
  listenForEnd(stopping);
  const lock = await lockRoot(layout, processId);
  const mark = sha256Hex(new TextEncoder().encode(await realPath(root) ?? root));
  const left = await processesMarked(MARK.root, mark); // before this one has children of its own
  markChildren({ [MARK.root]: mark });
  const { version } = buildInfo();
  const log = new AuditLog({
    rayosLog: layout.rayosLog,
    auditFile: layout.auditFile,
    headFile: layout.auditHead,
    clock: systemClock,
    random: systemRandom,
  });
  const unlisten = log.listen((event) => announcer.event(event));
  const probing = new AbortController();
  const groups = await openGroups(layout, processId, readHostFacts); // first: what is started from here on may be in them
  const capabilities = remembered(() =>
    probeHost({ cacheFile: layout.capabilitiesCache, signal: probing.signal })
  );
  const supervisor = new Supervisor({
    root,
    layout,
    version,
    pid: processId,
    clock: systemClock,
    random: systemRandom,
    log,
    store: new RegistryStore(layout),
    journal: new Journal(layout.intents),
    groups,
    hostFacts: readHostFacts,
    capabilities: capabilities.ask,
    requestStop: () => stopping.resolve({}),
  }, await nextPolicyState(layout, undefined));
  const manager = await findServiceManager(layout.notifySocket, (why) => announcer.warn(why));
  const notices = noticesTo(manager, supervisor, log, systemClock);
  supervisor.ledger.settle(layout.auditFile);
  supervisor.emit({ event: "RAYOS_SUPERVISOR:start", fields: { version, pid: processId, root } });
  tellPolicy(supervisor);
  await removeInstallLeftovers(layout);
  await supervisor.parts.store.removeLeftovers();
  const { entries, unreadable } = supervisor.parts.journal.unfinished();
  for (const name of unreadable) supervisor.putOnRecord("journal.unreadable", undefined, { name });
  await supervisor.provisions.load();
  await settleFiles(supervisor, entries);
  await recoverGuests(supervisor, left);
  await sweepGroups(supervisor);
  await reviewGuests(supervisor); // the policy may have changed while nobody looked
  await supervisor.space.start();
  const server = await keepServing(
    { folder: layout.runFolder, socket: layout.socket, made: [layout.runtimeFolder] },
    controlApi(supervisor),
  );
  const policyFiles = [layout.policyFile, layout.policySignature];
  const unwatch = watchFolder(
    dirname(layout.policyFile),
    (paths) => paths.some((path) => policyFiles.includes(path)) && reload(),
  );
  reload = () => void notices.whileReloading(() => reloadPolicy(supervisor));
  supervisor.emit({ event: "RAYOS_SUPERVISOR:ready", fields: { pid: processId } });
  announcer.ready();
  notices.ready();
  void reloadPolicy(supervisor); // it may have changed after it was read and before it was watched
  finishEnds(supervisor, entries);
  const booting = autoboot(supervisor);
  void supervisor.parts.capabilities().catch(() => {}); // asked now, so that the first start need not wait for it
  const { crash } = await stopping.promise;
  reload = () => {}; // the terminal may go while the supervisor ends
  unwatch();
  notices.stopping();
  if (crash) supervisor.emit(crashMarker(crash, processId));
  supervisor.space.stop();
  supervisor.emit({ event: "RAYOS_SUPERVISOR:stop", fields: { pid: processId } });
  supervisor.endStreams();
  await server.shutdown(SHUTDOWN_GRACE_MS);
  callOffPlans(supervisor);
  await supervisor.provisions.interrupt();
  await supervisor.jobs.callOffAll("called off: the supervisor ends"); // what is cut off would be left half done
  await Promise.all(
    [...supervisor.guests.values()].filter(({ network }) => network).map((guest) =>
      networkOff(supervisor, guest, "supervisor_stops")
    ),
  );
  await booting;
  callOffPlans(supervisor); // what came of those
  probing.abort();
  await capabilities.settled();
  await groups.close().catch(() => {}); // what is left is found again by the next supervisor
  unlisten();
  await notices.close();
  log.close();
  lock.release();
  unhear();
}

/** Asks once; a failure is not remembered: what was missing may be installed by then. */
function remembered(ask: () => Promise<HostCapabilities>): {
  ask(): Promise<HostCapabilities>;
  /** Resolves when no question is under way. */
  settled(): Promise<void>;
} {
  let known: Promise<HostCapabilities> | undefined;
  return {
    ask() {
      known ??= ask().catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return known;
    },
    async settled() {
      await known?.catch(() => {});
    },
  };
}
