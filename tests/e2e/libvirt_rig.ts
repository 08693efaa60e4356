/**
 * A libvirtd of one's own: in session mode, its configuration, sockets and state in a temporary folder. A session is an ordinary
 * user's, so root starts it as the user that owns nothing.
 */
import assert from "node:assert/strict";
import { waitForPath } from "../../src/ports/unix_socket.ts";

const NOBODY = 65534;
const START_MS = 60_000;

export interface Libvirt {
  /** A folder that libvirtd and its tools may write to. */
  readonly folder: string;
  /** Writes a file there that they can read; gives its path. */
  write(name: string, text: string): Promise<string>;
  /** Runs one of its tools, which must succeed; gives its standard output. */
  ok(tool: string, ...args: string[]): Promise<string>;
}

/** Runs `use` beside a fresh libvirtd. Gives the reason where none can be had here. */
export async function withLibvirt(use: (libvirt: Libvirt) => Promise<void>): Promise<string | undefined> {
  const program = await find("libvirtd");
  if (!program) return "libvirtd is not installed";
  const base = await Deno.makeTempDir({ prefix: "rv-lv-" });
  const isRoot = Deno.uid() === 0;
  await Deno.chmod(base, 0o755);
  const folder = `${base}/h`;
  const env: Record<string, string> = {
    PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin`,
    LANG: "C.UTF-8",
    HOME: folder,
    XDG_RUNTIME_DIR: `${folder}/r`,
    XDG_CONFIG_HOME: `${folder}/c`,
    XDG_CACHE_HOME: `${folder}/k`,
    XDG_DATA_HOME: `${folder}/d`,
  };
  for (const path of [folder, `${folder}/r`, `${folder}/r/libvirt`]) {
    await Deno.mkdir(path, { mode: 0o700 });
    if (isRoot) await Deno.chown(path, NOBODY, NOBODY);
  }
  const command = (name: string, args: readonly string[]) => {
    const become = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--no-new-privs", "--", name];
    const [first, rest] = isRoot ? ["setpriv", [...become, ...args]] : [name, args];
    return new Deno.Command(first, {
      args: [...rest],
      env,
      clearEnv: true,
      cwd: folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  };
  const daemon = command(program, []).spawn();
  const said = daemon.stderr.text();
  const unread = daemon.stdout.cancel();
  try {
    const ended = daemon.status.then(async () => {
      throw new Error(`libvirtd has ended: ${await said}`);
    });
    await Promise.race([waitForPath(`${folder}/r/libvirt/libvirt-sock`, START_MS), ended]);
    ended.catch(() => {});
    await use({
      folder,
      async write(name, text) {
        const path = `${folder}/${name}`;
        await Deno.writeTextFile(path, text, { mode: 0o644 });
        return path;
      },
      async ok(tool, ...args) {
        const { code, stdout, stderr } = await command(tool, args).output();
        const text = new TextDecoder();
        assert.equal(code, 0, `${tool} ${args.join(" ")}: ${text.decode(stderr)}${text.decode(stdout)}`);
        return text.decode(stdout);
      },
    });
  } finally {
    try {
      daemon.kill("SIGTERM");
    } catch { /* it has ended */ }
    await daemon.status;
    await Promise.all([said, unread]);
    await Deno.remove(base, { recursive: true });
  }
  return undefined;
}

async function find(program: string): Promise<string | undefined> {
  for (const folder of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"]) {
    const path = `${folder}/${program}`;
    if (await Deno.stat(path).then((info) => info.isFile, () => false)) return path;
  }
  return undefined;
}
