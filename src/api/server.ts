/** The control API: HTTP/1.1 and JSON on a unix socket, its routes made from the action table. */
import { type Context, Hono } from "hono";
import { ACTION_IDS, type ActionId, actionSpec } from "../actions/table.ts";
import type { LiveSample } from "../actions/live_views.ts";
import type { LoggedEvent } from "../audit/log.ts";
import type { Actor } from "../audit/record.ts";
import { concatBytes } from "../core/bytes.ts";
import type { Counters } from "../metrics/counters.ts";
import { METRICS_TYPE } from "../metrics/text.ts";
import { isObject } from "../core/json.ts";
import { fail, Failure, type Problem, problemOf } from "../core/problem.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { actorOf } from "./claim.ts";
import { httpStatusOf, SAFE_MODE_HEADER } from "./errors.ts";
import { Gate, tooMany } from "./gate.ts";
import { openApi } from "./openapi.ts";
import { type Feed, onceForAll, streamResponse } from "./streams.ts";

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
  /** Calls `listener` with all guests' figures once a second, and `ended` as {@link listen}. */
  live(listener: (sample: LiveSample) => void, ended: () => void): () => void;
  /** The page of metrics. */
  metrics(): Promise<string>;
  readonly counters: Counters;
}

/** A policy of 1 MiB, whose every line break and quote takes two bytes in JSON, with room to spare. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** So long a client may take to send a body, in all. */
const BODY_WITHIN_MS = 20_000;

/** Longest reason in a header, characters. */
const MAX_REASON = 300;

/** The request handler of the API. */
export function controlApi(target: ControlTarget): (request: Request) => Response | Promise<Response> {
  const app = new Hono();
  const gate = new Gate();
  for (const id of ACTION_IDS) {
    const spec = actionSpec(id);
    const path = `/v1${spec.path.replace("{id}", ":id")}`;
    app.on(spec.method, path, (c) => performed(target, gate, id, c));
  }
  addStreams(app, target, gate);
  app.get("/metrics", async () => textResponse(await target.metrics(), METRICS_TYPE));
  app.get("/openapi.json", () => jsonResponse(openApi(target.version)));
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

/** Has an action performed, when not too many are. */
async function performed(target: ControlTarget, gate: Gate, id: ActionId, c: Context): Promise<Response> {
  const { counters } = target;
  const actor = actorOf(c.req.raw.headers);
  let params: Record<string, unknown>;
  try {
    params = await paramsOf(c, gate);
  } catch (error) {
    const problem = problemOf(error);
    counters.request(id, problem.code);
    if (problem.code === "busy") return refused(target, "requests", problem);
    target.turnAway(id, problem, actor);
    throw error;
  }
  const kind = isUrgent(id) ? "urgent" : "requests";
  const leave = gate.enter(kind);
  if (!leave) {
    counters.request(id, "busy");
    return refused(target, "requests", tooMany(kind));
  }
  try {
    const done = await target.perform(id, params, actor);
    counters.request(id, "ok");
    return jsonResponse(done ?? {});
  } catch (error) {
    counters.request(id, problemOf(error).code);
    throw error;
  } finally {
    leave();
  }
}

/** What ends something or takes it away. */
function isUrgent(id: ActionId): boolean {
  return actionSpec(id).whenBusy === "interrupt" || id === "job.cancel" || id === "supervisor.stop";
}

function refused(target: ControlTarget, limit: keyof Counters["refused"], problem: Problem): Response {
  target.counters.refused[limit]++;
  const response = jsonResponse({ error: problem }, 503);
  response.headers.set("retry-after", "1");
  return response;
}

function problemResponse(problem: Problem): Response {
  return jsonResponse({ error: problem }, httpStatusOf(problem));
}

function jsonResponse(value: unknown, status = 200): Response {
  return textResponse(JSON.stringify(value), "application/json", status);
}

/** Its length is said, so that the connection can be used again. */
function textResponse(text: string, type: string, status = 200): Response {
  const bytes = new TextEncoder().encode(text);
  return new Response(bytes, {
    status,
    headers: { "content-type": type, "content-length": String(bytes.length) },
  });
}

/** Parameters of an action: the path's, the query's (texts), then the JSON body's. */
async function paramsOf(c: Context, gate: Gate): Promise<Record<string, unknown>> {
  const { method } = c.req;
  const given: Record<string, unknown> = { ...c.req.query(), ...c.req.param() };
  if (method === "DELETE" && given.disks !== undefined) given.disks = given.disks === "true";
  if (method !== "POST") return given;
  const leave = gate.enter("bodies") ??
    fail("busy", tooMany("bodies").message, { hint: "try again in a moment" });
  let bytes: Uint8Array;
  try {
    bytes = await boundedBody(c.req.raw);
  } finally {
    leave();
  }
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
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0, isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, BODY_WITHIN_MS);
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (isLate) fail("usage", `the request body did not come within ${BODY_WITHIN_MS / 1000} s`);
      if (done) return concatBytes(chunks);
      size += value.length;
      if (size > MAX_BODY_BYTES) fail("usage", `the request body is larger than ${MAX_BODY_BYTES} bytes`);
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    return fail(
      "usage",
      `the request body could not be read: ${error instanceof Error ? error.message : error}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Server-sent events, and the serial output as it comes. */
function addStreams(app: Hono, target: ControlTarget, gate: Gate): void {
  const open = (c: Context, type: string, start: (feed: Feed) => () => void): Response => {
    const leave = gate.enter("streams");
    if (!leave) return refused(target, "streams", tooMany("streams"));
    const over = () => {
      leave();
      target.counters.streams--;
    };
    target.counters.streams++;
    try {
      return streamResponse(type, c.req.raw.signal, (feed) => {
        const stop = start(feed);
        return () => {
          stop();
          over();
        };
      });
    } catch (error) {
      over();
      throw error;
    }
  };
  const hello = new TextEncoder().encode(": connected\n\n");
  const eventText = onceForAll((event: LoggedEvent) => sse(event.event.split(":", 1)[0] ?? "", event));
  const liveText = onceForAll((sample: LiveSample) => sse("live", sample));
  app.get("/v1/events", (c) => {
    const vm = c.req.query("vm");
    return open(c, "text/event-stream", (feed) => {
      feed.send(hello);
      return target.listen((event) => {
        if (vm === undefined || event.fields.vm === vm) feed.send(eventText(event));
      }, feed.end);
    });
  });
  app.get("/v1/live", (c) =>
    open(c, "text/event-stream", (feed) => {
      feed.send(hello);
      return target.live((sample) => feed.offer(liveText(sample)), feed.end);
    }));
  // Raw: whoever shows it makes it harmless first.
  app.get(
    "/v1/vms/:id/serial",
    (c) =>
      open(
        c,
        "application/octet-stream",
        (feed) => target.followSerial(c.req.param("id"), feed.send, feed.end),
      ),
  );
}

/** One server-sent event. https://html.spec.whatwg.org/multipage/server-sent-events.html */
function sse(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
