import { invalid } from "../domain/errors.ts";
import { DEFAULT_WORKSPACE } from "../domain/workspaces.ts";
import { readText } from "../http/body.ts";
import type { Caller } from "../http/callers.ts";
import type { Refusal } from "../http/refusal.ts";
import { routeTable } from "../http/routes.ts";
import { type Dialect, type Found, type ServeContext, serve } from "../http/serve.ts";
import type { AppRequest, AppResponse } from "../http/types.ts";
import { decodePart, splitUrl } from "../http/url.ts";
import { errorResponse, noSuchRoute } from "./errors.ts";
import { decodeBody, decodeRequest, type Message, queryObject } from "./message.ts";
import { resourcesIn } from "./resources.ts";
import type { Call, MlflowRoute, MlflowSettings, Surface } from "./route.ts";
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
export interface MlflowContext extends ServeContext {
  readonly settings: MlflowSettings;
}

/**
 * Clients put their path behind the tracking address, of whose slashes they strip one: so any number may come first.
 */
const API = /^\/+(?<page>ajax-)?api(?<below>\/.*)$/;

/** Azure ML's own tracking address, and the short form; both stand before the ordinary path. */
const PREFIXES = [
  /^\/w\/(?<workspace>[^/]+)(?<rest>\/.*)$/,
  /^\/mlflow\/v[12]\.0\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.MachineLearningServices\/workspaces\/(?<workspace>[^/]+)(?<rest>\/.*)$/i,
];

interface FoundOperation extends Found<MlflowRoute> {
  readonly surface: Surface;
  readonly query: string;
  /** Of the workspace that the path names. */
  readonly workspaceName: string | undefined;
}

const dialect: Dialect<MlflowContext, FoundOperation, Record<string, string>, unknown, Call<unknown>> = {
  find({ method, url }) {
    const { path, query } = splitUrl(url);
    const { workspaceName, surface, operation } = locate(path);
    const match = find[surface](method, operation);
    return match ? { route: match.route, params: match.params, surface, query, workspaceName } : noSuchRoute;
  },
  parameters: ({ params }) => decoded(params),
  workspaceName({ route, workspaceName }, { name }, { headers }) {
    const named = requireOneWorkspace(workspaceName, headers.get("x-mlflow-workspace"));
    return route.outsideWorkspace ? name : named;
  },
  read: readInput,
  call: ({ context: { realm, settings }, found: { surface }, workspace, caller, input, params, request }) => ({
    workspace,
    realm,
    caller,
    input,
    path: params,
    request,
    surface,
    settings,
  }),
  do: ({ route }, call) => route.handle(call),
  answer: ({ route }, result) => route.answer?.(result) ?? (result as AppResponse),
  resources: (_, params, input) => resourcesIn({ ...params, ...(input as object | undefined) }),
  refuse: (refusal, found) => (found?.surface === "api" ? errorResponse(refusal) : refuseOnPage(refusal)),
};

/** Answers one request in MLflow's dialect; never throws. */
export function answerMlflow(context: MlflowContext, request: AppRequest): Promise<AppResponse> {
  return serve(dialect, context, request);
}

function decoded(params: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in params) result[name] = decodePart(params[name]!);
  return result;
}

/** A browser that shows MLflow's page asks its user to sign in. */
function refuseOnPage(refusal: Refusal): AppResponse {
  const response = errorResponse(refusal);
  if (refusal.code !== "Unauthenticated") return response;
  return { ...response, headers: { ...response.headers, "www-authenticate": 'Basic realm="cairn", charset="UTF-8"' } };
}

interface Location {
  /** The workspace that the path names. */
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

async function readInput({ route, query }: FoundOperation, request: AppRequest, caller: Caller): Promise<unknown> {
  const schema = route.request;
  if (!schema) return undefined;
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
