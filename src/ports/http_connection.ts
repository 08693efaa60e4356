/**
 * One connection of the HTTP server: reads a request, has it answered, and again. Every wait for the other side has an end:
 * whoever is silent in the middle of a request, or does not take an answer, is cut off.
 */
import { concatBytes } from "../core/bytes.ts";
import { BodyReader } from "./http_body.ts";
import { endOfHead, MAX_HEAD_BYTES, parseHead, type RequestHead } from "./http_head.ts";

export type Handler = (request: Request) => Response | Promise<Response>;

/** How long the other side may take, in milliseconds. */
export interface Patience {
  /** From the first byte of a request, or from connecting, to the end of its head. */
  readonly head: number;
  /** Between two requests. Longer than clients keep idle connections, so that they close first and none loses a request. */
  readonly idle: number;
  /** For the next piece of a body. */
  readonly body: number;
  /** For taking a piece of an answer. */
  readonly write: number;
}

export const PATIENCE: Patience = { head: 10_000, idle: 120_000, body: 30_000, write: 30_000 };

const READ_BYTES = 8 * 1024;
/** After the last answer: so long the rest of a request is read and thrown away, so that the answer is not lost with it. */
const LINGER_MS = 2_000;
const NO_BODY: readonly number[] = [204, 304];
const utf8 = new TextEncoder();

export interface ConnectionOptions {
  readonly handler: Handler;
  readonly patience: Patience;
  /** Scheme and host of the URLs that requests get. */
  readonly origin: string;
}

export class HttpConnection {
  /**
   * Resolves when the connection is closed and its file descriptor is free. Deno can't call off a write: when the other
   * side takes nothing, that is only when it goes.
   */
  readonly over: Promise<void>;
  /** Bytes that have been read and belong to nothing yet. */
  #unread: Uint8Array = new Uint8Array();
  #reading: Promise<boolean> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isBusy = false;
  #served = 0;
  /** By the clock of `performance.now()`. */
  #waitsSince = performance.now();
  readonly #closing = Promise.withResolvers<void>();
  #closed = false;
  /** The write that is under way. */
  #writing: Promise<unknown> = Promise.resolve();
  #draining = false;
  /** Aborts when the client goes. */
  readonly #gone = new AbortController();

  constructor(private readonly conn: Deno.Conn, private readonly options: ConnectionOptions) {
    this.over = this.#serve().catch(() => {}).then(() => {
      this.close();
      return this.#writing.then(() => {}, () => {});
    });
  }

  /** Since when no request is under way, by the clock of `performance.now()`; undefined while one is. */
  get waitsSince(): number | undefined {
    return this.#isBusy ? undefined : this.#waitsSince;
  }

  /** It has not sent one whole request. */
  get isNew(): boolean {
    return this.#served === 0;
  }

  /** Closes after the answer that is under way; at once when there is none. */
  drain(): void {
    this.#draining = true;
    if (!this.#isBusy) this.close();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.resolve();
    clearTimeout(this.#timer);
    this.#gone.abort();
    try {
      this.conn.close();
    } catch { /* closed by the other side */ }
  }

  async #serve(): Promise<void> {
    while (!this.#closed) {
      const head = await this.#readHead();
      if (!head) return;
      this.#isBusy = true;
      this.#served++;
      const body = new BodyReader(head.body);
      const keep = await this.#answer(head, body);
      if (!body.done) return await this.#linger();
      if (!keep || this.#draining) return;
      this.#isBusy = false;
      this.#waitsSince = performance.now();
    }
  }

  /** The next head; undefined at the end, and after a head that was refused. */
  async #readHead(): Promise<RequestHead | undefined> {
    this.#within(this.isNew || this.#unread.length > 0 ? "head" : "idle");
    let seen = 0;
    while (true) {
      const end = endOfHead(this.#unread, seen);
      if (end > MAX_HEAD_BYTES || (end < 0 && this.#unread.length > MAX_HEAD_BYTES)) {
        await this.#refuse(431, `the head of the request is larger than ${MAX_HEAD_BYTES} bytes`);
        return undefined;
      }
      if (end >= 0) {
        const parsed = parseHead(this.#unread.subarray(0, end));
        this.#unread = this.#unread.slice(end);
        if (parsed.ok) return parsed.value;
        await this.#refuse(parsed.error.status, parsed.error.why);
        return undefined;
      }
      seen = this.#unread.length;
      if (!await this.#readMore()) return undefined;
      if (seen === 0) this.#within("head");
    }
  }

  /** Reads some bytes more; false at the end. A read that is under way is shared. */
  #readMore(): Promise<boolean> {
    return this.#reading ??= this.#readOnce().finally(() => this.#reading = undefined);
  }

  async #readOnce(): Promise<boolean> {
    const buffer = new Uint8Array(READ_BYTES);
    const n = await this.conn.read(buffer);
    if (n === null) return false;
    const fresh = buffer.subarray(0, n);
    this.#unread = this.#unread.length === 0 ? fresh : concatBytes([this.#unread, fresh]);
    return true;
  }

  /** Sets the one deadline of this connection anew; without a name there is none. */
  #within(what?: keyof Patience): void {
    this.#closeIn(what && this.options.patience[what]);
  }

  #closeIn(ms: number | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = ms === undefined || this.#closed ? undefined : setTimeout(() => this.close(), ms);
  }

  /** Has a request answered. True when the connection may be used again. */
  async #answer(head: RequestHead, body: BodyReader): Promise<boolean> {
    this.#within();
    if (head.expectsContinue && !body.done) await this.#write(utf8.encode("HTTP/1.1 100 Continue\r\n\r\n"));
    if (body.done) this.#watch();
    const response = await this.options.handler(this.#requestOf(head, body));
    return await this.#send(response, head, body);
  }

  #requestOf(head: RequestHead, body: BodyReader): Request {
    const headers = new Headers(head.headers.map(([name, value]) => [name, value]));
    const init: RequestInit = { method: head.method, headers, signal: this.#gone.signal };
    if (!body.done && head.method !== "GET" && head.method !== "HEAD") init.body = this.#bodyOf(body);
    return new Request(`${this.options.origin}${head.target}`, init);
  }

  #bodyOf(body: BodyReader): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        while (true) {
          const { data, taken } = body.feed(this.#unread);
          for (const piece of data) controller.enqueue(piece.slice());
          this.#unread = this.#unread.slice(taken);
          if (body.broken) throw new Error("the body of the request is malformed");
          if (body.done) {
            this.#within();
            this.#watch();
            return controller.close();
          }
          if (data.length > 0) return;
          this.#within("body");
          if (!await this.#readMore()) throw new Error("the connection was closed in the middle of the body");
        }
      },
    }, { highWaterMark: 0 });
  }

  /** While an answer is under way: notices when the client goes. What it sends ahead is kept. */
  #watch(): void {
    if (this.#unread.length > 0) return; // the next request is here: reading on could fill the memory
    this.#readMore().then((more) => {
      if (!more) this.#gone.abort();
    }, () => this.#gone.abort());
  }

  /** Sends a response; a body whose length is not given goes out in chunks, as it comes. */
  async #send(response: Response, head: RequestHead, body: BodyReader): Promise<boolean> {
    const length = response.headers.get("content-length");
    const hasBody = response.body !== null && head.method !== "HEAD" && !NO_BODY.includes(response.status);
    const inChunks = hasBody && length === null && head.minor === 1;
    const keep = head.keepAlive && body.done && !this.#draining && (!hasBody || length !== null || inChunks);
    const lines = [`HTTP/1.1 ${response.status} ${response.ok ? "OK" : ""}`];
    for (const [name, value] of response.headers) lines.push(`${name}: ${value}`);
    if (inChunks) lines.push("transfer-encoding: chunked");
    else if (!hasBody && length === null && !NO_BODY.includes(response.status)) {
      lines.push("content-length: 0");
    }
    if (!keep) lines.push("connection: close");
    const start = utf8.encode(lines.join("\r\n") + "\r\n\r\n");
    if (!hasBody || response.body === null) {
      await response.body?.cancel();
      await this.#write(start);
      return keep;
    }
    if (length === null) await this.#write(start); // the first piece may be long in coming
    await this.#sendBody(length === null ? undefined : start, response.body, inChunks);
    return keep;
  }

  /** A head that has not gone yet goes out with the first piece: most answers are one write. */
  async #sendBody(
    start: Uint8Array | undefined,
    body: ReadableStream<Uint8Array>,
    inChunks: boolean,
  ): Promise<void> {
    const reader = body.getReader();
    const cancel = () => void reader.cancel().catch(() => {});
    // An answer of known length is still sent to a client that has said that no more comes from it; a stream ends.
    if (!start) this.#gone.signal.addEventListener("abort", cancel, { once: true });
    let before = start;
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (!done && value.length === 0) continue;
        const piece = done ? (inChunks ? utf8.encode("0\r\n\r\n") : new Uint8Array()) : value;
        const framed = inChunks && !done
          ? [utf8.encode(`${piece.length.toString(16)}\r\n`), piece, utf8.encode("\r\n")]
          : [piece];
        await this.#write(concatBytes(before ? [before, ...framed] : framed));
        before = undefined;
        if (done) return;
      }
    } finally {
      this.#gone.signal.removeEventListener("abort", cancel);
      await reader.cancel().catch(() => {}); // it has failed itself
    }
  }

  async #refuse(status: number, why: string): Promise<void> {
    const text = `${JSON.stringify({ error: { code: "usage", message: why } })}\n`;
    await this.#write(utf8.encode(
      `HTTP/1.1 ${status} \r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n` +
        `connection: close\r\n\r\n${text}`,
    ));
    await this.#linger();
  }

  /** Says that no more comes, and reads what the client still sends: closing with unread bytes would reset the connection. */
  async #linger(): Promise<void> {
    this.#closeIn(LINGER_MS);
    if ("closeWrite" in this.conn) await (this.conn as Deno.UnixConn).closeWrite(); // every stream socket has it
    do this.#unread = new Uint8Array(); while (await this.#readMore());
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new Error("the connection was closed");
    this.#within("write");
    for (let at = 0; at < bytes.length;) {
      const writing = this.conn.write(bytes.subarray(at));
      this.#writing = writing;
      const written = await Promise.race([writing, this.#closing.promise]);
      if (written === undefined) throw new Error("the connection was closed");
      at += written;
    }
    this.#within();
  }
}
