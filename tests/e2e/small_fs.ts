/** Small file systems for tests of what happens when one is full. */
import type { Rig } from "./rig.ts";

export interface SmallFs {
  /** What runs a command line where the file system is mounted. */
  readonly wrap: readonly string[];
  /** Runs a shell script there; `$1` is the folder. */
  inside(script: string): Promise<{ readonly code: number; readonly text: string }>;
  /** Unmounts it. Nothing may use it any more. */
  end(): Promise<void>;
}

/**
 * A mount namespace of its own with a tmpfs on `folder`, in which from now on the rig's commands run; `options` as `size=192k`. A
 * text, why not, where none can be mounted.
 */
export async function smallFs(rig: Rig, folder: string, options: string): Promise<SmallFs | string> {
  return await mountedBy(rig, folder, `mount -t tmpfs -o mode=0700,${options} tmpfs "$1"`);
}

/** As {@link smallFs}, with any script that mounts something on `$1`. */
export async function mountedBy(rig: Rig, folder: string, mount: string): Promise<SmallFs | string> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", `${mount} && echo mounted && exec cat`, "sh", folder],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    return String(error);
  }
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  if (!value || new TextDecoder().decode(value) !== "mounted\n") {
    await child.stdin.close();
    await child.status;
    return await new Response(child.stderr).text();
  }
  const wrap = ["nsenter", "--target", String(child.pid), "--mount", "--"];
  rig.how.wrap = wrap;
  return {
    wrap,
    async inside(script) {
      const [program = "", ...args] = wrap;
      const ran = await new Deno.Command(program, {
        args: [...args, "sh", "-c", script, "sh", folder],
        stderr: "null",
      }).output();
      return { code: ran.code, text: new TextDecoder().decode(ran.stdout) };
    },
    async end() {
      rig.how.wrap = [];
      await child.stdin.close();
      await child.status;
      await child.stderr.cancel();
    },
  };
}
