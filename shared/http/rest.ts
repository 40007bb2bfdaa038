import type * as z from "zod/mini";
import type { Role } from "../domain/access/roles.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Workspace } from "../domain/workspace.ts";
import type { Realm } from "../domain/workspaces.ts";
import type { Caller } from "./callers.ts";
import { problem, problemOf } from "./problem.ts";
import { type ObjectSchema, readJson, readParameters, readQuery } from "./rest-input.ts";
import { METHODS, routeTable } from "./routes.ts";
import { type Dialect, type Found, type Route, type ServeContext, serve } from "./serve.ts";
import type { AppRequest, AppResponse } from "./types.ts";
import { splitUrl } from "./url.ts";

export interface RestCall<B, Q> {
  readonly realm: Realm;
  readonly caller: Caller;
  /** The caller's in the workspace of the path. */
  readonly role: Role | undefined;
  /** Of the path. */
  readonly workspace: Workspace;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
}

/**
 * A REST operation as data: paths are below `/api/v1/`, their parameters those of parameters.ts. What has a parameter
 * `workspace` is about the workspace of that name. What validates its input is what the OpenAPI
 * document shows of it.
 */
export interface RestRoute<B = unknown, Q = unknown, R = unknown> extends Route {
  /** One sentence for the document. */
  readonly summary: string;
  /** Absent: the operation takes no query. */
  readonly query?: ObjectSchema<Q>;
  /** Absent: the operation takes no body. */
  readonly body?: z.ZodMiniType<B>;
  /** Absent: the answer has no body. */
  readonly returns?: z.ZodMiniType<R>;
  /** The status of success. */
  readonly status: number;
  /** What it may refuse with besides what follows from its permission, path, query and body. */
  readonly refusals?: readonly ErrorCode[];
  made?(result: R): Readonly<Record<string, string>>;
  do(call: RestCall<B, Q>): Promise<R>;
}

/** Ties the types of query, body and answer to their operation. */
export function restRoute<B, Q, R = void>(definition: RestRoute<B, Q, R>): RestRoute {
  const isInside = definition.path.startsWith("workspaces/:workspace/");
  const place = { outsideWorkspace: !isInside, mayBeFirst: isInside && definition.method !== "GET" };
  return { ...place, ...(definition as unknown as RestRoute) };
}

interface FoundOperation extends Found<RestRoute> {
  readonly query: string;
}

interface Input {
  readonly query: unknown;
  readonly body: unknown;
}

/** A dispatcher for a table of operations; it never throws. */
export function restDispatcher(routes: readonly RestRoute[]) {
  const find = routeTable(routes);
  const dialect: Dialect<ServeContext, FoundOperation, Record<string, string>, Input, RestCall<unknown, unknown>> = {
    find({ method, url }) {
      const { path, query } = splitUrl(url);
      const below = path.replace(/^\/api\/v1/, "");
      const match = find(method, below);
      return match ? { ...match, query } : refuseMethod(METHODS.filter((other) => find(other, below)));
    },
    parameters: ({ params }) => readParameters(params),
    workspaceName: (_, { workspace }) => workspace,
    read: async ({ route, query }, request, caller) => ({
      query: route.query && readQuery(route.query, query),
      body: route.body && (await readJson(route.body, request, caller)),
    }),
    call: ({ context: { realm }, caller, role, workspace, params, input: { query, body } }) => ({
      realm,
      caller,
      role,
      workspace,
      params,
      query,
      body,
    }),
    do: ({ route }, call) => route.do(call),
    answer: ({ route }, result) => answerWith(route, result),
    named: ({ body }) => (body ?? {}) as Record<string, unknown>,
    refuse: problemOf,
  };
  return (context: ServeContext, request: AppRequest) => serve(dialect, context, request);
}

function answerWith({ status, returns }: RestRoute, result: unknown): AppResponse {
  if (!returns) return { status };
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(result) };
}

function refuseMethod(allowed: readonly string[]): AppResponse {
  if (allowed.length === 0) return problem(404, "NotFound", "No such operation.");
  const allow = allowed.join(", ");
  const refusal = problem(405, "MethodNotAllowed", `This address takes ${allow}.`);
  return { ...refusal, headers: { ...refusal.headers, allow } };
}
