/** HTTP by hand, over a raw connection: for clients that a proper one can't be made to be. */

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

const utf8 = new TextEncoder();

/** One request as text, as a client of few words sends it. */
export function requestText(method: string, path: string, body?: string): string {
  const length = body === undefined ? "" : `content-length: ${utf8.encode(body).length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\n${length}\r\n${body ?? ""}`;
}

/** A connection that sends just what it is told to, and reads only when it is asked to. */
export class RawClient {
  #text = "";

  private constructor(readonly conn: Deno.Conn) {}

  static async connect(socket: string): Promise<RawClient> {
    return new RawClient(await Deno.connect({ transport: "unix", path: socket }));
  }

  async send(text: string): Promise<void> {
    const bytes = utf8.encode(text);
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  /** The next answer with a content-length; undefined when the other side closes first. */
  async answer(): Promise<Answer | undefined> {
    const end = await this.#until(() => this.#text.indexOf("\r\n\r\n"));
    if (end === undefined) return undefined;
    const head = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 4);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    if (await this.#until(() => this.#text.length >= length ? 0 : -1) === undefined) return undefined;
    const body = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body };
  }

  /** Reads until `pattern` has come, and forgets all up to it; false when the other side closes first. */
  async saw(pattern: string): Promise<boolean> {
    const at = await this.#until(() => this.#text.indexOf(pattern));
    if (at === undefined) return false;
    this.#text = this.#text.slice(at + pattern.length);
    return true;
  }

  /** Everything up to the end. */
  async rest(): Promise<string> {
    await this.#until(() => -1);
    return this.#text;
  }

  /** Reads until `found` is not negative, and gives it. The texts of these tests are ASCII: a character is a byte. */
  async #until(found: () => number): Promise<number | undefined> {
    const buffer = new Uint8Array(64 * 1024);
    while (true) {
      const at = found();
      if (at >= 0) return at;
      const n = await this.conn.read(buffer).catch(() => null); // a reset is an end
      if (n === null) return undefined;
      this.#text += String.fromCharCode(...buffer.subarray(0, n));
    }
  }

  close(): void {
    try {
      this.conn.close();
    } catch { /* closed by the other side */ }
  }
}
