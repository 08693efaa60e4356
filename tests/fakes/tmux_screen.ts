/**
 * A program in a real terminal (tmux), looked at and typed to by a test. tmux is driven in its control mode: it tells of every
 * output, so nothing waits for a time.
 */

/** Longest time that a screen is waited for; a test that fails says so after it. */
const PATIENCE_MS = 60_000;

export class TmuxScreen {
  private readonly child: Deno.ChildProcess;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private readonly replies: ((lines: readonly string[]) => void)[] = [];
  private changed = Promise.withResolvers<void>();
  private readonly reading: Promise<void>;
  private ended = false;

  /** Starts `command` (a program with arguments) on a screen of this size. */
  constructor(
    command: readonly string[],
    columns = 100,
    rows = 50,
    env: Readonly<Record<string, string>> = {},
  ) {
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const settings = Object.entries({ TERM: "screen-256color", ...env }).flatMap((
      [name, value],
    ) => ["-e", `${name}=${value}`]);
    this.child = new Deno.Command("tmux", {
      args: [
        ...["-L", `rayvisor-test-${crypto.randomUUID()}`, "-f", "/dev/null", "-u", "-C", "new-session"],
        ...[...settings, "-x", String(columns), "-y", String(rows), quoted],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.writer = this.child.stdin.getWriter();
    // tmux answers the command that it was started with, too.
    this.replies.push(() => {});
    this.reading = this.read();
  }

  /** Types a text as it is. */
  async type(text: string): Promise<void> {
    const bytes = [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0"));
    await this.command(`send-keys -H ${bytes.join(" ")}`);
  }

  /** Presses keys by tmux's names (`Enter`, `Escape`, `Up`, `C-c`). */
  async press(...keys: readonly string[]): Promise<void> {
    await this.command(`send-keys ${keys.join(" ")}`);
  }

  /** Makes the terminal larger or smaller; its program is told by SIGWINCH. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.command(`refresh-client -C ${columns}x${rows}`);
  }

  /** What the screen shows now. */
  async text(): Promise<string> {
    return (await this.command("capture-pane -p")).map((line) => line.trimEnd()).join("\n");
  }

  /** The screen as soon as it shows this. */
  async shows(what: string | RegExp): Promise<string> {
    const deadline = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE_MS);
    let seen = "";
    try {
      while (!this.ended) {
        const change = this.changed.promise;
        seen = await this.text();
        if (typeof what === "string" ? seen.includes(what) : what.test(seen)) return seen;
        await change;
      }
    } finally {
      clearTimeout(deadline);
    }
    throw new Error(`the screen never showed ${what}; it last showed:\n${seen}`);
  }

  /** Resolves when the program has ended and its screen is gone. */
  async end(): Promise<void> {
    await this.reading;
    await this.writer.close().catch(() => {});
    await this.child.status;
  }

  /** Ends the program, if it still runs. */
  async close(): Promise<void> {
    if (!this.ended) await this.command("kill-server");
    await this.end();
  }

  private async command(line: string): Promise<readonly string[]> {
    const reply = Promise.withResolvers<readonly string[]>();
    this.replies.push(reply.resolve);
    if (this.ended) reply.resolve([]);
    await this.writer.write(new TextEncoder().encode(`${line}\n`)).catch(() => reply.resolve([]));
    return await reply.promise;
  }

  private async read(): Promise<void> {
    let block: string[] | undefined;
    for await (const line of lines(this.child.stdout)) {
      if (line.startsWith("%begin ")) block = [];
      else if (line.startsWith("%end ") || line.startsWith("%error ")) {
        this.replies.shift()?.(block ?? []);
        block = undefined;
      } else if (block !== undefined) block.push(line);
      else if (line.startsWith("%output ")) this.tell();
    }
    this.ended = true;
    this.tell();
    for (const reply of this.replies) reply([]);
  }

  private tell(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
