import { exceeds, firstCharacters } from "../characters.ts";
import { invalid } from "./errors.ts";

/** Limits per request and value; MLflow 3.17's own (mlflow/utils/validation.py). */
export const LIMITS = {
  key: 250,
  paramValue: 6000,
  runTagValue: 8000,
  experimentName: 500,
  experimentTagValue: 20_000,
  registryTagValue: 100_000,
  registryDescription: 5000,
  alias: 255,
  artifactLocation: 2048,
  datasetName: 500,
  datasetDigest: 36,
  datasetSource: 65_535,
  datasetSchema: 1_048_575,
  datasetProfile: 16_777_215,
  inputTagKey: 255,
  inputTagValue: 500,
  metricsPerBatch: 1000,
  paramsPerBatch: 100,
  tagsPerBatch: 100,
  entitiesPerBatch: 1000,
  datasetsPerRequest: 1000,
} as const;

const NAME = /^[/\p{L}\p{N}_.\- :]*$/u;
export const RUN_ID = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,255}$/;
export const EXPERIMENT_ID = /^[0-9]{1,64}$/;
const ALIAS = /^[\p{L}\p{N}_-]*$/u;
const SHOWN_CHARACTERS = 200;

/** "Invalid value … for parameter … supplied", as MLflow words it; long values are shown in part. */
export function invalidValue(path: string, value: unknown, hint?: string): Error {
  return invalid(`Invalid value ${shown(value)} for parameter '${path}' supplied${hint ? `: ${hint}` : "."}`);
}

export function missingValue(path: string): Error {
  return invalid(
    `Missing value for required parameter '${path}'. See the API docs for more information about request parameters.`,
  );
}

export function requireLength(entity: string, value: string, limit: number): void {
  if (exceeds(value, limit)) throw invalid(`'${entity}' exceeds the maximum length of ${limit} characters`);
}

/** Names come again and again: those that were found good need no second look. None that is too long is kept. */
const goodNames = new Set<string>();
const MAX_GOOD_NAMES = 10_000;

/** The name of a metric, param or tag: a limited alphabet, and no path but its own when taken for one. */
export function requireEntityName(path: string, name: string): void {
  if (goodNames.has(name)) return;
  checkEntityName(path, name);
  if (exceeds(name, LIMITS.key)) return;
  if (goodNames.size >= MAX_GOOD_NAMES) goodNames.clear();
  goodNames.add(name);
}

function checkEntityName(path: string, name: string): void {
  if (!NAME.test(name)) {
    throw invalidValue(
      path,
      name,
      "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
    );
  }
  requireStablePath(path, name);
}

function requireStablePath(path: string, name: string): void {
  const normal = normalPath(name);
  if (normal === name && normal !== "." && !normal.startsWith("..") && !normal.startsWith("/")) return;
  throw invalidValue(
    path,
    name,
    "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. " +
      `This name would resolve to '${normal}'`,
  );
}

export function requireRunId(runId: string): void {
  if (!RUN_ID.test(runId)) throw invalidValue("run_id", runId);
}

export function requireExperimentId(experimentId: string): void {
  if (!EXPERIMENT_ID.test(experimentId)) {
    throw invalid(`Invalid experiment ID '${cut(experimentId)}'. Experiment ID must be a valid integer.`);
  }
}

export function requireExperimentName(name: string): void {
  if (name.trim() === "") throw invalid(`Invalid experiment name: '${name}'`);
  requireLength("name", name, LIMITS.experimentName);
}

export function requireModelName(name: string, parameter = "name"): void {
  if (name.trim() === "") throw missingValue(parameter);
  if (/[/:]/.test(name)) throw invalid(`Invalid model name '${cut(name)}'. Names cannot contain '/' or ':'.`);
  requireStablePath("name", name);
  requireLength("name", name, 256);
}

export function requireAlias(alias: string): void {
  if (alias === "") throw invalid("Registered model alias name cannot be empty.");
  if (!ALIAS.test(alias)) {
    throw invalid(
      `Invalid alias name: '${cut(alias)}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`,
    );
  }
  requireLength("Registered model alias name", alias, LIMITS.alias);
}

/** This alias always means the newest version. */
export function isReservedForLatest(alias: string): boolean {
  return alias.toLowerCase() === "latest";
}

export function requireAliasNotReserved(alias: string): void {
  if (isReservedForLatest(alias)) throw invalid("'latest' alias name (case insensitive) is reserved.");
  if (/^[vV]\d+$/.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`);
}

/** Tag values of runs and values of params that are too long are cut, as MLflow's server does by default. */
export function truncated(value: string, limit: number): string {
  return firstCharacters(value, limit);
}

/** As Python's posixpath.normpath. */
export function normalPath(path: string): string {
  const leading = path.startsWith("//") && !path.startsWith("///") ? "//" : path.startsWith("/") ? "/" : "";
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== ".." || (!leading && (parts.length === 0 || parts.at(-1) === ".."))) parts.push(part);
    else parts.pop();
  }
  return leading + parts.join("/") || ".";
}

function shown(value: unknown): string {
  return cut(typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value)));
}

export function cut(text: string): string {
  return exceeds(text, SHOWN_CHARACTERS) ? `${firstCharacters(text, SHOWN_CHARACTERS)}…` : text;
}

/** The list in a tag that holds JSON; empty where somebody put something else there. */
export function jsonList<T>(text: string | undefined): T[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
