/** The control API: HTTP/1.1 and JSON on a unix socket, its routes made from the action table. */
import { type Context, Hono } from "hono";
import { ACTION_IDS, type ActionId, actionSpec } from "../actions/table.ts";
import type { LoggedEvent } from "../audit/log.ts";
import type { Actor } from "../audit/record.ts";
import { concatBytes } from "../core/bytes.ts";
import { isObject } from "../core/json.ts";
import { fail, type Problem, problemOf } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { actorOf } from "./claim.ts";
import { httpStatusOf, SAFE_MODE_HEADER } from "./errors.ts";
import { openApi } from "./openapi.ts";

/** What the API needs of a supervisor. */
export interface ControlTarget {
  readonly version: string;
  /** Why the supervisor is in safe mode; null when it is not. */
  readonly safeMode: string | null;
  perform(action: ActionId, params: unknown, actor: Actor): Promise<unknown>;
  /** Is told of a request whose body could not be read, and that is refused for it. */
  turnAway(action: ActionId, problem: Problem, actor: Actor): void;
  /** Calls `listener` for every event and `ended` when the supervisor ends; the returned function ends both. */
  listen(listener: (event: LoggedEvent) => void, ended: () => void): () => void;
  /** Calls `listener` with the guest's serial output, the last part first; the returned function ends it. */
  followSerial(vm: string, listener: (bytes: Uint8Array) => void, ended: () => void): () => void;
}

/** A policy of 1 MiB, whose every line break and quote takes two bytes in JSON, with room to spare. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Longest reason in a header, characters. */
const MAX_REASON = 300;

/** The request handler of the API. */
export function controlApi(target: ControlTarget): (request: Request) => Response | Promise<Response> {
  const app = new Hono();
  for (const id of ACTION_IDS) {
    const spec = actionSpec(id);
    const path = `/v1${spec.path.replace("{id}", ":id")}`;
    app.on(spec.method, path, async (c) => {
      const actor = actorOf(c.req.raw.headers);
      let params: Record<string, unknown>;
      try {
        params = await paramsOf(c, spec.method);
      } catch (error) {
        target.turnAway(id, problemOf(error), actor);
        throw error;
      }
      return c.json(await target.perform(id, params, actor) ?? {});
    });
  }
  app.get("/v1/events", (c) => eventStream(target, c.req.query("vm"), c.req.raw.signal));
  app.get("/v1/vms/:id/serial", (c) => serialStream(target, c.req.param("id"), c.req.raw.signal));
  app.get("/openapi.json", (c) => c.json(openApi(target.version)));
  app.notFound((c) =>
    problemResponse({ code: "not_found", message: `no such resource: ${c.req.method} ${c.req.path}` })
  );
  app.onError((error) => problemResponse(problemOf(error)));
  return async (request) => {
    const response = await app.fetch(request);
    const why = target.safeMode;
    if (why !== null) {
      response.headers.set(
        SAFE_MODE_HEADER,
        encodeURIComponent(sanitizeLine(why, MAX_REASON).toWellFormed()),
      );
    }
    return response;
  };
}

function problemResponse(problem: ReturnType<typeof problemOf>): Response {
  return Response.json({ error: problem }, { status: httpStatusOf(problem) });
}

/** Parameters of an action: the path's, the query's (texts), then the JSON body's. */
async function paramsOf(c: Context, method: string): Promise<Record<string, unknown>> {
  const given: Record<string, unknown> = { ...c.req.query(), ...c.req.param() };
  if (method === "DELETE" && given.disks !== undefined) given.disks = given.disks === "true";
  if (method !== "POST") return given;
  const bytes = await boundedBody(c.req.raw);
  if (bytes.length === 0) return given;
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    fail("usage", "the request body is not JSON");
  }
  if (!isObject(body)) fail("usage", "the request body is not a JSON object");
  return { ...body, ...given };
}

async function boundedBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) fail("usage", `the request body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}

/** Events as they happen, as server-sent events. */
function eventStream(target: ControlTarget, vm: string | undefined, signal: AbortSignal): Response {
  const utf8 = new TextEncoder();
  return stream("text/event-stream", signal, (send, end) => {
    send(utf8.encode(": connected\n\n"));
    return target.listen((event) => {
      if (vm !== undefined && event.fields.vm !== vm) return;
      send(utf8.encode(`event: ${event.event.split(":", 1)[0]}\ndata: ${JSON.stringify(event)}\n\n`));
    }, end);
  });
}

/** The guest's serial output, raw: whoever shows it makes it harmless first. */
function serialStream(target: ControlTarget, vm: string, signal: AbortSignal): Response {
  return stream("application/octet-stream", signal, (send, end) => target.followSerial(vm, send, end));
}

/**
 * A response without end. A client that does not read is cut off when its queue is full: it can connect again, while a
 * queue without bound would take the supervisor's memory.
 */
function stream(
  type: string,
  signal: AbortSignal,
  feed: (send: (bytes: Uint8Array) => void, end: () => void) => () => void,
): Response {
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      let over = false;
      const finish = (error?: Error) => {
        if (over) return;
        over = true;
        stop();
        if (error) controller.error(error);
        else controller.close();
      };
      const send = (bytes: Uint8Array) => {
        if (over) return;
        if ((controller.desiredSize ?? 0) <= 0) return finish(new Error("the reader is too slow"));
        controller.enqueue(bytes);
      };
      stop = feed(send, () => finish());
      if (over) stop();
      signal.addEventListener("abort", () => {
        over = true;
        stop();
      }, { once: true });
    },
    cancel: () => stop(),
  }, { highWaterMark: 1024 });
  return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
}
