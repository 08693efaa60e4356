// deno-lint-ignore-file no-console -- a test that can't run here says why
/** A guest that writes to a small file system, and what tests of full disks want to see of it. */
import assert from "node:assert/strict";
import { TextLineStream } from "../../src/core/lines.ts";
import { MIB } from "../../src/core/units.ts";
import { layoutOf } from "../../registry/layout.ts";
import { linesSaid, writerSector } from "../guest/writer_sector.ts";
import { ended, type Rig, smallRecord, start, withRoot } from "./rig.ts";
import { type SmallFs, smallFs } from "./small_fs.ts";

// deno-lint-ignore no-explicit-any -- answers and events of many shapes
type Any = any;

/** Size of the writer's disk. */
export const DISK_MIB = 40;

/** Gives `use` a root whose guest `w` writes to a disk on a file system of 64 MiB of its own, with `freeMib` left. */
export async function withWriter(
  t: Deno.TestContext,
  freeMib: number,
  use: (rig: Rig, small: SmallFs) => Promise<void>,
  format: "raw" | "qcow2" = "raw",
): Promise<void> {
  await withRoot(async (rig) => {
    const { folder } = layoutOf(rig.root).guest("linux", "w");
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const small = await smallFs(rig, folder, "size=64m");
    if (typeof small === "string") {
      return console.log(`SKIP ${t.name}: no small file system can be mounted here (${small})`);
    }
    try {
      await Deno.writeFile(`${rig.root}/sector`, writerSector(DISK_MIB * MIB));
      await small.inside(
        `cp "$1/../../../sector" "$1/disk.raw" && truncate -s ${DISK_MIB}M "$1/disk.raw" && ` +
          `head -c ${64 - freeMib}M /dev/zero > "$1/filler"`,
      );
      const disk = `vm/linux/w/disk.${format}`;
      if (format === "qcow2") {
        const convert = `qemu-img convert -f raw -O qcow2 "$1/disk.raw" "$1/disk.qcow2" && rm "$1/disk.raw"`;
        assert.equal((await small.inside(convert)).code, 0);
      }
      await rig.write("w.json", JSON.stringify(smallRecord("w", { storage: { disks: { root: disk } } })));
      await rig.ok("vm", "define", `${rig.root}/w.json`);
      await use(rig, small);
    } finally {
      await rig.run("vm", "kill", "w");
      await rig.run("serve", "--stop");
      await small.end();
    }
  });
}

/** What a supervisor says from now on. */
export class Events {
  readonly seen: Any[] = [];
  readonly #lines: AsyncIterator<string>;
  readonly #child: Deno.ChildProcess;

  private constructor(rig: Rig) {
    this.#child = start(["--root", rig.root, "--json", "--timeout", "60", "events", "-f"], rig.how);
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
      [Symbol.asyncIterator]();
  }

  /** Follows from before `act`, and gives what came up to the first event that is `wanted`. */
  static async during(
    rig: Rig,
    act: () => Promise<unknown>,
    wanted: (event: Any) => boolean,
  ): Promise<Any[]> {
    const events = new Events(rig);
    try {
      // Nothing says that a stream is open but the first event on it: so one is caused.
      const isOpen = events.#until(({ event }) => event === "RAYOS_HOST_ACK:vm.hide:ok:done");
      for (let open = false; !open;) {
        await rig.ok("vm", "hide", "w");
        open = await Promise.race([
          isOpen.then(() => true),
          new Promise<boolean>((r) => setTimeout(r, 50, false)),
        ]);
      }
      await act();
      await events.#until(wanted);
      return events.seen;
    } finally {
      events.#child.kill("SIGKILL");
      await events.#child.status;
      await events.#lines.return?.();
      await events.#child.stderr.cancel();
    }
  }

  async #until(wanted: (event: Any) => boolean): Promise<void> {
    while (true) {
      const { value, done } = await this.#lines.next();
      assert.ok(!done, `the stream ended; seen were ${JSON.stringify(this.seen)}`);
      const event = JSON.parse(value);
      this.seen.push(event);
      if (wanted(event)) return;
    }
  }
}

export const isStill = ({ event, fields }: Any) => event === "RAYOS_VM:pause" && fields.vm === "w";
export const isResumed = ({ event, fields }: Any) => event === "RAYOS_VM:resume" && fields.vm === "w";

/** Starts the writer and waits until it has filled its file system. */
export async function fill(rig: Rig): Promise<Any[]> {
  return await Events.during(rig, () => rig.ok("vm", "start", "w"), isStill);
}

export async function killSupervisor(rig: Rig): Promise<void> {
  const { supervisor } = await rig.ok("status");
  Deno.kill(supervisor.pid, "SIGKILL");
  await ended(supervisor.pid);
}

/** Has the room looked at; a supervisor is started where none runs. */
export async function look(rig: Rig): Promise<void> {
  await rig.ok("vm", "list");
  await rig.ok("status");
}

/** Waits until the guest has said more lines than `before`; gives all that it has said. */
export async function saysMore(rig: Rig, small: SmallFs, before: number): Promise<number[]> {
  for (let lines: number[] = [];; await new Promise((resolve) => setTimeout(resolve, 50))) {
    lines = linesSaid((await small.inside(`cat "$1/logs/serial.log"`)).text);
    if (lines.length > before) return lines;
    assert.equal((await rig.ok("vm", "show", "w")).state, "running");
  }
}

export async function records(rig: Rig, action: string): Promise<Any[]> {
  const { stdout } = await rig.run("audit", "export", "--action", action);
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
