/** A real QEMU without a machine, for the contract suites. It is a child of the test and never outlives it. */
import { type ByteStream, connectUnix, connectWhenReady } from "../../src/ports/unix_socket.ts";

export class RealQemu {
  private constructor(
    readonly qmpPath: string,
    private readonly folder: string,
    private readonly child: Deno.ChildProcess,
    private readonly first: ByteStream,
    private unused: boolean,
  ) {}

  /** Starts `-machine none`; returns when its QMP socket takes connections. */
  static async start(): Promise<RealQemu> {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/qmp`;
    const child = new Deno.Command("qemu-system-x86_64", {
      args: [
        ...["-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-S"],
        ...["-qmp", `unix:${path},server=on,wait=off`],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    try {
      return new RealQemu(path, folder, child, await connectWhenReady(path, 20_000), true);
    } catch (error) {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** The connection that waited for the socket the first time, a new one from then on. */
  async connect(): Promise<ByteStream> {
    if (!this.unused) return await connectUnix(this.qmpPath);
    this.unused = false;
    return this.first;
  }

  get ended(): Promise<unknown> {
    return this.child.status;
  }

  async kill(): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch { /* ended by itself */ }
    await this.child.status;
  }

  async close(): Promise<void> {
    this.first.close();
    await this.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}
