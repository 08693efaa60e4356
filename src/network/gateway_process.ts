/** The gateway of one guest as its supervisor has it: a child that is listened to and ended. */
import { Failure } from "../core/problem.ts";
import type { Clock } from "../ports/clock.ts";
import { type ProcessIdentity, sendSignal, spawnTalking } from "../ports/processes.ts";
import { selfCommand } from "../ports/self.ts";
import { ASK_FIGURES, type GatewayWord, type NetworkFigures, WordReader } from "./words.ts";

/** A start takes a tenth of a second; one that takes so long has failed. */
const READY_MS = 15_000;
/** For figures, which nobody waits for long. */
const FIGURES_MS = 1_000;

export interface GatewayProcess {
  readonly identity: ProcessIdentity;
  /** Resolves with its last words when it has ended, whoever ended it. */
  readonly ended: Promise<string>;
  /** Undefined when it does not answer. */
  figures(): Promise<NetworkFigures | undefined>;
  /** Ends it at once; resolves when it has ended. */
  kill(): Promise<void>;
}

export interface GatewayStart {
  /** QEMU's end of the wire. */
  readonly socket: string;
  readonly logFile: string;
  /** Whole environment but for the supervisor's own mark. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onDenied: (word: Extract<GatewayWord, { ev: "denied" }>) => void;
  readonly signal: AbortSignal;
}

/** Starts a gateway; resolves when it is connected. Failure `failed` with its last words; the signal's reason. */
export async function startGateway(start: GatewayStart): Promise<GatewayProcess> {
  start.signal.throwIfAborted();
  const { program, args, env } = selfCommand(["gateway", "--socket", start.socket]);
  const child = await spawnTalking({
    program,
    args,
    env: { ...start.env, ...env },
    logFile: start.logFile,
  });
  const reader = new WordReader();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // it may have ended before anybody waits
  let asking: PromiseWithResolvers<NetworkFigures | undefined> | undefined;
  let last = "";
  child.hear((text) => {
    for (const word of reader.take(text)) {
      switch (word.ev) {
        case "ready":
          ready.resolve();
          break;
        case "denied":
          start.onDenied(word);
          break;
        case "figures": {
          const { ev: _, ...figures } = word;
          asking?.resolve(figures);
          break;
        }
        case "ended":
          last = word.why;
      }
    }
  });
  const ended = child.exited.then(({ code, signal }) =>
    last || (signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`)
  );
  void ended.then((why) => {
    asking?.resolve(undefined);
    ready.reject(new Failure({ code: "failed", message: `the gateway of the network ended: ${why}` }));
  });
  const gateway: GatewayProcess = {
    identity: child.identity,
    ended,
    figures() {
      if (!asking) {
        const question = asking = Promise.withResolvers<NetworkFigures | undefined>();
        const cancel = start.clock.after(FIGURES_MS, () => question.resolve(undefined));
        void question.promise.then(() => {
          cancel();
          asking = undefined;
        });
        child.tell(ASK_FIGURES);
      }
      return asking.promise;
    },
    async kill() {
      await sendSignal(child.identity, "SIGKILL");
      await child.exited;
    },
  };
  const onAbort = () => ready.reject(start.signal.reason);
  start.signal.addEventListener("abort", onAbort, { once: true });
  const cancel = start.clock.after(READY_MS, () => {
    const message = `the gateway of the network was not ready within ${READY_MS / 1000} s`;
    ready.reject(new Failure({ code: "failed", message }));
  });
  try {
    await ready.promise;
    return gateway;
  } catch (error) {
    await gateway.kill();
    throw error;
  } finally {
    cancel();
    start.signal.removeEventListener("abort", onAbort);
  }
}
