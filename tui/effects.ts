/** The one runner of effects: whatever the UI does to the world outside goes through here, by ports. */
import type { JobView } from "../src/actions/views.ts";
import { fail, problemOf } from "../src/core/problem.ts";
import { unreachable } from "../src/core/result.ts";
import { type Clock, within } from "../src/ports/clock.ts";
import { type Api, Link, type LinkPorts } from "./link.ts";
import type { Message } from "./messages.ts";
import type { Came, Effect, Model, ScreenId } from "./model.ts";
import { Refresher } from "./refresher.ts";
import type { WorkHost } from "./screen.ts";
import type { AllScreens } from "./screens/all.ts";
import { statusOf } from "./answers.ts";
import { cleanAll } from "./text.ts";

/** What is done with the terminal. */
export interface TerminalPorts {
  /** Gives the terminal to `use` and takes it back afterwards, whatever comes of it. */
  readonly handOver: (use: () => Promise<void>) => Promise<void>;
  readonly redraw: () => void;
  /** Stops this program as the shell does, until it is let go on. */
  readonly stop: () => Promise<void>;
  /** Shows a guest's serial console until it is left. */
  readonly console: (vm: string, api: Api) => Promise<void>;
  readonly quit: () => void;
}

export interface RunnerPorts extends LinkPorts {
  readonly clock: Clock;
  readonly terminal: TerminalPorts;
}

const TICK_MS = 1_000;
/** For work that was called off: programs that it has started are being ended. */
const END_MS = 2_000;

export class Runner {
  readonly #link: Link;
  readonly #refresher: Refresher;
  readonly #work = new Map<ScreenId, AbortController>();
  readonly #working = new Set<Promise<void>>();
  #cancelTick: (() => void) | undefined;
  #ended = false;

  constructor(
    readonly ports: RunnerPorts,
    readonly screens: AllScreens,
    readonly root: string,
    readonly dispatch: (message: Message) => void,
  ) {
    this.#link = new Link(ports, (message) => this.#tell(message));
    this.#refresher = new Refresher(ports.clock, () => this.#refresh());
  }

  /** The client, while somebody answers. */
  get api(): Api | undefined {
    return this.#link.api;
  }

  /** Connects, and stays so, until {@link stop}. */
  async start(): Promise<void> {
    await this.#link.run();
  }

  /** Resolves when what screens had under way has ended, so that no program of theirs is left behind, or its time is over. */
  async stop(): Promise<void> {
    this.#ended = true;
    this.#link.stop();
    this.#refresher.stop();
    this.#cancelTick?.();
    for (const work of this.#work.values()) work.abort();
    await within(this.ports.clock, END_MS, Promise.allSettled(this.#working));
  }

  run(effect: Effect): void {
    switch (effect.do) {
      case "perform":
        return void this.#perform(effect);
      case "ask":
        return void this.#ask(effect);
      case "screen":
        return void this.#begin(effect.screen, effect.work);
      case "stop_work":
        return this.#work.get(effect.screen)?.abort();
      case "message":
        return this.#tell(effect.message);
      case "console":
        return void this.#console(effect.vm);
      case "refresh":
        return this.#refresher.ask(effect.urgent);
      case "reconnect":
        return this.#link.reconnect();
      case "redraw":
        return this.ports.terminal.redraw();
      case "suspend":
        return void this.#guarded("suspend", () => this.ports.terminal.handOver(this.ports.terminal.stop));
      case "quit":
        return this.ports.terminal.quit();
      default:
        return unreachable(effect);
    }
  }

  /** Looks after the clock: it ticks only while something that is shown grows older. */
  settle(model: Model): void {
    if (this.#ended || this.#cancelTick !== undefined || !isAgeing(model)) return;
    this.#cancelTick = this.ports.clock.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      this.#tell({ type: "tick", now: this.ports.clock.now() });
    });
  }

  #tell(message: Message): void {
    if (!this.#ended) this.dispatch(message);
  }

  async #perform({ action, params }: Extract<Effect, { do: "perform" }>): Promise<void> {
    const asked = this.#result(() => this.#client().perform(action, params));
    this.#refresher.ask(true); // it shows among the jobs
    this.#tell({ type: "came", now: this.ports.clock.now(), action, params, result: await asked });
  }

  async #ask({ tag, action, params }: Extract<Effect, { do: "ask" }>): Promise<void> {
    const result = await this.#result(() => this.#client().perform(action, params));
    this.#tell({ type: "answered", tag, result });
  }

  async #result(act: () => Promise<unknown>): Promise<Came["result"]> {
    try {
      return { ok: true, value: cleanAll(await act()) };
    } catch (error) {
      return { ok: false, problem: cleanAll(problemOf(error)) };
    }
  }

  #client(): Api {
    return this.#link.api ?? fail("no_supervisor", "no supervisor answers", { hint: "R starts one" });
  }

  async #refresh(): Promise<void> {
    const api = this.#link.api;
    if (api === undefined) return;
    const [status, jobs] = await Promise.allSettled([
      api.perform("status"),
      api.perform<readonly JobView[]>("job.list"),
    ]);
    if (this.#link.api !== api) return; // of a supervisor that is gone
    if (status.status === "fulfilled") this.#tellStatus(cleanAll(status.value));
    if (jobs.status === "fulfilled") this.#tell({ type: "jobs", jobs: cleanAll(jobs.value) });
  }

  #tellStatus(value: unknown): void {
    const status = statusOf(value);
    this.#tell(
      status === undefined
        ? {
          type: "toast",
          tone: "bad",
          text: "The supervisor's status can't be understood: it is of another version than this program",
        }
        : { type: "status", status },
    );
  }

  async #begin<K extends ScreenId>(screen: K, work: unknown): Promise<void> {
    const controller = this.#work.get(screen) ?? new AbortController();
    const fresh = controller.signal.aborted ? new AbortController() : controller;
    this.#work.set(screen, fresh);
    const host: WorkHost = {
      root: this.root,
      signal: fresh.signal,
      dispatch: (message) => {
        if (!fresh.signal.aborted) this.#tell({ type: "screen", screen, message });
      },
      send: (message) => {
        if (!fresh.signal.aborted) this.#tell(message);
      },
      perform: async (action, params) => cleanAll(await this.#client().perform(action, params)),
    };
    const working = this.#guarded(
      this.screens[screen].title,
      async () => await this.screens[screen].work?.(work, host),
    );
    this.#working.add(working);
    await working;
    this.#working.delete(working);
  }

  async #console(vm: string): Promise<void> {
    await this.#guarded("Console", async () => {
      const api = this.#client();
      await this.ports.terminal.handOver(() => this.ports.terminal.console(vm, api));
    });
  }

  /** What fails is said, and ends nothing. */
  async #guarded(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#tell({ type: "toast", tone: "bad", text: cleanAll(`${what}: ${problemOf(error).message}`) });
    }
  }
}

/** Whether something that is shown grows older by itself. */
export function isAgeing(model: Model): boolean {
  return model.toasts.length > 0 || model.jobs.length > 0 || model.connection.kind === "lost" ||
    model.guests.some((guest) => guest.started_at !== null) ||
    model.provisioning.some(({ state }) => state === "running") ||
    model.screens.preflight.run.kind === "running";
}
