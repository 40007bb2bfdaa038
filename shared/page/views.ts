import { firstCharacters } from "../characters.ts";
import type { Experiment } from "../domain/experiments.ts";
import type { StoredInt64 } from "../domain/int64.ts";
import type { Run } from "../domain/runs/runs.ts";
import { UPLOAD_VARIABLES } from "../http/large-uploads.ts";
import { type Html, html } from "./html.ts";

/** What one page shows of a list at most; the API has the rest. */
const MAX_ROWS = 500;
const MAX_TEXT = 500;
const METRICS_IN_TABLE = 3;

/** Where a workspace's page lies: `/`, or `/w/<name>/`. */
type Base = string;

/** A run with its experiment's name. */
export interface ListedRun {
  readonly run: Run;
  readonly experimentName: string;
}

/** Text that somebody else wrote: its direction is its own affair, and long ones are cut. */
const foreign = (text: string): Html => {
  const shown = firstCharacters(text, MAX_TEXT);
  return html`<bdi>${shown}${shown === text ? "" : " …"}</bdi>`;
};

const runLink = (base: Base, runId: string): string => `${base}?run=${encodeURIComponent(runId)}`;
const experimentLink = (base: Base, id: string): string => `${base}?experiment=${encodeURIComponent(id)}`;

/** Of whoever took something else for milliseconds, the number is shown. */
function time(ms: StoredInt64 | undefined): string {
  if (ms === undefined) return "";
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? String(ms) : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const uploadLines = (): string =>
  Object.entries(UPLOAD_VARIABLES)
    .map(([name, value]) => `\nexport ${name}=${value}`)
    .join("");

/** What this is, and the lines that bring a script here. */
export function welcome(
  origin: string,
  path: string,
  { needsKey, limitsBodies }: { needsKey: boolean; limitsBodies: boolean },
  version: string,
): Html {
  const address = html`<span data-path="${path}">${origin}${path}</span>`;
  const token = needsKey ? html`\nexport MLFLOW_TRACKING_TOKEN=&lt;your key&gt;` : undefined;
  return html`<h1>Cairn ${version}</h1>
<p>A machine-learning workspace: an MLflow tracking server and model registry. Its address is <code>${address}</code>.
Clients of MLflow need no change:</p>
<pre>export MLFLOW_TRACKING_URI=${address}${token}${limitsBodies ? uploadLines() : ""}</pre>
<pre>import mlflow

with mlflow.start_run():
    mlflow.log_param("rate", 0.1)
    mlflow.log_metric("loss", 0.5)</pre>`;
}

/** For who has shown no credentials: nothing of a workspace. */
export function signIn(base: Base): Html {
  return html`<p>This server asks for a key. <a href="${base}?sign-in">Sign in</a> to see what runs here: any user name will do, your key is the
password.</p>`;
}

/** The other workspaces that a caller can go to. */
export function workspaceList(names: readonly string[]): Html | undefined {
  if (names.length === 0) return undefined;
  const items = names.slice(0, MAX_ROWS).map((name) => html`<li><a href="/w/${name}/">${name}</a></li>`);
  return html`<h2>Workspaces</h2>
<ul>${items}</ul>`;
}

/** A table of runs, the latest first. */
export function runTable(base: Base, title: string, runs: readonly ListedRun[]): Html {
  if (runs.length === 0) return html`<h2>${title}</h2>\n<p>None yet.</p>`;
  return html`<h2>${title}</h2>
<table>
<tr><th>Run</th><th>Experiment</th><th>Status</th><th>Started</th><th>Latest metrics</th></tr>
${runs.map((listed) => runRow(base, listed))}
</table>`;
}

function runRow(base: Base, { run, experimentName }: ListedRun): Html {
  const { runId, experimentId, name, status, startMs } = run.view.attributes;
  return html`<tr><td><a href="${runLink(base, runId)}">${foreign(name)}</a></td><td><a href="${experimentLink(base, experimentId)}">${foreign(experimentName)}</a></td><td>${status}</td><td>${time(startMs)}</td><td>${fewMetrics(run)}</td></tr>
`;
}

function fewMetrics({ latest }: Run): Html[] {
  const points = [...latest.values()].slice(0, METRICS_IN_TABLE);
  const shown = points.map(({ key, value }) => html`${foreign(key)} ${String(value)}<br>`);
  return latest.size > points.length ? [...shown, html`and ${latest.size - points.length} more`] : shown;
}

/** Where a link of an experiment leads. */
export function experimentView(base: Base, experiment: Experiment, runs: readonly ListedRun[]): Html {
  const { experimentId, name, stage, createdMs } = experiment;
  return html`<p><a href="${base}">Cairn</a></p>
<h1>Experiment ${foreign(name)}</h1>
<p>Id <code>${experimentId}</code>, ${stage}, since ${time(createdMs)}.</p>
<pre>mlflow.search_runs(experiment_ids=["${experimentId}"])</pre>
${runTable(base, "Its latest runs", runs)}`;
}

/** Where a link of a run leads. */
export function runView(base: Base, { run, experimentName }: ListedRun): Html {
  const { runId, experimentId, name, status, startMs, endMs, userId } = run.view.attributes;
  const tags = [...run.view.section("tags")].filter(([key]) => !key.startsWith("mlflow."));
  const metrics = [...run.latest.values()].map(({ key, value, step }) => [key, `${value} (step ${step})`] as const);
  const api = `${base}api/2.0/mlflow`;
  return html`<p><a href="${base}">Cairn</a>, <a href="${experimentLink(base, experimentId)}">${foreign(experimentName)}</a></p>
<h1>Run ${foreign(name)}</h1>
<p>Id <code>${runId}</code>, ${status}${run.stage === "deleted" ? ", deleted" : ""}, by ${foreign(userId || "nobody named")}, from ${time(startMs)}
${endMs === undefined ? "" : `to ${time(endMs)}`}.
As JSON: <a href="${api}/runs/get?run_id=${runId}">all of it</a>, <a href="${api}/artifacts/list?run_id=${runId}">its artifacts</a>.</p>
<pre>mlflow.get_run("${runId}")
mlflow.artifacts.download_artifacts(run_id="${runId}")</pre>
${pairTable("Metrics, latest values", metrics)}
${pairTable("Params", [...run.view.section("params")])}
${pairTable("Tags", tags)}`;
}

function pairTable(title: string, pairs: readonly (readonly [string, string])[]): Html | undefined {
  if (pairs.length === 0) return undefined;
  const rows = pairs
    .slice(0, MAX_ROWS)
    .map(([key, value]) => html`<tr><td>${foreign(key)}</td><td>${foreign(value)}</td></tr>\n`);
  const more = pairs.length > MAX_ROWS ? html`<p>And ${pairs.length - MAX_ROWS} more.</p>` : undefined;
  return html`<h2>${title}</h2>
<table>
${rows}</table>${more}`;
}
