import { problem, problemOf } from "../http/problem.ts";
import { METHODS, routeTable } from "../http/routes.ts";
import { type Dialect, type Found, type ServeContext, serve } from "../http/serve.ts";
import type { AppRequest, AppResponse } from "../http/types.ts";
import { splitUrl } from "../http/url.ts";
import { readJson, readParameters, readQuery } from "./input.ts";
import type { RestCall, RestRoute } from "./route.ts";

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
    parameters: ({ route, params }) => readParameters(route.params ?? {}, params),
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
    resources: ({ route }, params, input) => ({ ...params, ...membersOf(input?.body, route.about) }),
    refuse: problemOf,
  };
  return (context: ServeContext, request: AppRequest) => serve(dialect, context, request);
}

function membersOf(body: unknown, names: readonly string[] = []): Record<string, unknown> {
  if (body === undefined) return {};
  return Object.fromEntries(names.map((name) => [name, (body as Record<string, unknown>)[name]]));
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
