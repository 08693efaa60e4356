/** Description of the API in OpenAPI 3.1, made from the action table. */
import * as z from "zod";
import { paramsOf } from "../actions/params.ts";
import { ACTION_IDS, actionSpec } from "../actions/table.ts";
import { isObject } from "../core/json.ts";

const ERROR_SCHEMA = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "string" },
        message: { type: "string" },
        hint: { type: "string" },
        path: { type: "string" },
        reasons: {
          type: "array",
          items: {
            type: "object",
            required: ["rule", "why"],
            properties: { rule: { type: "string" }, why: { type: "string" }, where: { type: "string" } },
          },
        },
      },
    },
  },
};

/** The whole document for a given product version. */
export function openApi(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const id of ACTION_IDS) {
    const spec = actionSpec(id);
    const path = (paths[`/v1${spec.path}`] ??= {});
    path[spec.method.toLowerCase()] = operation(id);
  }
  paths["/v1/events"] = {
    get: {
      operationId: "events",
      summary: "markers as they happen, as server-sent events",
      parameters: [{ name: "vm", in: "query", schema: { type: "string" } }],
      responses: { 200: { description: "stream", content: { "text/event-stream": {} } } },
    },
  };
  paths["/v1/live"] = {
    get: {
      operationId: "live",
      summary: "all guests' figures once a second, as server-sent events",
      responses: { 200: { description: "stream", content: { "text/event-stream": {} } } },
    },
  };
  paths["/v1/vms/{id}/serial"] = {
    get: {
      operationId: "serial",
      summary: "a guest's serial output as it comes, raw",
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      responses: { 200: { description: "stream", content: { "application/octet-stream": {} } } },
    },
  };
  paths["/metrics"] = {
    get: {
      operationId: "metrics",
      summary: "figures in Prometheus' text format",
      responses: { 200: { description: "page", content: { "text/plain": {} } } },
    },
  };
  return {
    openapi: "3.1.0",
    info: {
      title: "rayvisor control API",
      version,
      description: "HTTP/1.1 and JSON on the unix socket run/rayvisor.sock",
    },
    servers: [{ url: "http://rayvisor.invalid", description: "any host name: the socket decides" }],
    paths,
    components: { schemas: { Error: ERROR_SCHEMA } },
  };
}

function operation(id: typeof ACTION_IDS[number]): Record<string, unknown> {
  const spec = actionSpec(id);
  const schema: unknown = z.toJSONSchema(paramsOf(id), { io: "input", unrepresentable: "any" });
  const properties = isObject(schema) && isObject(schema.properties) ? schema.properties : {};
  const inPath = spec.path.includes("{id}") ? ["id"] : [];
  const parameters = [
    ...inPath.map((name) => ({
      name,
      in: "path",
      required: true,
      schema: properties[name] ?? { type: "string" },
    })),
    ...(spec.method === "POST" ? [] : Object.entries(properties).filter(([name]) => !inPath.includes(name))
      .map(([name, property]) => ({ name, in: "query", schema: property }))),
  ];
  return {
    operationId: id,
    summary: spec.summary,
    ...(parameters.length ? { parameters } : {}),
    ...(spec.method === "POST" ? { requestBody: { content: { "application/json": { schema } } } } : {}),
    responses: {
      200: { description: "done", content: { "application/json": {} } },
      default: {
        description: "failed; `error.code` says how",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}
