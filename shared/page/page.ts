import packageJson from "../../package.json" with { type: "json" };
import { WorkspaceError } from "../domain/errors.ts";
import { searchExperiments } from "../domain/experiment-search.ts";
import { type Experiment, getExperiment } from "../domain/experiments.ts";
import { getRun, type Run } from "../domain/runs/runs.ts";
import { searchRuns } from "../domain/runs/search.ts";
import type { Workspace } from "../domain/workspace.ts";
import { DEFAULT_WORKSPACE, openLocated, type Realm } from "../domain/workspaces.ts";
import { admit, type Caller, requireSomebody } from "../http/callers.ts";
import type { Asked } from "../http/event-log.ts";
import { type Refusal, STATUS } from "../http/refusal.ts";
import { type Answering, answered, type ServeContext } from "../http/serve.ts";
import type { AppRequest, AppResponse } from "../http/types.ts";
import { decodePart, hostOf, splitUrl } from "../http/url.ts";
import { visibleWorkspaces } from "../http/workspace-access.ts";
import { inParallel } from "../parallel.ts";
import { pageResponse } from "./document.ts";
import { type Html, html } from "./html.ts";
import { experimentView, type ListedRun, runTable, runView, signIn, welcome, workspaceList } from "./views.ts";

/** What the page needs of the app around it. */
export interface PageContext extends ServeContext {
  /** Clients are told to send large files in parts. */
  readonly limitsBodies: boolean;
}

const ROUTE = { name: "page", method: "GET", path: "", permission: "read" } as const;
/** Runs of so many experiments, those that changed last, are looked at. */
const EXPERIMENTS = 25;
const RUNS_AT_HOME = 15;
const RUNS_OF_EXPERIMENT = 100;

const BY_CHANGE = { kind: "number", column: "attribute.last_update_time", descending: true } as const;
const BY_START = { kind: "number", column: "attribute.start_time", descending: true } as const;

/** What a request asks for. */
interface Wanted {
  readonly workspaceName: string;
  /** Of the page: `/` or `/w/<name>/`. */
  readonly base: string;
  readonly origin: string;
  readonly query: URLSearchParams;
}

/** Answers for a person with a browser, who has followed the address of the server or a link that a client has printed. Never throws. */
export function answerPage(context: PageContext, request: AppRequest): Promise<AppResponse> {
  const progress: Progress = {};
  const answering: Answering = {
    work: () => answerOf(context, request, progress),
    asked: () => askedBy(progress),
    refuse: refusalPage,
  };
  return answered(answering, context, request);
}

/** What is known of a request so far. */
interface Progress {
  caller?: Caller;
  workspaceId?: string;
}

function askedBy({ caller, workspaceId }: Progress): Asked | undefined {
  return caller && { route: ROUTE, caller, workspaceId, resources: {} };
}

async function answerOf(context: PageContext, request: AppRequest, progress: Progress): Promise<AppResponse> {
  const wanted = wantedBy(request);
  const caller = await context.identify(request);
  progress.caller = caller;
  const shows = wanted.query.has("run") || wanted.query.has("experiment") || wanted.query.has("sign-in");
  const hasTried = request.headers.get("authorization") !== null;
  if (shows || hasTried) requireSomebody(caller);
  return pageResponse(200, "Cairn", await content(context, caller, wanted, progress));
}

function wantedBy(request: AppRequest): Wanted {
  const { path, query } = splitUrl(request.url);
  const name = /^\/w\/([^/]+)\/?$/i.exec(path)?.[1];
  const workspaceName = name === undefined ? DEFAULT_WORKSPACE : decodePart(name);
  const base = name === undefined ? "/" : `/w/${encodeURIComponent(workspaceName)}/`;
  const scheme = request.url.slice(0, request.url.indexOf("://"));
  return { workspaceName, base, origin: `${scheme}://${hostOf(request.url)}`, query: new URLSearchParams(query) };
}

async function content(
  { realm, limitsBodies }: PageContext,
  caller: Caller,
  wanted: Wanted,
  progress: Progress,
): Promise<Html> {
  const { base, query, workspaceName } = wanted;
  if (caller.kind === "anonymous") return html`${home(wanted, true, limitsBodies)}${signIn(base)}`;
  const others = base === "/" ? await otherWorkspaces(realm, caller) : [];
  const isHome = !query.has("run") && !query.has("experiment");
  // Who is at home elsewhere is shown the way.
  if (isHome && others.length > 0 && !(await isAtHome(realm, caller, workspaceName))) {
    return html`${home(wanted, true, limitsBodies)}${workspaceList(others)}`;
  }
  const admission = await admit(realm, caller, ROUTE, workspaceName);
  progress.workspaceId = admission!.workspace.id;
  const workspace = await openLocated(realm, admission!.workspace);
  const runId = query.get("run");
  if (runId !== null) return runView(base, await withExperiment(workspace, await getRun(workspace, runId)));
  const experimentId = query.get("experiment");
  if (experimentId !== null) return experimentPage(workspace, base, experimentId);
  const latest = runTable(base, "Latest runs", await latestRuns(workspace));
  return html`${home(wanted, caller.kind !== "loopback", limitsBodies)}${latest}${workspaceList(others)}`;
}

const home = ({ origin, base }: Wanted, needsKey: boolean, limitsBodies: boolean): Html =>
  welcome(origin, base.replace(/\/$/, ""), { needsKey, limitsBodies }, packageJson.version);

async function otherWorkspaces(realm: Realm, caller: Caller): Promise<string[]> {
  const visible = await visibleWorkspaces(realm, caller);
  return visible.map(({ name }) => name).filter((name) => name !== DEFAULT_WORKSPACE);
}

async function isAtHome(realm: Realm, caller: Caller, workspaceName: string): Promise<boolean> {
  return admit(realm, caller, ROUTE, workspaceName).then(
    () => true,
    (error) => {
      if (error instanceof WorkspaceError) return false;
      throw error;
    },
  );
}

async function experimentPage(workspace: Workspace, base: string, experimentId: string): Promise<Html> {
  const experiment = await getExperiment(workspace, experimentId);
  return experimentView(base, experiment, await runsOf(workspace, [experiment], RUNS_OF_EXPERIMENT));
}

async function latestRuns(workspace: Workspace): Promise<ListedRun[]> {
  const { experiments } = await searchExperiments(workspace, {
    clauses: [],
    orderBy: [BY_CHANGE],
    limit: EXPERIMENTS,
    view: "ACTIVE_ONLY",
  });
  return runsOf(workspace, experiments, RUNS_AT_HOME);
}

async function runsOf(workspace: Workspace, experiments: readonly Experiment[], limit: number): Promise<ListedRun[]> {
  const names = new Map(experiments.map(({ experimentId, name }) => [experimentId, name]));
  const request = { clauses: [], orderBy: [BY_START], limit, view: "ACTIVE_ONLY" } as const;
  const { runs } = await searchRuns(workspace, [...names.keys()], request);
  const loaded = await inParallel(runs, (run) => run.load());
  return loaded
    .filter((run) => run !== undefined)
    .map((run) => ({ run, experimentName: names.get(run.view.attributes.experimentId) ?? "" }));
}

async function withExperiment(workspace: Workspace, run: Run): Promise<ListedRun> {
  const { name } = await getExperiment(workspace, run.view.attributes.experimentId);
  return { run, experimentName: name };
}

/** Only here is a browser told that its user may sign in: clients of the API would stop their scripts to ask for a password. */
const CHALLENGE = { "www-authenticate": 'Basic realm="Cairn", charset="UTF-8"' };

export function refusalPage({ code, message }: Refusal): AppResponse {
  return messagePage(STATUS[code], message, code === "Unauthenticated" ? CHALLENGE : undefined);
}

const messagePage = (status: number, words: string, headers?: Record<string, string>): AppResponse =>
  pageResponse(status, "Cairn", html`<h1>Cairn</h1>\n<p>${words}</p>\n<p><a href="/">Start page</a></p>`, headers);
