/**
 * A program in a real terminal (tmux), looked at and typed to by a test. tmux is driven in its control mode: it tells of every
 * output, so nothing waits for a time. A tmux of its own, at a socket of its own: whatever becomes of the test, both end.
 */
import { endProcess, identityOf, type ProcessIdentity, waitForEnd } from "../../src/ports/processes.ts";

/** Longest time that a screen, or a program's end, is waited for; a test that fails says so after it. */
const PATIENCE_MS = 60_000;
/** Longest time that a program may take to end because its terminal has gone. */
const HANG_UP_MS = 10_000;

export class TmuxScreen {
  private readonly child: Deno.ChildProcess;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private readonly replies: ((lines: readonly string[]) => void)[] = [];
  private changed = Promise.withResolvers<void>();
  private readonly reading: Promise<void>;
  private ended = false;
  private readonly folder = Deno.makeTempDirSync({ prefix: "tmux-" });
  private readonly socket = `${this.folder}/socket`;
  /** Of the server, and of the program: the leader of its terminal's session. */
  private readonly pids: Promise<readonly number[]>;

  /** Starts `command` (a program with arguments) on a screen of this size; `patienceMs`: how long it is waited for. */
  constructor(
    command: readonly string[],
    columns = 100,
    rows = 50,
    env: Readonly<Record<string, string>> = {},
    private readonly patienceMs = PATIENCE_MS,
  ) {
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const settings = Object.entries({ TERM: "screen-256color", ...env }).flatMap((
      [name, value],
    ) => ["-e", `${name}=${value}`]);
    this.child = new Deno.Command("tmux", {
      args: [
        ...["-S", this.socket, "-f", "/dev/null", "-u", "-C", "new-session"],
        ...[...settings, "-x", String(columns), "-y", String(rows), `exec ${quoted}`],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.writer = this.child.stdin.getWriter();
    // tmux answers the command that it was started with, too.
    this.replies.push(() => {});
    this.reading = this.read();
    // A test that is killed does not come to close(): then its terminal goes with it.
    void this.command("set-option -g destroy-unattached on");
    this.pids = this.command("display-message -p '#{pid} #{pane_pid}'")
      .then(([line = ""]) => line.split(" ").map(Number).filter((pid) => pid > 1));
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
    let seen = "";
    const isShown = await this.within(async (isOver) => {
      while (!this.ended && !isOver()) {
        const change = this.changed.promise;
        seen = await this.text();
        if (typeof what === "string" ? seen.includes(what) : what.test(seen)) return true;
        await change;
      }
      return false;
    });
    if (isShown) return seen;
    throw new Error(`the screen never showed ${what}; it last showed:\n${seen}`);
  }

  /** Resolves when the program has ended by itself and its screen is gone. */
  async end(): Promise<void> {
    const isOver = await this.within(() => this.reading.then(() => true));
    if (!isOver) throw new Error(`the program has not ended; its screen showed:\n${await this.text()}`);
    await this.writer.close().catch(() => {});
    await this.child.status;
  }

  /** The programs of its terminal that run, by pid. */
  async programs(): Promise<number[]> {
    const [, leader] = await this.pids;
    return leader ? (await sessionOf(leader)).map(({ pid }) => pid) : [];
  }

  /** Ends what still runs: the server, and every program of its terminal. */
  async close(): Promise<void> {
    const [server, leader] = await Promise.all((await this.pids).map(identityOf));
    const programs = leader ? await sessionOf(leader.pid) : [];
    await new Deno.Command("tmux", {
      args: ["-S", this.socket, "kill-server"],
      stdout: "null",
      stderr: "null",
    }).output(); // one that is gone already says so
    const limit = Math.min(HANG_UP_MS, this.patienceMs);
    await Promise.all((server ? [...programs, server] : programs).map(async (identity) => {
      if (!await waitForEnd(identity, limit)) await endProcess(identity);
    }));
    await this.reading;
    await this.writer.close().catch(() => {});
    await this.child.status;
    await Deno.remove(this.folder, { recursive: true });
  }

  /** What `act` comes to, or undefined when its time is over first; `isOver` tells it then. */
  private async within<T>(act: (isOver: () => boolean) => Promise<T>): Promise<T | undefined> {
    const late = Promise.withResolvers<undefined>();
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      late.resolve(undefined);
    }, this.patienceMs);
    try {
      return await Promise.race([act(() => isOver), late.promise]);
    } finally {
      clearTimeout(timer);
    }
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

/** The live processes of a terminal's session. Field 6 of `/proc/PID/stat`; proc(5) */
async function sessionOf(leader: number): Promise<ProcessIdentity[]> {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 1);
  const isOfIt = async (pid: number) => {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ""); // it is gone
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]) === leader;
  };
  const found = await Promise.all(pids.map(async (pid) => await isOfIt(pid) ? identityOf(pid) : undefined));
  return found.filter((identity) => identity !== undefined);
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
