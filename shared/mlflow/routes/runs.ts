import { PARENT_TAG } from "../../domain/access/run-scope.ts";
import { invalid } from "../../domain/errors.ts";
import { logInputs, logOutputs } from "../../domain/runs/inputs.ts";
import { logBatch, logMetric, logParam } from "../../domain/runs/log.ts";
import { recordModel } from "../../domain/runs/log-model.ts";
import { createRun, deleteRun, deleteTag, getRun, restoreRun, setTag, updateRun } from "../../domain/runs/runs.ts";
import { ENDED, RUN_STATUSES } from "../../domain/runs/types.ts";
import type { Tag } from "../../domain/tag.ts";
import { BATCH_BYTES, DATASETS_BYTES } from "../../http/body.ts";
import type { Caller } from "../../http/callers.ts";
import { METRIC, METRIC_FIELDS, runInfoJson, runJson, TAGS, toPoint } from "../entities.ts";
import { enumeration, int64, list, message, optional, required, string, withDefault } from "../message.ts";
import { creation, EMPTY, LOGGED, ok, route } from "../route.ts";
import { requireRun } from "../run-reference.ts";

/** Clients send the id twice, under its old name too; either will do. */
const RUN_REFERENCE = { run_id: optional(string), run_uuid: optional(string) };

const DATASET = message({
  name: required(string),
  digest: required(string),
  source_type: required(string),
  source: required(string),
  schema: optional(string),
  profile: optional(string),
});

const DATASET_INPUT = message({ tags: withDefault(TAGS, []), dataset: required(DATASET) });
const MODEL_INPUT = message({ model_id: required(string) });
const MODEL_OUTPUT = message({ model_id: required(string), step: withDefault(int64, 0) });

const DATASET_INPUTS = list(DATASET_INPUT);
const MODEL_INPUTS = list(MODEL_INPUT);
const MODEL_OUTPUTS = list(MODEL_OUTPUT);

/** Points with a model are the model's too. */
function modelsOf(metrics: readonly { model_id?: string }[]): string[] {
  return [...new Set(metrics.flatMap(({ model_id }) => (model_id ? [model_id] : [])))];
}

function parentOf(tags: readonly Tag[]): string | undefined {
  return tags.findLast(({ key }) => key === PARENT_TAG)?.value || undefined;
}

/** What a script begins without saying where it belongs, belongs to the script's own run. */
function tagsFor(caller: Caller, tags: readonly Tag[]): readonly Tag[] {
  if (caller.kind !== "run" || parentOf(tags) !== undefined) return tags;
  return [...tags, { key: PARENT_TAG, value: caller.id }];
}

export const runRoutes = [
  creation({
    name: "runs_create",
    method: "POST",
    path: "2.0/mlflow/runs/create",
    permission: "write",
    mayBeFirst: true,
    maxBodyBytes: BATCH_BYTES,
    request: {
      experiment_id: withDefault(string, ""),
      user_id: withDefault(string, ""),
      run_name: optional(string),
      start_time: optional(int64),
      tags: withDefault(TAGS, []),
    },
    writes: ({ input, caller }) => ({ runs: [parentOf(tagsFor(caller, input.tags))] }),
    handle: async ({ workspace, input, caller }) => {
      const run = await createRun(workspace, {
        experimentId: input.experiment_id,
        userId: input.user_id,
        name: input.run_name,
        startMs: input.start_time,
        tags: tagsFor(caller, input.tags),
      });
      return { runId: run.view.attributes.runId, json: await runJson(workspace, run) };
    },
    made: ({ runId }) => ({ runId }),
    answer: ({ json }) => ok({ run: json }),
  }),
  route({
    name: "runs_get",
    method: "GET",
    path: "2.0/mlflow/runs/get",
    permission: "read",
    request: RUN_REFERENCE,
    handle: async ({ workspace, input }) =>
      ok({ run: await runJson(workspace, await getRun(workspace, requireRun(input))) }),
  }),
  route({
    name: "runs_update",
    method: "POST",
    path: "2.0/mlflow/runs/update",
    permission: "write",
    request: {
      ...RUN_REFERENCE,
      status: optional(enumeration(RUN_STATUSES)),
      end_time: optional(int64),
      run_name: optional(string),
    },
    writes: ({ input }) => ({ runs: [requireRun(input)], isEnd: ENDED.some((status) => status === input.status) }),
    handle: async ({ workspace, input }) => {
      const { status, end_time: endMs, run_name: name } = input;
      const info = await updateRun(workspace, requireRun(input), { status, endMs, name });
      return ok({ run_info: runInfoJson(info, "active") });
    },
  }),
  route({
    name: "runs_delete",
    method: "POST",
    path: "2.0/mlflow/runs/delete",
    permission: "write",
    request: { run_id: required(string) },
    handle: async ({ workspace, input }) => {
      await deleteRun(workspace, input.run_id);
      return EMPTY;
    },
  }),
  route({
    name: "runs_restore",
    method: "POST",
    path: "2.0/mlflow/runs/restore",
    permission: "write",
    request: { run_id: required(string) },
    handle: async ({ workspace, input }) => {
      await restoreRun(workspace, input.run_id);
      return EMPTY;
    },
  }),
  route({
    name: "runs_log_metric",
    method: "POST",
    path: "2.0/mlflow/runs/log-metric",
    permission: "write",
    withoutEvent: LOGGED,
    request: { ...RUN_REFERENCE, ...METRIC_FIELDS },
    writes: ({ input }) => ({ runs: [requireRun(input)], models: input.model_id ? [input.model_id] : [] }),
    handle: async ({ workspace, input }) => {
      if (Boolean(input.dataset_name) !== Boolean(input.dataset_digest)) {
        throw invalid("Both dataset_name and dataset_digest must be provided if one is provided");
      }
      await logMetric(workspace, requireRun(input), toPoint(input));
      return EMPTY;
    },
  }),
  route({
    name: "runs_log_parameter",
    method: "POST",
    path: "2.0/mlflow/runs/log-parameter",
    permission: "write",
    withoutEvent: LOGGED,
    request: { ...RUN_REFERENCE, key: required(string), value: withDefault(string, "") },
    writes: ({ input }) => ({ runs: [requireRun(input)] }),
    handle: async ({ workspace, input }) => {
      await logParam(workspace, requireRun(input), input);
      return EMPTY;
    },
  }),
  route({
    name: "runs_set_tag",
    method: "POST",
    path: "2.0/mlflow/runs/set-tag",
    permission: "write",
    withoutEvent: LOGGED,
    request: { ...RUN_REFERENCE, key: required(string), value: withDefault(string, "") },
    writes: ({ input }) => ({ runs: [requireRun(input)] }),
    handle: async ({ workspace, input }) => {
      await setTag(workspace, requireRun(input), input);
      return EMPTY;
    },
  }),
  route({
    name: "runs_delete_tag",
    method: "POST",
    path: "2.0/mlflow/runs/delete-tag",
    permission: "write",
    withoutEvent: LOGGED,
    request: { run_id: required(string), key: required(string) },
    writes: ({ input }) => ({ runs: [input.run_id] }),
    handle: async ({ workspace, input }) => {
      await deleteTag(workspace, input.run_id, input.key);
      return EMPTY;
    },
  }),
  route({
    name: "runs_log_batch",
    method: "POST",
    path: "2.0/mlflow/runs/log-batch",
    permission: "write",
    withoutEvent: LOGGED,
    maxBodyBytes: BATCH_BYTES,
    request: {
      run_id: required(string),
      metrics: withDefault(list(METRIC), []),
      params: withDefault(TAGS, []),
      tags: withDefault(TAGS, []),
    },
    writes: ({ input }) => ({ runs: [input.run_id], models: modelsOf(input.metrics) }),
    handle: async ({ workspace, input }) => {
      const { run_id, metrics, params, tags } = input;
      await logBatch(workspace, run_id, { metrics: metrics.map(toPoint), params, tags });
      return EMPTY;
    },
  }),
  route({
    name: "runs_log_inputs",
    method: "POST",
    path: "2.0/mlflow/runs/log-inputs",
    permission: "write",
    withoutEvent: LOGGED,
    maxBodyBytes: DATASETS_BYTES,
    request: {
      run_id: required(string),
      datasets: withDefault(DATASET_INPUTS, []),
      models: withDefault(MODEL_INPUTS, []),
    },
    writes: ({ input }) => ({ runs: [input.run_id] }),
    handle: async ({ workspace, input }) => {
      const datasets = input.datasets.map(({ tags, dataset }) => ({
        ...dataset,
        sourceType: dataset.source_type,
        tags,
      }));
      await logInputs(
        workspace,
        input.run_id,
        datasets,
        input.models.map(({ model_id }) => model_id),
      );
      return EMPTY;
    },
  }),
  route({
    name: "runs_outputs",
    method: "POST",
    path: "2.0/mlflow/runs/outputs",
    permission: "write",
    withoutEvent: LOGGED,
    maxBodyBytes: BATCH_BYTES,
    request: {
      run_id: required(string),
      models: required(MODEL_OUTPUTS),
    },
    writes: ({ input }) => ({ runs: [input.run_id] }),
    handle: async ({ workspace, input }) => {
      const outputs = input.models.map(({ model_id, step }) => ({ modelId: model_id, step }));
      await logOutputs(workspace, input.run_id, outputs);
      return EMPTY;
    },
  }),
  route({
    name: "runs_log_model",
    method: "POST",
    path: "2.0/mlflow/runs/log-model",
    permission: "write",
    withoutEvent: LOGGED,
    maxBodyBytes: BATCH_BYTES,
    request: { run_id: required(string), model_json: required(string) },
    writes: ({ input }) => ({ runs: [input.run_id] }),
    handle: async ({ workspace, input }) => {
      await recordModel(workspace, input.run_id, input.model_json);
      return EMPTY;
    },
  }),
];
