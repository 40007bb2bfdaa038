import type { Experiment } from "../domain/experiments.ts";
import { int64Json } from "../domain/int64.ts";
import type { LoggedModel } from "../domain/logged-models/models.ts";
import type { Point } from "../domain/metrics/points.ts";
import type { NamedVersion, RegisteredModel } from "../domain/registry/types.ts";
import { loadInput } from "../domain/runs/inputs.ts";
import type { Run } from "../domain/runs/runs.ts";
import type { RunAttributes } from "../domain/runs/types.ts";
import type { Stage } from "../domain/stage.ts";
import type { Workspace } from "../domain/workspace.ts";
import { inParallel } from "../parallel.ts";
import { double, int64, list, message, optional, present, required, string, withDefault } from "./message.ts";

/** A tag or param in a request; the value may be empty or absent. */
const TAG = message({ key: required(string), value: withDefault(string, "") });
export const TAGS = list(TAG);

/** What a metric has, alone and in a batch. */
export const METRIC_FIELDS = {
  key: required(string),
  value: present(double),
  timestamp: present(int64),
  step: withDefault(int64, 0),
  model_id: optional(string),
  dataset_name: optional(string),
  dataset_digest: optional(string),
};

/** A metric in a batch. */
export const METRIC = message({ ...METRIC_FIELDS, run_id: optional(string) });

type MetricMessage = ReturnType<typeof METRIC>;

export function toPoint({ key, value, timestamp, step, model_id, dataset_name, dataset_digest }: MetricMessage): Point {
  if (!model_id && !dataset_name && !dataset_digest) return { key, value, timestamp, step };
  const origin = {
    ...(model_id && { modelId: model_id }),
    ...(dataset_name && { datasetName: dataset_name }),
    ...(dataset_digest && { datasetDigest: dataset_digest }),
  };
  return { key, value, timestamp, step, origin };
}

export function experimentJson(workspace: Workspace, experiment: Experiment) {
  return {
    experiment_id: experiment.experimentId,
    name: experiment.name,
    artifact_location: experiment.artifactLocation,
    lifecycle_stage: experiment.stage,
    last_update_time: experiment.updatedMs,
    creation_time: experiment.createdMs,
    tags: pairs(experiment.tags),
    workspace: workspace.name,
  };
}

export function runInfoJson(run: RunAttributes, stage: Stage) {
  return {
    run_id: run.runId,
    run_uuid: run.runId,
    run_name: run.name,
    experiment_id: run.experimentId,
    user_id: run.userId,
    status: run.status,
    start_time: int64Json(run.startMs),
    ...(run.endMs !== undefined && { end_time: int64Json(run.endMs) }),
    artifact_uri: run.artifactUri,
    lifecycle_stage: stage,
  };
}

/** A whole run; datasets whose schema or profile is long are read from their blobs. */
export async function runJson(workspace: Workspace, run: Run) {
  const { view } = run;
  const inputs = await inParallel([...view.section("inputs").values()], (input) => loadInput(workspace, input));
  return {
    info: runInfoJson(view.attributes, run.stage),
    data: {
      metrics: latestJson(run.latest),
      params: pairs(view.section("params")),
      tags: pairs(view.section("tags")),
    },
    inputs: {
      dataset_inputs: inputs.map(({ tags, name, digest, sourceType, source, schema, profile }) => ({
        tags: pairs(tags),
        dataset: { name, digest, source_type: sourceType, source, schema, profile },
      })),
      model_inputs: [...view.section("modelInputs").keys()].map((model_id) => ({ model_id })),
    },
    outputs: {
      model_outputs: [...view.section("outputs")].map(([model_id, step]) => ({ model_id, step: int64Json(step) })),
    },
  };
}

function latestJson(latest: ReadonlyMap<string, Point>) {
  return [...latest.values()].sort((a, b) => (a.key < b.key ? -1 : 1)).map((point) => metricJson(point));
}

/** NaN is no JSON number: it travels as text. */
export function metricJson({ key, value, timestamp, step, origin }: Point, runId = origin?.runId) {
  return {
    key,
    value: Number.isNaN(value) ? "NaN" : value,
    timestamp: int64Json(timestamp),
    step: int64Json(step),
    ...(origin?.modelId && { model_id: origin.modelId }),
    ...(origin?.datasetName && { dataset_name: origin.datasetName }),
    ...(origin?.datasetDigest && { dataset_digest: origin.datasetDigest }),
    ...(runId && { run_id: runId }),
  };
}

export function loggedModelJson({ view, points }: LoggedModel) {
  const model = view.attributes;
  return {
    info: {
      model_id: model.modelId,
      experiment_id: model.experimentId,
      name: model.name,
      creation_timestamp_ms: model.createdMs,
      last_updated_timestamp_ms: model.updatedMs,
      artifact_uri: model.artifactUri,
      status: model.status,
      model_type: model.modelType,
      source_run_id: model.sourceRunId ?? "",
      tags: pairs(view.section("tags")),
    },
    data: { params: pairs(view.section("params")), metrics: points.map((point) => metricJson(point)) },
  };
}

/** @param latest the highest version of each stage */
export function registeredModelJson(model: RegisteredModel, latest: readonly NamedVersion[]) {
  return {
    name: model.name,
    creation_timestamp: model.createdMs,
    last_updated_timestamp: model.updatedMs,
    ...(model.description && { description: model.description }),
    latest_versions: latest.map(modelVersionJson),
    tags: pairs(model.tags),
    aliases: model.aliases.map(([alias, version]) => ({ alias, version: String(version) })),
  };
}

export function modelVersionJson({ name, version, aliases }: NamedVersion) {
  return {
    name,
    version: String(version.version),
    creation_timestamp: version.createdMs,
    last_updated_timestamp: version.updatedMs,
    current_stage: version.stage,
    description: version.description,
    source: version.source,
    run_id: version.runId,
    run_link: version.runLink,
    status: "READY",
    tags: pairs(version.tags),
    aliases,
    ...(version.modelId && { model_id: version.modelId }),
  };
}

export function pairs(entries: Iterable<readonly [string, string]>): { key: string; value: string }[] {
  const result: { key: string; value: string }[] = [];
  for (const [key, value] of entries) result.push({ key, value });
  return result;
}
