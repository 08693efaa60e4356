/**
 * The groups of one data root's guests: made below our own group, one a guest, and removed with it. What policy decides
 * before a start, the kernel keeps from then on.
 */
import { basename, dirname } from "../core/file_names.ts";
import { MIB } from "../core/units.ts";
import { fail, problemOf } from "../core/problem.ts";
import type { Missing } from "./choose.ts";
import {
  cpuWrite,
  type FileWrite,
  foldersOf,
  type GuestGroup,
  limitWrites,
  oomFile,
  parseOomKills,
  parseProcs,
  parseUsage,
  swapFile,
  type Usage,
  usageFiles,
} from "./group.ts";
import type { GroupHost } from "./host.ts";
import { type GuestLimits, PERIOD_US, quotaUs } from "./limits.ts";
import type { Controller } from "./own_groups.ts";
import { look, nameOf, type Parents, type SetUp, setUp, takeDown } from "./set_up.ts";

/** What enforces the limits of guests on this host. */
export interface Enforcement {
  readonly mode: "v2" | "v1" | "none";
  /** What the kernel enforces. */
  readonly controllers: readonly Controller[];
  readonly missing: readonly Missing[];
  /** One sentence for people. */
  readonly why: string;
}

export interface GroupsOptions {
  readonly host: GroupHost;
  /** The data root; groups of different roots must not mix. */
  readonly root: string;
  /** Processors of the host. */
  readonly cpus: number;
  readonly pid: number;
  /** systemd started this process. */
  readonly bySystemd: boolean;
}

/** Longest wait for the kernel to let go of a group whose processes have ended; it takes microseconds. */
const RELEASE_TIMEOUT_MS = 5_000;

/** What a sweep did. */
export interface Swept {
  /** Names of the groups that are gone. */
  readonly swept: readonly string[];
  /** Why others are not, one sentence each. */
  readonly stuck: readonly string[];
  /** Places of groups that are still there. */
  readonly used: readonly string[];
}

export class GuestGroups {
  readonly #options: GroupsOptions;
  readonly #setUp: SetUp;
  readonly #name: string;
  /** Whether the kernel counts swap. */
  readonly #swap: boolean;
  /** Processor time of all guests together, microseconds a period; the most that version 1 takes for one of them. */
  #total = Infinity;
  #totalPercent: number | undefined;

  private constructor(
    readonly enforcement: Enforcement,
    options: GroupsOptions,
    setUp: SetUp,
    swap: boolean,
  ) {
    this.#options = options;
    this.#setUp = setUp;
    this.#name = nameOf(options.root);
    this.#swap = swap;
  }

  /** Looks at the host and makes what guests' groups are made in. What the host does not let us have is told, not thrown. */
  static async open(options: GroupsOptions): Promise<GuestGroups> {
    const { host } = options;
    const choice = await look(options);
    const nothing = { parents: {}, controllers: [], missing: [] };
    const none = (why: string) =>
      new GuestGroups({ mode: "none", controllers: [], missing: [], why }, options, nothing, false);
    if (choice.mode === "none") return none(choice.why);
    const { mode } = choice;
    try {
      const made = await setUp(options, choice);
      const { controllers, missing, parents } = made;
      if (controllers.length === 0) return none(missing.map(({ why }) => why).join("; "));
      const swap = parents.memory !== undefined && await host.exists(`${parents.memory}/${swapFile(mode)}`);
      const why = `cgroup ${mode}, below ${foldersOf({ folders: parents }).map(dirname).join(", ")}`;
      return new GuestGroups({ mode, controllers, missing, why }, options, made, swap);
    } catch (error) {
      return none(problemOf(error).message);
    }
  }

  /** Makes a guest's group with its limits; undefined where the host has none. Failure `failed`: it must not be started. */
  async make(name: string, limits: GuestLimits): Promise<GuestGroup | undefined> {
    const { mode } = this.enforcement;
    if (mode === "none") return undefined;
    const folders = mapValues(this.#setUp.parents, (parent) => `${parent}/${name}`);
    const group: GuestGroup = { mode, folders, limits };
    const cpu = folders.cpu === undefined
      ? []
      : [cpuWrite(mode, folders.cpu, this.#quota(limits.cpuPercent))];
    await this.#limited(name, async () => {
      for (const folder of foldersOf(group)) {
        if (await this.#options.host.exists(folder)) await this.#clear(folder); // counters begin anew with each run
        await this.#options.host.make(folder);
      }
      await this.#write([...limitWrites(group, this.#swap), ...cpu]).catch(async (error: unknown) => {
        await this.remove(group);
        throw error;
      });
    });
    return group;
  }

  /** A group by its name, as far as it can be told from the kernel's files: its share of the processors counts as all. */
  async find(name: string): Promise<GuestGroup | undefined> {
    const { mode } = this.enforcement;
    const folders = mapValues(this.#setUp.parents, (parent) => `${parent}/${name}`);
    const { memory, pids } = folders;
    const there = await Promise.all(
      foldersOf({ folders }).map((folder) => this.#options.host.exists(folder)),
    );
    if (mode === "none" || there.includes(false)) return undefined;
    const figure = async (file: string | undefined) =>
      Number(file && await this.#options.host.read(file)) || 0;
    const bytes = await figure(
      memory && `${memory}/${mode === "v1" ? "memory.limit_in_bytes" : "memory.max"}`,
    );
    const limits = {
      memoryMib: Math.floor(bytes / MIB),
      cpuPercent: 100,
      pids: await figure(pids && `${pids}/pids.max`),
    };
    return { mode, folders, limits };
  }

  /** Moves processes into the group; what they start is in it too. Failure `failed` when one is not in it afterwards. */
  async join(group: GuestGroup, pids: readonly number[]): Promise<void> {
    const files = foldersOf(group).map((folder) => `${folder}/cgroup.procs`);
    const name = basename(files[0] === undefined ? "" : dirname(files[0]));
    await this.#limited(name, () => this.#write(pids.map((pid) => ({ text: String(pid), files }))));
  }

  /** Lowers or raises a guest's share of the processors while it runs. */
  async setCpu(group: GuestGroup, percent: number): Promise<void> {
    const { cpu } = group.folders;
    if (cpu !== undefined) await this.#write([cpuWrite(group.mode, cpu, this.#quota(percent))]);
  }

  /**
   * Sets what all guests together may use of the processors. Version 1 refuses less than a single guest has: lower those
   * first.
   */
  async setTotalCpu(percent: number): Promise<void> {
    const { cpu } = this.#setUp.parents;
    const { mode } = this.enforcement;
    if (cpu === undefined || mode === "none" || percent === this.#totalPercent) return;
    const quota = quotaUs(percent, this.#options.cpus, await this.#outerQuota(cpu));
    await this.#write([cpuWrite(mode, cpu, quota)]);
    this.#total = quota ?? Infinity;
    this.#totalPercent = percent;
  }

  /** What each group's processes use now; undefined for a group that is gone. */
  async usage(groups: readonly GuestGroup[]): Promise<(Usage | undefined)[]> {
    if (groups.length === 0) return [];
    const text = await this.#options.host.read(...groups.flatMap(usageFiles));
    const all = text === undefined ? undefined : parseUsage(groups, text);
    if (all) return all;
    if (groups.length === 1) return [undefined];
    return (await Promise.all(groups.map((group) => this.usage([group])))).flat(); // one of them is gone
  }

  /** How many processes the kernel killed because the group's memory was at its limit. To be asked before `remove`. */
  async oomKills(group: GuestGroup): Promise<number> {
    const file = oomFile(group);
    const text = file === undefined ? undefined : await this.#options.host.read(file);
    return text === undefined ? 0 : parseOomKills(text);
  }

  /** Removes the group of a guest whose processes have ended. Failure `outcome_unknown` when it is still in use after 5 s. */
  async remove(group: GuestGroup): Promise<void> {
    const { host } = this.#options;
    const own = Object.values(this.#setUp.parents);
    for (const folder of foldersOf(group)) {
      await this.#release(folder);
      const parent = dirname(folder);
      if (!own.includes(parent)) await host.remove(parent).catch(() => false); // of an earlier supervisor in another place
    }
  }

  /** Where guests' groups are made now. */
  get places(): readonly string[] {
    return foldersOf({ folders: this.#setUp.parents });
  }

  /**
   * Ends and removes what earlier supervisors left: every group whose name is not among `keep`, with the processes in it.
   * `before` are places of earlier supervisors, which may have been started in other groups than we; they go too.
   */
  async sweep(keep: ReadonlySet<string>, before: readonly string[]): Promise<Swept> {
    const { host } = this.#options;
    const swept = new Set<string>();
    const stuck: string[] = [], used: string[] = [];
    const earlier = before.filter((place) => basename(place) === this.#name && !this.places.includes(place));
    for (const place of [...this.places, ...earlier]) {
      for (const name of (await host.list(place)).filter((name) => !keep.has(name))) {
        await this.#clear(`${place}/${name}`).then(
          () => swept.add(name),
          (error: unknown) => stuck.push(problemOf(error).message),
        );
      }
      if (this.places.includes(place) || !await host.remove(place).catch(() => false)) used.push(place);
    }
    return { swept: [...swept], stuck, used };
  }

  /** The end of the supervisor: what it made for guests' groups goes, unless guests go on in it. */
  async close(): Promise<void> {
    await takeDown(this.#options, this.#setUp);
  }

  #quota(percent: number): number | undefined {
    return quotaUs(percent, this.#options.cpus, this.#total);
  }

  /** The least that the groups above leave in version 1, microseconds a period; there a group can't be given more. */
  async #outerQuota(cpu: string): Promise<number> {
    if (this.enforcement.mode !== "v1") return Infinity;
    let least = Infinity;
    for (let folder = dirname(cpu);; folder = dirname(folder)) {
      const text = await this.#options.host.read(`${folder}/cpu.cfs_quota_us`, `${folder}/cpu.cfs_period_us`);
      if (text === undefined) return least; // above the mount, or the kernel's root, which has no limit
      const [quota = -1, period = PERIOD_US] = text.trim().split(/\s+/).map(Number);
      if (quota > 0 && period > 0) least = Math.min(least, Math.floor((quota / period) * PERIOD_US));
    }
  }

  async #write(writes: readonly FileWrite[]): Promise<void> {
    await Promise.all(writes.map(({ text, files }) => this.#options.host.write(text, ...files)));
  }

  /** Ends what is in a group, and removes it. */
  async #clear(folder: string): Promise<void> {
    const { host } = this.#options;
    const members = async () => parseProcs(await host.read(`${folder}/cgroup.procs`) ?? "");
    for (const pid of await members()) await host.kill(pid, async () => (await members()).includes(pid));
    await this.#release(folder);
  }

  /** rmdir. A process that has ended may still count for a moment, and version 1 tells nobody when it no longer does. */
  async #release(folder: string): Promise<void> {
    const { host } = this.#options;
    for (
      let pause = 1, waited = 0;
      !await host.remove(folder);
      waited += pause, pause = Math.min(pause * 2, 100)
    ) {
      if (waited > RELEASE_TIMEOUT_MS) {
        fail(
          "outcome_unknown",
          `${folder} is still in use ${RELEASE_TIMEOUT_MS / 1000} s after its processes ended`,
        );
      }
      await host.pause(pause);
    }
  }

  async #limited(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      fail("failed", `${name} can't be held to its limits: ${problemOf(error).message}`, {
        hint:
          "a guest whose limits are not in force is not let run; `rayvisor status` says how they are enforced",
      });
    }
  }
}

function mapValues(parents: Parents, make: (path: string) => string): Parents {
  return Object.fromEntries(Object.entries(parents).map(([tree, path]) => [tree, make(path)]));
}
