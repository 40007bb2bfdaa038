import { localPathOf, requireNoHost, schemeOf } from "../artifact-locations.ts";
import { invalid, WorkspaceError } from "../errors.ts";
import { getLoggedModel } from "../logged-models/models.ts";
import type { ModelAttributes } from "../logged-models/types.ts";
import { decodeFully } from "../percent.ts";
import { readRecord } from "../record.ts";
import type { RunAttributes } from "../runs/types.ts";
import type { Tag } from "../tag.ts";
import { cut, requireRunId } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { getRegisteredModel, resolveAlias } from "./models.ts";
import type { ModelVersion, NamedVersion } from "./types.ts";
import { getModelVersion, listVersions, requireStage } from "./versions.ts";

export interface NewVersion {
  readonly name: string;
  readonly source: string;
  readonly runId?: string;
  readonly modelId?: string;
  readonly runLink?: string;
  readonly description?: string;
  readonly tags: readonly Tag[];
}

/** An address, and what it is said to lie in. */
export type NamedSource = Pick<NewVersion, "source" | "runId" | "modelId">;

export type ResolvedSource = Pick<ModelVersion, "source" | "storageLocation" | "runId" | "modelId">;

const PROMPT_TAG = "mlflow.prompt.is_prompt";
const PROMPT_SOURCES = ["dummy-source", "prompt-template"];
const LOGGED_MODEL_URI = /^models:\/+(m-[0-9a-f]{32})$/;

/**
 * Where the files of a new version are, and that the caller may take them from there: files of a run or logged model are registered
 * naming that run or model, so that nobody registers another's by guessing its address. The rules are those of MLflow 3.17.
 * @throws InvalidParameter
 */
export async function resolveSource(workspace: Workspace, input: NewVersion): Promise<ResolvedSource> {
  if (isPrompt(input.tags)) return promptSource(input);
  requireNoHost("source", input.source);
  const scheme = schemeOf(input.source);
  if (isLocal(input.source)) await requireLocalSource(workspace, input);
  else requirePlainUri(input.source);
  if (scheme === "models") return modelsSource(workspace, input);
  if (scheme === "runs") return runsSource(workspace, input);
  if (isOurArtifact(input.source)) await requireWithinOwner(workspace, input);
  const runId = input.runId || (await sourceRunOf(workspace, input.modelId));
  return { source: input.source, storageLocation: input.source, runId, modelId: input.modelId || undefined };
}

export function isPrompt(tags: Iterable<Tag>): boolean {
  const values = new Map([...tags].map(({ key, value }) => [key, value]));
  return values.get(PROMPT_TAG)?.toLowerCase() === "true";
}

function promptSource({ source, runId = "" }: NewVersion): ResolvedSource {
  if (PROMPT_SOURCES.includes(source)) return { source, storageLocation: source, runId };
  throw invalid(`Invalid prompt source: '${cut(source)}'. Prompt sources must use an MLflow placeholder.`);
}

/**
 * `runs:/<id>/…` must be the run named. It need not be here: registries that moved, or that stand apart, name the runs of another server, which
 * only clients find.
 */
async function runsSource(workspace: Workspace, { source, runId, modelId }: NewVersion): Promise<ResolvedSource> {
  const [, sourceRunId, path = ""] = /^runs:\/+([^/]+)\/?(.*)$/.exec(source) ?? [];
  if (!sourceRunId || modelId) throw wrongOwner(source, modelId ? "model_id" : "run_id");
  if (sourceRunId !== runId) throw wrongOwner(source, "run_id");
  requireRunId(runId);
  const run = await readRecord<RunAttributes>(workspace, runsPartition(workspace, runId));
  if (run?.attributes.kind !== "run") return { source, storageLocation: source, runId };
  return { source, storageLocation: `${run.attributes.artifactUri}/${path}`.replace(/\/$/, ""), runId };
}

/** `models:/<logged model id>`, or another version: `models:/<name>/<version>` and the like. */
async function modelsSource(workspace: Workspace, input: NewVersion): Promise<ResolvedSource> {
  const { source } = input;
  const loggedModelId = LOGGED_MODEL_URI.exec(source)?.[1];
  if (loggedModelId === undefined) return otherVersion(workspace, input);
  if (input.modelId !== loggedModelId) throw wrongOwner(source, "model_id");
  const { attributes } = (await loggedModel(workspace, source, loggedModelId)).view;
  return {
    source,
    storageLocation: attributes.artifactUri,
    runId: input.runId || attributes.sourceRunId || "",
    modelId: loggedModelId,
  };
}

async function otherVersion(workspace: Workspace, input: NewVersion): Promise<ResolvedSource> {
  const { source, runId, modelId } = input;
  const original = await versionOfUri(workspace, source);
  const { version } = original;
  const tags = (await getRegisteredModel(workspace, original.name)).tags.map(([key, value]) => ({ key, value }));
  if (isPrompt(tags)) {
    throw invalid(
      `Invalid model version source: '${cut(source)}'. Prompt versions cannot be used as model version sources.`,
    );
  }
  if (
    (runId !== undefined && runId !== version.runId) ||
    (modelId !== undefined && modelId !== (version.modelId ?? ""))
  ) {
    throw invalid(
      `Invalid model version source: '${cut(source)}'. The run_id and model_id request parameters must match the referenced ` +
        "model version.",
    );
  }
  return {
    source: `models:/${original.name}/${version.version}`,
    storageLocation: version.storageLocation,
    runId: version.runId,
    modelId: version.modelId,
  };
}

/** `models:/name/3`, `models:/name/Production`, `models:/name/latest`, `models:/name@alias`. */
async function versionOfUri(workspace: Workspace, uri: string): Promise<NamedVersion> {
  const path = uri.replace(/^models:\/+/, "");
  const [, name, suffix] = /^([^/@]+)(?:\/([^/@]+))?$/.exec(path) ?? [];
  const [, aliased, alias] = /^([^/@]+)@([^/@]+)$/.exec(path) ?? [];
  if (/^models:\/\//.test(uri) && !/^models:\/\/\//.test(uri)) throw notAModelUri(uri);
  if (aliased && alias) {
    return getModelVersion(workspace, aliased, String(await resolveAlias(workspace, aliased, alias)));
  }
  if (!name || !suffix) throw notAModelUri(uri);
  if (/^\d+$/.test(suffix)) return getModelVersion(workspace, name, suffix);
  const versions = await listVersions(workspace, await getRegisteredModel(workspace, name));
  const stage = suffix.toLowerCase() === "latest" ? undefined : requireStage(suffix);
  const latest = versions.filter(({ version }) => stage === undefined || version.stage === stage).at(-1);
  if (latest) return latest;
  throw invalid(`No versions of model with name '${name}' and stage '${suffix}' found`);
}

/**
 * For callers who register nothing but what is theirs: whatever the scheme, the files lie within the run or logged model named.
 * @throws InvalidParameter
 */
export async function requireOwnSource(workspace: Workspace, input: NamedSource): Promise<void> {
  if (!isLocal(input.source)) requirePlainUri(input.source);
  // Those name a run, model or version themselves, which must be the one named here.
  if (!["runs", "models"].includes(schemeOf(input.source))) await requireWithinOwner(workspace, input);
}

/** The address lies below the root of the run or logged model named. */
async function requireWithinOwner(workspace: Workspace, { source, runId, modelId }: NamedSource): Promise<void> {
  if (modelId) {
    const { attributes } = (await loggedModel(workspace, source, modelId)).view;
    if (!isWithin(source, attributes.artifactUri)) throw wrongOwner(source, "model_id");
    return;
  }
  const run = runId ? await readRecord<RunAttributes>(workspace, runsPartition(workspace, runId)) : undefined;
  if (run?.attributes.kind === "run" && isWithin(source, run.attributes.artifactUri)) return;
  throw wrongOwner(source, "run_id");
}

async function loggedModel(workspace: Workspace, source: string, modelId: string) {
  try {
    return await getLoggedModel(workspace, modelId);
  } catch (error) {
    if (error instanceof WorkspaceError && error.code === "NotFound") throw wrongOwner(source, "model_id");
    throw error;
  }
}

async function sourceRunOf(workspace: Workspace, modelId: string | undefined): Promise<string> {
  if (!modelId) return "";
  const model = await readRecord<ModelAttributes>(workspace, runsPartition(workspace, modelId));
  return model?.attributes.sourceRunId ?? "";
}

function isWithin(source: string, root: string): boolean {
  const path = localPathOf(source);
  const rootPath = localPathOf(root);
  if (path !== undefined && rootPath !== undefined) {
    // Clients on Windows go up by those, too.
    const goesUp = path.split(/[\\/]/).includes("..");
    return !goesUp && (path === rootPath || path.startsWith(`${rootPath}/`));
  }
  const sourceParts = uriParts(source);
  const rootParts = uriParts(root);
  return rootParts.length > 2 && rootParts.every((part, i) => sourceParts[i] === part);
}

/** Scheme, authority and decoded segments. */
function uriParts(uri: string): string[] {
  const [, scheme = "", authority = "", path = ""] = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/]*))?(.*)$/is.exec(uri) ?? [];
  const segments = path.split("/").filter((segment) => segment !== "");
  return [scheme.toLowerCase(), authority.toLowerCase(), ...segments.map((segment) => decodeFully(segment))];
}

function isOurArtifact(source: string): boolean {
  const [scheme, , ...segments] = uriParts(source);
  if (scheme === "mlflow-artifacts") return true;
  return /^https?$/.test(scheme!) && segments.join("/").includes("api/2.0/mlflow-artifacts/artifacts");
}

function requirePlainUri(source: string): void {
  const decoded = decodeFully(source.replaceAll("+", " "));
  if (!decoded.includes("\0") && !decoded.split(/[/\\]/).some((segment) => segment === ".." || segment === ".")) return;
  throw invalid(
    `Invalid model version source: '${cut(source)}'. If supplying a source as an http, https, local file path, ftp, objectstore, ` +
      "or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an " +
      "absolute path.",
  );
}

function isLocal(source: string): boolean {
  return ["", "file"].includes(schemeOf(source));
}

/** A path on a file system that clients share: within the artifacts of the run or logged model named, which lie there too. */
async function requireLocalSource(workspace: Workspace, input: NewVersion): Promise<void> {
  const { source, runId, modelId } = input;
  if (!runId && !modelId) throw localSource(source);
  try {
    await requireWithinOwner(workspace, input);
  } catch (error) {
    throw error instanceof WorkspaceError && error.code === "InvalidParameter" ? localSource(source) : error;
  }
}

function localSource(source: string): Error {
  return invalid(
    `Invalid model version source: '${cut(source)}'. To use a local path as a model version source, the run_id request parameter has ` +
      "to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.",
  );
}

function wrongOwner(source: string, parameter: string): Error {
  return invalid(
    `Invalid model version source: '${cut(source)}'. The ${parameter} request parameter must identify the resource that contains ` +
      "the source.",
  );
}

function notAModelUri(uri: string): Error {
  return invalid(
    `Invalid model version source: '${cut(uri)}'. Accepted forms are models:/<model id>, models:/<name>/<version>, ` +
      "models:/<name>/<stage> and models:/<name>@<alias>.",
  );
}
