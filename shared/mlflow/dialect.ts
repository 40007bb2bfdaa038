import { invalid } from "../domain/errors.ts";
import { confirmWorkspace } from "../domain/workspace-closing.ts";
import { DEFAULT_WORKSPACE, openLocated, type Realm } from "../domain/workspaces.ts";
import { readText } from "../http/body.ts";
import { admit, type Caller, requireSomebody } from "../http/callers.ts";
import type { Asked, EventLog } from "../http/event-log.ts";
import { requireOwn } from "../http/own-run.ts";
import { inWordsOf, type Refusal, refusalOf } from "../http/refusal.ts";
import { routeTable } from "../http/routes.ts";
import type { AppRequest, AppResponse } from "../http/types.ts";
import { decodePart, splitUrl } from "../http/url.ts";
import { operationFound } from "../signals.ts";
import { errorResponse, noSuchRoute } from "./errors.ts";
import { decodeBody, decodeRequest, type Message, queryObject } from "./message.ts";
import type { MlflowRoute, MlflowSettings, Surface } from "./route.ts";
import { artifactRoutes } from "./routes/artifacts.ts";
import { experimentRoutes } from "./routes/experiments.ts";
import { loggedModelRoutes } from "./routes/logged-models.ts";
import { metricRoutes } from "./routes/metrics.ts";
import { modelVersionRoutes } from "./routes/model-versions.ts";
import { absentFeatureRoutes, pageRoutes } from "./routes/page.ts";
import { registeredModelRoutes } from "./routes/registered-models.ts";
import { runRoutes } from "./routes/runs.ts";
import { searchRunsRoute } from "./routes/search-runs.ts";
import { serverRoutes } from "./routes/server.ts";

/** Every MLflow operation; paths are below `/api/` and, the same again, `/ajax-api/`, unless a route says otherwise. */
export const mlflowRoutes: readonly MlflowRoute[] = [
  ...experimentRoutes,
  ...runRoutes,
  searchRunsRoute,
  ...metricRoutes,
  ...loggedModelRoutes,
  ...registeredModelRoutes,
  ...modelVersionRoutes,
  ...artifactRoutes,
  ...serverRoutes,
  ...pageRoutes,
  ...absentFeatureRoutes,
];

const JSON_TYPE = "application/json";

const find: Readonly<Record<Surface, ReturnType<typeof routeTable<MlflowRoute>>>> = {
  api: routeTable(mlflowRoutes.filter(({ surface }) => surface === undefined)),
  page: routeTable(mlflowRoutes.filter(({ surface }) => surface !== "root")),
  root: routeTable(mlflowRoutes.filter(({ surface }) => surface === "root")),
};

/** What the dialect needs of the app around it. */
export interface MlflowContext {
  readonly realm: Realm;
  readonly settings: MlflowSettings;
  readonly events: EventLog;
  identify(request: AppRequest): Promise<Caller> | Caller;
  /** Takes what is our fault, and never shown to callers. */
  logError(error: unknown): void;
}

/** An address may end with any number of slashes: clients strip one. */
const API = /^\/+(?<page>ajax-)?api(?<below>\/.*)$/;

/** Azure ML's own tracking address, and the short form; both stand before the ordinary path. */
const PREFIXES = [
  /^\/w\/(?<workspace>[^/]+)(?<rest>\/.*)$/,
  /^\/mlflow\/v[12]\.0\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.MachineLearningServices\/workspaces\/(?<workspace>[^/]+)(?<rest>\/.*)$/i,
];

type AskedWhere = Asked & { surface?: Surface };

/** A browser that shows MLflow's page asks its user to sign in. */
function refuseOnPage(refusal: Refusal): AppResponse {
  const response = errorResponse(refusal);
  if (refusal.code !== "Unauthenticated") return response;
  return { ...response, headers: { ...response.headers, "www-authenticate": 'Basic realm="cairn", charset="UTF-8"' } };
}

/** Answers one request in MLflow's dialect; never throws. */
export async function answerMlflow(context: MlflowContext, request: AppRequest): Promise<AppResponse> {
  const asked: AskedWhere = { named: [] };
  try {
    const response = await dispatch(context, request, asked);
    await context.events.noteDone(asked, request)?.catch(context.logError);
    return response;
  } catch (error) {
    context.events.noteRefused(asked, request, error, context.logError);
    const refusal = refusalOf(error);
    if (refusal.isFault) context.logError(error);
    return inWordsOf(asked.surface === "api" ? errorResponse : refuseOnPage, refusal);
  }
}

async function dispatch(context: MlflowContext, request: AppRequest, asked: AskedWhere): Promise<AppResponse> {
  const { path, query } = splitUrl(request.url);
  const { workspaceName, surface, operation } = locate(path);
  asked.surface = surface;
  const match = find[surface](request.method, operation);
  if (!match) return noSuchRoute;
  const { route, params } = match;
  operationFound.tell(route);
  const { realm, settings } = context;
  const caller = await context.identify(request);
  asked.route = route;
  asked.caller = caller;
  asked.named.push(params);
  if (route.permission !== "none") requireSomebody(caller);
  const named = requireOneWorkspace(workspaceName, request.headers.get("x-mlflow-workspace"));
  const name = route.outsideWorkspace ? params.name && decodePart(params.name) : named;
  const admission = await admit(realm, caller, route, name);
  asked.workspaceId = route.outsideWorkspace ? undefined : admission!.workspace.id;
  const input = route.request && (await readInput(route, caller, request, query));
  asked.named.push((input ?? {}) as Record<string, unknown>);
  // A route outside workspaces never looks at the member: its type is only wider than it needs to be.
  const workspace = route.outsideWorkspace ? (undefined as never) : await openLocated(realm, admission!.workspace);
  const call = { workspace, realm, caller, input, path: params, request, surface, settings };
  if (caller.kind === "run" && route.writes) await requireOwn(workspace, caller, route, route.writes(call));
  const response = await route.handle(call);
  if (route.mayBeFirst) await confirmWorkspace(realm, admission!.workspace);
  if (response.made) asked.named.push(response.made);
  return response;
}

interface Location {
  /** That the path names. */
  readonly workspaceName?: string;
  readonly surface: Surface;
  /** The path below the surface. */
  readonly operation: string;
}

function locate(path: string): Location {
  const located = locateWithin(path);
  if (located.surface !== "root") return located;
  for (const prefix of PREFIXES) {
    const groups = prefix.exec(path)?.groups;
    if (groups) return { ...locateWithin(groups.rest!), workspaceName: decodePart(groups.workspace!) };
  }
  return located;
}

function locateWithin(path: string): Location {
  const api = API.exec(path)?.groups;
  return api ? { surface: api.page ? "page" : "api", operation: api.below! } : { surface: "root", operation: path };
}

/** @throws InvalidParameter when path and header name different workspaces */
function requireOneWorkspace(fromPath: string | undefined, fromHeader: string | null): string {
  const header = fromHeader?.trim() || undefined;
  if (fromPath !== undefined && header !== undefined && fromPath !== header) {
    throw invalid(`The path names the workspace '${fromPath}', the header X-MLFLOW-WORKSPACE '${header}'.`);
  }
  return fromPath ?? header ?? DEFAULT_WORKSPACE;
}

async function readInput(route: MlflowRoute, caller: Caller, request: AppRequest, query: string): Promise<unknown> {
  const schema = route.request!;
  // Some clients send the parameters of a GET in a body; as in MLflow, it counts where there is no query.
  if (route.method === "GET" && query !== "") return decodeQuery(schema, query);
  if (route.method === "POST" || route.method === "PUT") requireJson(request);
  const text = await readText(request, caller, route.maxBodyBytes);
  // DELETE carries a body from clients of MLflow, and a query from others.
  if (text === "" && query !== "") return decodeQuery(schema, query);
  return decodeBody(schema, text);
}

function decodeQuery(schema: Message<unknown>, query: string): unknown {
  return decodeRequest(schema, queryObject(schema, new URLSearchParams(query)));
}

function requireJson(request: AppRequest): void {
  const contentType = request.headers.get("content-type");
  if (!contentType) throw invalid("Bad Request. Content-Type header is missing.");
  if (contentType !== JSON_TYPE && contentType.split(";")[0]!.trim().toLowerCase() !== JSON_TYPE) {
    throw invalid("Bad Request. Content-Type must be one of ['application/json'].");
  }
}
