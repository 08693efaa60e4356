/** A program in a pseudo terminal made by script(1), every byte that it writes looked at as it comes. */

const BEGIN = "began as ";
/** Longest time that something is waited for. */
const PATIENCE_MS = 120_000;

export class Pty implements AsyncDisposable {
  /** All bytes so far. */
  bytes = 0;
  /** Pieces that came in one read. */
  pieces = 0;
  /** Of the program. Known when its first output has come. */
  readonly pid: Promise<number>;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #listeners = new Set<(text: string) => void>();
  readonly #reading: Promise<void>;

  constructor(
    command: readonly string[],
    columns: number,
    rows: number,
    env: Readonly<Record<string, string>> = {},
  ) {
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    this.#child = new Deno.Command("script", {
      args: [
        ...["--quiet", "--return", "--flush", "--command"],
        `stty cols ${columns} rows ${rows}; echo "${BEGIN}$$"; exec ${quoted}`,
        "/dev/null",
      ],
      env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    const pid = this.next(new RegExp(`${BEGIN}(\\d+)\r?\n`));
    this.pid = pid.then((text) => Number(new RegExp(`${BEGIN}(\\d+)`).exec(text)?.[1]));
    this.#reading = this.#read();
  }

  async type(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Calls `listener` with every piece; the returned function ends it. */
  listen(listener: (text: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What came from now on, as soon as it holds this; rejects when it does not come for long. */
  next(what: string | RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let seen = "";
    const timer = setTimeout(() => {
      stop();
      reject(
        new Error(
          `${what} did not come within ${PATIENCE_MS / 1000} s, but ${JSON.stringify(seen.slice(-2_000))}`,
        ),
      );
    }, PATIENCE_MS);
    promise.finally(() => clearTimeout(timer)).catch(() => {});
    const stop = this.listen((text) => {
      seen += text;
      if (typeof what === "string" ? !seen.includes(what) : !what.test(seen)) return;
      stop();
      resolve(seen);
    });
    return promise;
  }

  /** Resolves when the program has ended. */
  async end(): Promise<void> {
    await this.#reading;
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill();
    } catch { /* it has ended */ }
    await this.end();
  }

  async #read(): Promise<void> {
    const text = new TextDecoder();
    for await (const piece of this.#child.stdout) {
      this.bytes += piece.length;
      this.pieces++;
      const said = text.decode(piece, { stream: true });
      for (const listener of this.#listeners) listener(said);
    }
  }
}
