import type * as z from "zod/mini";
import { invalid } from "../domain/errors.ts";
import type { Workspace } from "../domain/workspace.ts";
import { openWorkspace, type Realm } from "../domain/workspaces.ts";
import { readText } from "./body.ts";
import { authorize, type Caller, type Permission } from "./callers.ts";
import { problem, problemResponse } from "./problem.ts";
import { type RouteShape, routeTable } from "./routes.ts";
import type { AppRequest, AppResponse } from "./types.ts";
import { decodePart, splitUrl } from "./url.ts";

export interface RestCall<B> {
  readonly realm: Realm;
  /** Of the path; opened only when asked for. */
  workspace(): Promise<Workspace>;
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
}

/** A REST operation as data: paths are below `/api/v1/`. */
export interface RestRoute<B = unknown> extends RouteShape {
  readonly permission: Permission;
  /** Absent: the operation takes no body. */
  readonly body?: z.ZodMiniType<B>;
  readonly returns: z.ZodMiniType;
  /** The status of success. */
  readonly status: number;
  do(call: RestCall<B>): Promise<unknown>;
}

/** Ties a body's type to its operation. */
export function restRoute<B>(definition: RestRoute<B>): RestRoute {
  return definition as unknown as RestRoute;
}

export interface RestContext {
  readonly realm: Realm;
  identify(): Caller | undefined;
  logError(error: unknown): void;
}

/** A dispatcher for a table of operations; it never throws. */
export function restDispatcher(routes: readonly RestRoute[]) {
  const find = routeTable(routes);

  async function dispatch(context: RestContext, request: AppRequest): Promise<AppResponse> {
    const { path } = splitUrl(request.url);
    const match = find(request.method, path.replace(/^\/api\/v1/, ""));
    if (!match) return problem(404, "NotFound", "No such operation.");
    const { route } = match;
    authorize(context.identify(), route.permission);
    const params = Object.fromEntries(Object.entries(match.params).map(([name, part]) => [name, decodePart(part)]));
    const body = route.body ? await readBody(route.body, request) : undefined;
    const workspace = () => openWorkspace(context.realm, params.workspace!);
    const result = await route.do({ realm: context.realm, workspace, params, body });
    if (result === undefined) return { status: route.status };
    return {
      status: route.status,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(result),
    };
  }

  return async (context: RestContext, request: AppRequest): Promise<AppResponse> => {
    try {
      return await dispatch(context, request);
    } catch (error) {
      const refusal = problemResponse(error);
      if (refusal) return refusal;
      context.logError(error);
      return problem(500, "InternalError", "An internal error occurred. The server's log has the details.");
    }
  };
}

async function readBody<B>(schema: z.ZodMiniType<B>, request: AppRequest): Promise<B> {
  const parsed = schema.safeParse(parseJson(await readText(request)));
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`).join("; "));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("The request body is not valid JSON.");
  }
}
