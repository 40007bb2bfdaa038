import * as z from "zod/mini";
import packageJson from "../../package.json" with { type: "json" };
import type { ErrorCode } from "../domain/errors.ts";
import { STATUS } from "../http/refusal.ts";
import type { RestRoute } from "./route.ts";

type Json = Record<string, unknown>;

const DESCRIPTION = `The workspace's own operations; runs, metrics and models are also reached by MLflow's clients.

Requests carry a bearer token, or an API key as a bearer token or as the password of basic authentication. A server on a loopback address takes
its user's requests without. What does not exist, and what belongs to a workspace that the caller has no part in, is 404 alike.`;

const PROBLEM: Json = {
  description: "Problem details (RFC 9457).",
  type: "object",
  properties: {
    type: { type: "string" },
    title: { type: "string", description: "The kind of refusal, for programs." },
    status: { type: "integer" },
    detail: { type: "string", description: "What is wrong, for people: the field, its value, what would be accepted." },
  },
  required: ["type", "title", "status", "detail"],
  additionalProperties: false,
};

const MEANINGS: Record<ErrorCode, string> = {
  InvalidParameter: "The request can never succeed as it is.",
  NotFound: "Nothing has this address.",
  AlreadyExists: "The name is taken.",
  InvalidState: "The resource is in a state that does not allow this.",
  Conflict: "Somebody else has changed the resource meanwhile.",
  TooLarge: "The body is too large.",
  Unauthenticated: "The request carries no valid credentials.",
  PermissionDenied: "The caller lacks the permission.",
  NotImplemented: "Not offered.",
  TooManyRequests: "The store takes no more requests right now. Try again after the seconds in Retry-After.",
  Unavailable: "The store does not answer. Try again after the seconds in Retry-After.",
  StorageFull: "The disk is full. Nothing was stored.",
};

/** The OpenAPI 3.1 document of a table of operations, made of the schemas that validate their requests. */
export function openApiDocument(routes: readonly RestRoute[]): Json {
  const schemas: Json = { Problem: PROBLEM };
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `/${route.path.replace(/:(\w+)/g, "{$1}")}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Cairn",
      version: packageJson.version,
      description: DESCRIPTION,
      license: { name: packageJson.license, identifier: packageJson.license },
    },
    servers: [{ url: "/api/v1" }],
    security: [{ bearer: [] }, { basic: [] }],
    tags: [...new Set(routes.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A Microsoft Entra ID token, an API key or a run token.",
        },
        basic: { type: "http", scheme: "basic", description: "An API key or a run token as the password." },
      },
    },
  };
}

function operation(route: RestRoute, schemas: Json): Json {
  const { name, summary, permission, body, returns, status } = route;
  const describe = (schema: z.ZodMiniType, io: "input" | "output") => schemaOf(schema, io, schemas);
  return {
    operationId: name,
    tags: [tagOf(route)],
    summary,
    description: permission === "none" ? "Needs no credentials." : `Needs the permission \`${permission}\`.`,
    "x-cairn-permission": permission,
    ...(permission === "none" && { security: [] }),
    parameters: [...pathParameters(route), ...queryParameters(route, schemas)],
    ...(body && {
      requestBody: {
        required: !body.safeParse({}).success,
        content: { "application/json": { schema: describe(body, "input") } },
      },
    }),
    responses: {
      [status]: {
        description: "Done.",
        ...(returns && { content: { "application/json": { schema: describe(returns, "output") } } }),
      },
      ...refusals(route),
    },
  };
}

const tagOf = ({ name }: RestRoute): string => name.replace(/_.*/, "");

function pathParameters({ params = {} }: RestRoute): Json[] {
  return Object.entries(params).map(([name, { schema }]) =>
    parameter("path", name, schemaOf(schema, "input", {}), true),
  );
}

function queryParameters({ query }: RestRoute, schemas: Json): Json[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input", schemas) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => parameter("query", name, schema, required.includes(name)));
}

function parameter(place: string, name: string, { description, ...schema }: Json, required: boolean): Json {
  return { name, in: place, required, ...(description !== undefined && { description }), schema };
}

/** By status, as two refusals may share one. */
function refusals(route: RestRoute): Record<string, Json> {
  const takesInput = route.body !== undefined || route.query !== undefined || route.path.includes(":");
  const codes: ErrorCode[] = [
    ...(takesInput ? (["InvalidParameter"] as const) : []),
    ...(route.permission === "none" ? [] : (["Unauthenticated", "PermissionDenied"] as const)),
    ...(route.path.includes(":") ? (["NotFound"] as const) : []),
    ...(route.body ? (["TooLarge"] as const) : []),
    ...(route.refusals ?? []),
    "TooManyRequests",
    "Unavailable",
    ...(route.method === "GET" ? [] : (["StorageFull"] as const)),
  ];
  const result: Record<string, Json> = {};
  for (const code of new Set(codes)) {
    const known = result[STATUS[code]]?.description;
    result[STATUS[code]] = refusal(known === undefined ? MEANINGS[code] : `${known} ${MEANINGS[code]}`);
  }
  return { ...result, 500: refusal("A fault of the server; its log has the details.") };
}

function refusal(description: string): Json {
  const schema = { $ref: "#/components/schemas/Problem" };
  return { description, content: { "application/problem+json": { schema } } };
}

/** As JSON Schema. What carries an id (`z.meta`) is put among the document's schemas and referred to. */
function schemaOf(schema: z.ZodMiniType, io: "input" | "output", schemas: Json): Json {
  const converted = z.toJSONSchema(schema, { io });
  const text = JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $schema: _, $defs = {}, ...result } = JSON.parse(text) as Json & { $defs?: Record<string, Json> };
  for (const [id, { id: __, ...definition }] of Object.entries($defs)) schemas[id] = definition;
  return result;
}
