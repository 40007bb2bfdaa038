import type * as z from "zod/mini";
import type { Role } from "../domain/access/roles.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Workspace } from "../domain/workspace.ts";
import { confirmWorkspace } from "../domain/workspace-closing.ts";
import { openLocated, type Realm } from "../domain/workspaces.ts";
import { operationFound } from "../signals.ts";
import { admit, type Caller, type Rule, requireSomebody } from "./callers.ts";
import type { Asked, EventLog } from "./event-log.ts";
import { requireOwn } from "./own-run.ts";
import { problem, problemOf } from "./problem.ts";
import { inWordsOf, refusalOf } from "./refusal.ts";
import { type ObjectSchema, readJson, readParameters, readQuery } from "./rest-input.ts";
import { METHODS, type RouteShape, routeTable } from "./routes.ts";
import type { AppRequest, AppResponse } from "./types.ts";
import { splitUrl } from "./url.ts";

export interface RestCall<B, Q> {
  readonly realm: Realm;
  readonly caller: Caller;
  /** The caller's in the workspace of the path. */
  readonly role: Role | undefined;
  /** Of the path; opened only when asked for. */
  workspace(): Promise<Workspace>;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
}

/**
 * A REST operation as data: paths are below `/api/v1/`, their parameters those of parameters.ts. What has a parameter
 * `workspace` is about the workspace of that name. What validates its input is what the OpenAPI
 * document shows of it.
 */
export interface RestRoute<B = unknown, Q = unknown, R = unknown> extends RouteShape, Rule {
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
  /** Ids of what came into being, for its event. */
  made?(result: R): Readonly<Record<string, string>>;
  do(call: RestCall<B, Q>): Promise<R>;
}

/** Ties the types of query, body and answer to their operation. */
export function restRoute<B, Q, R = void>(definition: RestRoute<B, Q, R>): RestRoute {
  return definition as unknown as RestRoute;
}

export interface RestContext {
  readonly realm: Realm;
  readonly events: EventLog;
  identify(request: AppRequest): Promise<Caller> | Caller;
  logError(error: unknown): void;
}

/** A dispatcher for a table of operations; it never throws. */
export function restDispatcher(routes: readonly RestRoute[]) {
  const find = routeTable(routes);

  async function dispatch(context: RestContext, request: AppRequest, asked: Asked): Promise<AppResponse> {
    const { path, query: queryText } = splitUrl(request.url);
    const below = path.replace(/^\/api\/v1/, "");
    const match = find(request.method, below);
    if (!match) return refuseMethod(below);
    const { route } = match;
    operationFound.tell(route);
    const { realm } = context;
    const caller = await context.identify(request);
    Object.assign(asked, { route, caller });
    if (route.permission !== "none") requireSomebody(caller);
    const params = readParameters(match.params);
    asked.named.push(params);
    const admission = await admit(realm, caller, route, params.workspace);
    if (/^workspaces\/:workspace\//.test(route.path)) asked.workspaceId = admission?.workspace.id;
    const query = route.query ? readQuery(route.query, queryText) : undefined;
    const body = route.body ? await readJson(route.body, request, caller) : undefined;
    const workspace = () => openLocated(realm, admission!.workspace);
    const call = { realm, caller, role: admission?.role, workspace, params, query, body };
    if (caller.kind === "run" && route.writes) await requireOwn(await workspace(), caller, route, route.writes(call));
    asked.named.push((body ?? {}) as Record<string, unknown>);
    const result = await route.do(call);
    if (asked.workspaceId && route.method !== "GET") await confirmWorkspace(realm, admission!.workspace);
    asked.named.push(route.made?.(result) ?? {});
    if (!route.returns) return { status: route.status };
    return {
      status: route.status,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(result),
    };
  }

  function refuseMethod(path: string): AppResponse {
    const allowed = METHODS.filter((method) => find(method, path));
    if (allowed.length === 0) return problem(404, "NotFound", "No such operation.");
    const allow = allowed.join(", ");
    const refusal = problem(405, "MethodNotAllowed", `This address takes ${allow}.`);
    return { ...refusal, headers: { ...refusal.headers, allow } };
  }

  return async (context: RestContext, request: AppRequest): Promise<AppResponse> => {
    const asked: Asked = { named: [] };
    try {
      const response = await dispatch(context, request, asked);
      await context.events.noteDone(asked, request)?.catch(context.logError);
      return response;
    } catch (error) {
      context.events.noteRefused(asked, request, error, context.logError);
      const refusal = refusalOf(error);
      if (refusal.isFault) context.logError(error);
      return inWordsOf(problemOf, refusal);
    }
  };
}
