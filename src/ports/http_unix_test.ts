/** The HTTP server against clients of every kind, over real sockets. */
import assert from "node:assert/strict";
import { RawClient, requestText } from "../../tests/scale/raw_http.ts";
import { type Handler, PATIENCE } from "./http_connection.ts";
import { connectHttpUnix, type HttpServer, type ServeOptions, serveUnix } from "./http_unix.ts";

/** Short enough for a test to see the end of it, where that is what it is about. */
const SHORT = 50;

async function withServer(
  handler: Handler,
  use: (socket: string, server: HttpServer) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rv-http-" });
  const server = serveUnix(`${folder}/s`, handler, options);
  try {
    await use(`${folder}/s`, server);
  } finally {
    await server.shutdown(1_000);
    await Deno.remove(folder, { recursive: true });
  }
}

const sized = (text: string, status = 200) =>
  new Response(text, { status, headers: { "content-length": String(text.length) } });

const echo: Handler = async (request) =>
  sized(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);

Deno.test("requests follow each other on one connection, also when they come in one piece or byte by byte", () =>
  withServer(echo, async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send(
      requestText("GET", "/a") + requestText("POST", "/b", "body") + requestText("GET", "/c"),
    );
    for (const expected of ["GET /a ", "POST /b body", "GET /c "]) {
      assert.equal((await client.answer())?.body, expected);
    }
    for (const char of requestText("POST", "/d", "slow")) await client.send(char);
    assert.equal((await client.answer())?.body, "POST /d slow");
    client.close();
  }));

Deno.test("a body in chunks is put together, and the connection goes on behind it", () =>
  withServer(echo, async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send("POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
    await client.send(`2\r\nde\r\n0\r\n\r\n${requestText("GET", "/y")}`);
    assert.equal((await client.answer())?.body, "POST /x abcde");
    assert.equal((await client.answer())?.body, "GET /y ");
    client.close();
  }));

Deno.test("who asks first whether to send the body is told to go on", () =>
  withServer(echo, async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    assert.equal((await client.answer())?.status, 100);
    await client.send("ok");
    assert.equal((await client.answer())?.body, "POST /x ok");
    client.close();
  }));

Deno.test("what is no request is refused with a status and a reason, and the connection is closed", () =>
  withServer(echo, async (socket) => {
    const cases: readonly (readonly [string, number])[] = [
      ["hello\r\n\r\n", 400],
      ["GET / HTTP/2.0\r\nhost: h\r\n\r\n", 505],
      [`GET / HTTP/1.1\r\nhost: h\r\nx: ${"y".repeat(40_000)}`, 431],
    ];
    for (const [text, status] of cases) {
      const client = await RawClient.connect(socket);
      await client.send(text);
      const answer = await client.answer();
      assert.equal(answer?.status, status);
      assert.equal(typeof JSON.parse(answer.body).error.message, "string");
      assert.equal(await client.rest(), "");
      client.close();
    }
  }));

Deno.test("an answer that does not wait for the body reaches a client that is still sending", () =>
  withServer(() => sized("no", 413), async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10000000\r\n\r\n");
    const sending = client.send("x".repeat(1_000_000)).catch(() => {}); // may be cut off
    assert.equal((await client.answer())?.status, 413);
    await sending;
    client.close();
  }));

Deno.test("a client that connects and is silent, or stops in its head, is cut off", () =>
  withServer(echo, async (socket, server) => {
    const silent = await RawClient.connect(socket), half = await RawClient.connect(socket);
    await half.send("GET / HT");
    assert.deepEqual([await silent.rest(), await half.rest()], ["", ""]);
    silent.close();
    half.close();
    assert.equal(server.connections, 0);
  }, { patience: { ...PATIENCE, head: SHORT } }));

Deno.test("a client that stops in its body is cut off", () =>
  withServer(echo, async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nabc");
    assert.equal(await client.rest(), "");
    client.close();
  }, { patience: { ...PATIENCE, body: SHORT } }));

Deno.test("a client that takes nothing of a long answer is cut off, and its stream is told", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless: Handler = () =>
    new Response(
      new ReadableStream({
        pull: (c) => c.enqueue(new Uint8Array(65536)),
        cancel: () => cancelled.resolve(),
      }),
    );
  await withServer(endless, async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send(requestText("GET", "/"));
    await cancelled.promise;
    client.close();
  }, { patience: { ...PATIENCE, write: SHORT } });
});

Deno.test("a stream hears at once that its client has gone", async () => {
  const aborted = Promise.withResolvers<void>();
  await withServer((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    return new Response(new ReadableStream({ start: (c) => c.enqueue(new TextEncoder().encode("hello")) }));
  }, async (socket) => {
    const client = await RawClient.connect(socket);
    await client.send(requestText("GET", "/"));
    assert.ok(await client.saw("hello"));
    client.close();
    await aborted.promise;
  });
});

Deno.test("silent connections make room for whoever comes, those that work do not", async () => {
  const go = Promise.withResolvers<void>();
  await withServer(async (request) => {
    if (request.url.endsWith("/slow")) await go.promise;
    return sized("ok");
  }, async (socket, server) => {
    const slow = await RawClient.connect(socket);
    await slow.send(requestText("GET", "/slow"));
    const silent: RawClient[] = [];
    for (let i = 0; i < 40; i++) silent.push(await RawClient.connect(socket));
    const client = await RawClient.connect(socket);
    await client.send(requestText("GET", "/"));
    assert.equal((await client.answer())?.body, "ok");
    assert.ok(server.connections <= 8, `${server.connections} connections`);
    go.resolve();
    assert.equal((await slow.answer())?.body, "ok");
    for (const each of [slow, client, ...silent]) each.close();
  }, { maxConnections: 8, silentMs: SHORT });
});

Deno.test("clients beyond the most wait until there is room, and are answered", () =>
  withServer(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return sized("ok");
  }, async (socket) => {
    const answers = await Promise.all(Array.from({ length: 60 }, async () => {
      const client = await RawClient.connect(socket);
      await client.send(requestText("GET", "/"));
      const answer = await client.answer();
      client.close();
      return answer?.status;
    }));
    assert.deepEqual(new Set(answers), new Set([200]));
  }, { maxConnections: 3 }));

Deno.test("shutdown() lets the answer that is under way be sent, and closes who waits", async () => {
  const entered = Promise.withResolvers<void>(), go = Promise.withResolvers<void>();
  await withServer(async () => {
    entered.resolve();
    await go.promise;
    return sized("last");
  }, async (socket, server) => {
    const idle = await RawClient.connect(socket), busy = await RawClient.connect(socket);
    await busy.send(requestText("GET", "/"));
    await entered.promise;
    const over = server.shutdown(60_000);
    assert.equal(await idle.rest(), "");
    go.resolve();
    assert.equal((await busy.answer())?.body, "last");
    await over;
    await assert.rejects(RawClient.connect(socket));
    idle.close();
    busy.close();
  });
});

Deno.test("shutdown() cuts off what is still open when its time is over", () =>
  withServer(
    () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array([65])) })),
    async (socket, server) => {
      const client = await RawClient.connect(socket);
      await client.send(requestText("GET", "/"));
      assert.ok(await client.saw("A"));
      await server.shutdown(SHORT);
      await client.rest();
      client.close();
    },
  ));

Deno.test("the client of this program gets answers, streams and the end of a stream", () =>
  withServer((request) =>
    request.url.endsWith("/stream")
      ? new Response(
        new ReadableStream({
          start(c) {
            for (const text of ["a", "b", "c"]) c.enqueue(new TextEncoder().encode(text));
            c.close();
          },
        }),
      )
      : echo(request), async (socket) => {
    const http = connectHttpUnix(socket);
    assert.equal(await (await http.fetch("/stream")).text(), "abc");
    assert.equal(await (await http.fetch("/p", { method: "POST", body: "x" })).text(), "POST /p x");
    http.close();
  }));
