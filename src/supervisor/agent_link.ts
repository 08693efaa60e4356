/**
 * The supervisor's side of a guest's agent: whether it answers, and the few calls that policy lets the host make. The
 * guest's opening of the port is the event that readiness follows from; nobody polls.
 */
import { GuestAgent } from "../agent/client.ts";
import type { VmId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { fail } from "../core/problem.ts";
import type { Clock } from "../ports/clock.ts";
import type { ByteStream } from "../ports/unix_socket.ts";
import type { AgentRight } from "../../policy/types.ts";

export interface AgentListeners {
  onReady(): void;
  onLost(): void;
}

export interface AgentLinkOptions {
  readonly id: VmId;
  readonly clock: Clock;
  /** What policy grants at the moment of each call. */
  readonly allowed: () => readonly AgentRight[];
  readonly listeners: AgentListeners;
}

export class AgentLink {
  readonly #agent: GuestAgent;
  #open = false;
  #answers = false;
  #greeting = false;

  constructor(stream: ByteStream, private readonly options: AgentLinkOptions) {
    this.#agent = GuestAgent.attach(stream, {
      clock: options.clock,
      guest: options.id,
      onClosed: () => this.portChanged(false),
    });
  }

  /** Whether the agent has answered since the guest last opened its port. */
  get answers(): boolean {
    return this.#answers;
  }

  /** QEMU's VSERPORT_CHANGE, or what `query-chardev` said of a guest that was found running. */
  portChanged(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    if (open) {
      this.#agent.restarted();
      void this.#greet();
    } else if (this.#answers) {
      this.#answers = false;
      this.options.listeners.onLost();
    }
  }

  /** Policy may grant other calls than before: an agent that may not be asked counts as one that does not answer. */
  rightsChanged(): void {
    const isAllowed = this.#mayPing();
    if (this.#open && !this.#answers && isAllowed && !this.#greeting) void this.#greet();
    else if (this.#answers && !isAllowed) {
      this.#answers = false;
      this.options.listeners.onLost();
    }
  }

  #mayPing(): boolean {
    return this.options.allowed().includes("ping");
  }

  async #greet(): Promise<void> {
    this.#greeting = true;
    await this.#askUntilAnswered();
    this.#greeting = false;
  }

  /** Asks until it answers or the guest closes the port. Each try has its own time-out; a guest may be slow. */
  async #askUntilAnswered(): Promise<void> {
    while (this.#open && !this.#answers && this.#mayPing()) {
      try {
        await this.#agent.ping();
      } catch {
        if (await this.#isClosed()) return;
        continue;
      }
      if (!this.#open || !this.#mayPing()) return;
      this.#answers = true;
      this.options.listeners.onReady();
    }
  }

  async #isClosed(): Promise<boolean> {
    return await Promise.race([this.#agent.closed.then(() => true), Promise.resolve(false)]);
  }

  /**
   * Asks the guest to shut down. Its end is the answer, so nothing is waited for. Failure `denied` when policy does not
   * grant the call.
   */
  shutdown(): void {
    this.#demand("shutdown");
    this.#agent.shutdown().catch(() => {}); // a refusal shows as a guest that goes on; the next step follows
  }

  /** What the guest says of itself, as far as policy lets the host ask. Hostile: for display only, after sanitising. */
  async describe(): Promise<JsonObject> {
    const allowed = this.options.allowed();
    const osinfo = allowed.includes("osinfo");
    const parts = {
      host_name: osinfo ? await this.#agent.hostName() : undefined,
      os: osinfo ? await this.#agent.osInfo() : undefined,
      vcpus: osinfo ? (await this.#agent.vcpus()).length : undefined,
      file_systems: osinfo ? await this.#agent.filesystems() : undefined,
      interfaces: allowed.includes("network") ? await this.#agent.networkInterfaces() : undefined,
    };
    return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as JsonObject; // plain answers of a JSON protocol
  }

  #demand(right: AgentRight): void {
    if (this.options.allowed().includes(right)) return;
    fail("denied", `policy does not grant the agent call '${right}' on ${this.options.id}`);
  }

  close(): void {
    this.#agent.close();
  }
}
