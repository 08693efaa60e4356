/** Many small guests on one data root: made, started and looked at over the API. */
import { existsSync } from "node:fs";
import { ApiClient } from "../../src/api/client.ts";
import { layoutOf } from "../../registry/layout.ts";
import { type Rig, smallRecord, withRoot } from "../e2e/rig.ts";

/** Room for `guests` guests that boot nothing: each reserves the least share, one per cent. */
export function herdPolicy(guests: number): string {
  return `version = 0
[limits]
cpu_percent = 100
mem_mib = ${64 * guests}
max_running = ${guests}
[linux]
enabled = true
[linux.limits]
cpus = 1
mem_mib = 64
`;
}

export interface Herd {
  readonly rig: Rig;
  readonly client: ApiClient;
  readonly socket: string;
  readonly ids: readonly string[];
  /** Of the supervisor. */
  readonly pid: number;
}

export interface HerdOptions {
  /** Each QEMU gets a second QMP socket, `monitors/PID.sock` in the data root. */
  readonly monitors?: boolean;
}

/** Defines `guests` guests on a fresh root; `use` starts what it wants to. Everything is ended afterwards. */
export async function withHerd(
  guests: number,
  use: (herd: Herd) => Promise<void>,
  options: HerdOptions = {},
): Promise<void> {
  await withRoot(async (rig) => {
    if (options.monitors) rig.how.path = `${await monitorPrograms(rig)}:${Deno.env.get("PATH")}`;
    const { pid } = await rig.ok("serve");
    const { socket } = layoutOf(rig.root);
    const client = new ApiClient(socket);
    const ids = Array.from({ length: guests }, (_, i) => `g${String(i + 1).padStart(2, "0")}`);
    try {
      for (const id of ids) {
        await Deno.mkdir(`${rig.root}/vm/linux/${id}`, { recursive: true });
        await Deno.writeFile(`${rig.root}/vm/linux/${id}/disk.raw`, new Uint8Array(1024 * 1024));
        await client.perform("vm.define", { record: smallRecord(id) });
      }
      await use({ rig, client, socket, ids, pid });
    } finally {
      await eachOf(ids, (id) => client.perform("vm.kill", { id }).catch(() => {})); // most have ended already
      client.close();
    }
  }, herdPolicy(guests));
}

/** Makes a program of QEMU's name that starts QEMU with one more monitor; returns its folder. */
async function monitorPrograms({ root }: Rig): Promise<string> {
  const name = "qemu-system-x86_64", folder = `${root}/programs`;
  const real = (Deno.env.get("PATH") ?? "").split(":").map((path) => `${path}/${name}`)
    .find((path) => existsSync(path));
  if (real === undefined) throw new Error(`${name} is not in PATH`);
  await Deno.mkdir(folder);
  await Deno.mkdir(`${root}/monitors`);
  const script = `#!/bin/sh\nexec ${real} "$@" -qmp unix:${root}/monitors/$$.sock,server=on,wait=off\n`;
  await Deno.writeTextFile(`${folder}/${name}`, script, { mode: 0o755 });
  await Deno.chmod(`${folder}/${name}`, 0o755);
  return folder;
}

/** Does something to each guest, a few at once. */
export async function eachOf(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<void> {
  const left = [...ids];
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) await act(id);
  }));
}

/** What a process takes: processor time so far in seconds, and memory in MiB. */
export async function usageOf(
  pid: number,
): Promise<{ readonly cpuSeconds: number; readonly rssMib: number }> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user = NaN, system = NaN] = fields.slice(11, 13); // clock ticks. proc(5)
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return { cpuSeconds: (user + system) / 100, rssMib: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024 };
}
