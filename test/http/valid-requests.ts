import type { Input } from "./support.ts";
import { TIME_MS, type World } from "./world.ts";

export interface ValidRequest {
  readonly input?: Input;
  /** Path parameters. */
  readonly path?: Record<string, string>;
  /** For routes whose body is no JSON. */
  readonly body?: string;
  /** 200 unless said otherwise. */
  readonly status?: number;
}

const dataset = { name: "d", digest: "1", source_type: "local", source: "s", schema: "{}", profile: "{}" };

let fresh = 0;
const unique = (): string => `fresh-${process.pid}-${++fresh}`;

/**
 * One request for each MLflow operation that succeeds in a fresh world, with every field that the operation knows. Tests make their bad
 * requests of these, and a route that is missing here fails the test of the route table.
 */
export const VALID: Record<string, (world: World) => ValidRequest> = {
  experiments_create: () => ({
    input: { name: unique(), artifact_location: "mlflow-artifacts:/kept/here", tags: [{ key: "k", value: "v" }] },
  }),
  experiments_get: ({ experimentId }) => ({ input: { experiment_id: experimentId } }),
  experiments_get_by_name: ({ experimentName }) => ({ input: { experiment_name: experimentName } }),
  experiments_search: () => ({ input: searchInput("attribute.name != 'x'", "name ASC", "view_type") }),
  experiments_search_get: () => ({ input: searchInput("attribute.name != 'x'", "name ASC", "view_type") }),
  experiments_update: ({ experimentId }) => ({ input: { experiment_id: experimentId, new_name: unique() } }),
  experiments_delete: ({ experimentId }) => ({ input: { experiment_id: experimentId } }),
  experiments_restore: ({ deletedExperimentId }) => ({ input: { experiment_id: deletedExperimentId } }),
  experiments_set_tag: ({ experimentId }) => ({ input: { experiment_id: experimentId, key: "k", value: "v" } }),
  experiments_delete_tag: ({ experimentId }) => ({ input: { experiment_id: experimentId, key: "team" } }),

  runs_create: ({ experimentId }) => ({
    input: { experiment_id: experimentId, user_id: "u", run_name: "r", start_time: TIME_MS, tags: [pair("k", "v")] },
  }),
  runs_get: ({ runId }) => ({ input: { run_id: runId, run_uuid: runId } }),
  runs_update: ({ runId }) => ({
    input: { run_id: runId, run_uuid: runId, status: "FINISHED", end_time: TIME_MS, run_name: "r" },
  }),
  runs_delete: ({ runId }) => ({ input: { run_id: runId } }),
  runs_restore: ({ deletedRunId }) => ({ input: { run_id: deletedRunId } }),
  runs_log_metric: ({ runId }) => ({
    input: {
      run_id: runId,
      run_uuid: runId,
      key: "m",
      value: 1,
      timestamp: TIME_MS,
      step: 1,
      dataset_name: "d",
      dataset_digest: "1",
      model_id: "",
    },
  }),
  runs_log_parameter: ({ runId }) => ({ input: { run_id: runId, run_uuid: runId, key: "p", value: "v" } }),
  runs_set_tag: ({ runId }) => ({ input: { run_id: runId, run_uuid: runId, key: "t", value: "v" } }),
  runs_delete_tag: ({ runId }) => ({ input: { run_id: runId, key: "kind" } }),
  runs_log_batch: ({ runId }) => ({
    input: {
      run_id: runId,
      metrics: [{ key: "m", value: 1, timestamp: TIME_MS, step: 0 }],
      params: [pair("p", "v")],
      tags: [pair("t", "v")],
    },
  }),
  runs_log_inputs: ({ runId, modelId }) => ({
    input: { run_id: runId, datasets: [{ tags: [pair("k", "v")], dataset }], models: [{ model_id: modelId }] },
  }),
  runs_outputs: ({ runId, modelId }) => ({ input: { run_id: runId, models: [{ model_id: modelId, step: 1 }] } }),
  runs_log_model: ({ runId }) => ({ input: { run_id: runId, model_json: modelJson(runId) } }),
  runs_search: ({ experimentId }) => ({
    input: {
      experiment_ids: [experimentId],
      filter: "metrics.loss > 0",
      run_view_type: "ALL",
      max_results: 5,
      order_by: ["start_time"],
      page_token: "",
    },
  }),
  metrics_get_history: ({ runId }) => ({
    input: { run_id: runId, run_uuid: runId, metric_key: "loss", max_results: 10, page_token: "" },
  }),
  metrics_get_history_bulk: ({ runId }) => ({ input: { run_id: [runId], metric_key: "loss", max_results: 10 } }),
  metrics_get_history_bulk_interval: ({ runId }) => ({
    input: { run_ids: [runId], metric_key: "loss", start_step: 0, end_step: 5, max_results: 10 },
  }),

  logged_models_create: ({ experimentId, runId }) => ({
    input: {
      experiment_id: experimentId,
      name: "net",
      model_type: "t",
      source_run_id: runId,
      params: [pair("p", "v")],
      tags: [pair("t", "v")],
    },
  }),
  logged_models_search: ({ experimentId }) => ({
    input: {
      experiment_ids: [experimentId],
      filter: "name = 'net'",
      datasets: [{ dataset_name: "d", dataset_digest: "1" }],
      max_results: 5,
      order_by: [{ field_name: "metrics.m", ascending: false, dataset_name: "d", dataset_digest: "1" }],
      page_token: "",
    },
  }),
  logged_models_get: ({ modelId }) => ({ path: { model_id: modelId }, input: { allow_deleted: "True" } }),
  logged_models_finalize: ({ modelId }) => ({
    path: { model_id: modelId },
    input: { model_id: modelId, status: "LOGGED_MODEL_READY" },
  }),
  logged_models_delete: ({ modelId }) => ({ path: { model_id: modelId }, input: { model_id: modelId } }),
  logged_models_log_params: ({ modelId }) => ({
    path: { model_id: modelId },
    input: { model_id: modelId, params: [pair("p", "v")] },
  }),
  logged_models_set_tags: ({ modelId }) => ({
    path: { model_id: modelId },
    input: { model_id: modelId, tags: [pair("t", "v")] },
  }),
  logged_models_delete_tag: ({ modelId }) => ({ path: { model_id: modelId, tag_key: "kind" } }),

  logged_models_artifacts_list: ({ modelId }) => ({
    path: { model_id: modelId },
    input: { artifact_directory_path: "model" },
  }),
  logged_models_artifacts_get: ({ modelId }) => ({
    path: { model_id: modelId },
    input: { artifact_file_path: "model/MLmodel" },
  }),

  registered_models_create: () => ({ input: { name: unique(), tags: [pair("k", "v")], description: "d" } }),
  registered_models_get: ({ registeredModel }) => ({ input: { name: registeredModel } }),
  registered_models_search: () => ({ input: searchInput("name LIKE '%'", "name DESC") }),
  registered_models_update: ({ registeredModel }) => ({ input: { name: registeredModel, description: "d" } }),
  registered_models_rename: ({ registeredModel }) => ({ input: { name: registeredModel, new_name: unique() } }),
  registered_models_delete: ({ registeredModel }) => ({ input: { name: registeredModel } }),
  registered_models_latest_versions: ({ registeredModel }) => ({ input: { name: registeredModel, stages: ["None"] } }),
  registered_models_latest_versions_get: ({ registeredModel }) => ({
    input: { name: registeredModel, stages: ["None"] },
  }),
  registered_models_set_tag: ({ registeredModel }) => ({ input: { name: registeredModel, key: "k", value: "v" } }),
  registered_models_delete_tag: ({ registeredModel }) => ({ input: { name: registeredModel, key: "team" } }),
  registered_models_set_alias: ({ registeredModel }) => ({
    input: { name: registeredModel, alias: "a", version: "1" },
  }),
  registered_models_get_alias: ({ registeredModel }) => ({ input: { name: registeredModel, alias: "best" } }),
  registered_models_delete_alias: ({ registeredModel }) => ({ input: { name: registeredModel, alias: "best" } }),

  model_versions_create: ({ registeredModel, runId }) => ({
    input: {
      name: registeredModel,
      source: `runs:/${runId}/model`,
      run_id: runId,
      tags: [pair("k", "v")],
      run_link: "https://example.org/run",
      description: "d",
      model_id: "",
    },
  }),
  model_versions_get: ({ registeredModel }) => ({ input: { name: registeredModel, version: "1" } }),
  model_versions_search: () => ({ input: searchInput("version_number > 0", "name ASC") }),
  model_versions_update: ({ registeredModel }) => ({
    input: { name: registeredModel, version: "1", description: "d" },
  }),
  model_versions_transition_stage: ({ registeredModel }) => ({
    input: { name: registeredModel, version: "1", stage: "Staging", archive_existing_versions: true },
  }),
  model_versions_delete: ({ registeredModel }) => ({ input: { name: registeredModel, version: "1" } }),
  model_versions_get_download_uri: ({ registeredModel }) => ({ input: { name: registeredModel, version: "1" } }),
  model_versions_set_tag: ({ registeredModel }) => ({
    input: { name: registeredModel, version: "1", key: "k", value: "v" },
  }),
  model_versions_delete_tag: ({ registeredModel }) => ({
    input: { name: registeredModel, version: "1", key: "team" },
  }),

  artifacts_list: ({ artifactFolder }) => ({ input: { path: artifactFolder } }),
  artifacts_download: ({ artifact }) => ({ path: { path: artifact } }),
  artifacts_upload: ({ artifactFolder }) => ({ path: { path: `${artifactFolder}/new.txt` }, body: "new" }),
  artifacts_delete: ({ artifact }) => ({ path: { path: artifact } }),
  artifacts_multipart_create: ({ artifactFolder }) => ({
    path: { path: artifactFolder },
    input: { path: "big.bin", num_parts: 2 },
  }),
  artifacts_multipart_complete: ({ artifactFolder }) => ({
    path: { path: artifactFolder },
    input: { path: "big.bin", upload_id: "0123456789abcdef", parts: [{ part_number: 1, etag: "", url: "" }] },
    status: 400,
  }),
  artifacts_multipart_abort: ({ artifactFolder }) => ({
    path: { path: artifactFolder },
    input: { path: "big.bin", upload_id: "0123456789abcdef" },
  }),
  artifacts_presigned_download: ({ artifact }) => ({ path: { path: artifact } }),
  run_artifacts_list: ({ runId }) => ({ input: { run_id: runId, run_uuid: runId, path: "model", page_token: "" } }),

  server_info: () => ({}),
  workspaces_list: () => ({}),
  workspaces_create: () => ({
    input: { name: unique(), description: "d", default_artifact_root: "" },
    status: 201,
  }),
  workspaces_get: () => ({ path: { name: "default" } }),
  workspaces_update: () => ({ path: { name: "default" }, input: { description: "d", default_artifact_root: "" } }),
  workspaces_delete: () => ({ path: { name: "default" }, input: { mode: "RESTRICT" }, status: 400 }),

  graphql: ({ runId }) => ({
    input: {
      query: "query GetRun($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) { run { info { runName } } } }",
      variables: { data: { runId } },
      operationName: "GetRun",
    },
  }),
  run_artifacts_get: ({ runId }) => ({ input: { run_id: runId, run_uuid: runId, path: "model/weights.txt" } }),
  model_versions_artifacts_get: ({ registeredModel }) => ({
    input: { name: registeredModel, version: "1", path: "weights.txt" },
  }),
  experiments_search_datasets: ({ experimentId }) => ({ input: { experiment_ids: [experimentId] } }),
  traces_search: () => ({}),
  traces_metrics: () => ({}),
  datasets_search: () => ({}),
  scorers_list: () => ({}),
  issues_search: () => ({}),
  gateway_proxy: () => ({}),
  ui_telemetry: () => ({}),
};

function pair(key: string, value: string): Input {
  return { key, value };
}

function searchInput(filter: string, order: string, viewField?: string): Input {
  return { filter, max_results: 10, order_by: [order], page_token: "", ...(viewField && { [viewField]: "ALL" }) };
}

function modelJson(runId: string): string {
  return JSON.stringify({ artifact_path: "model", flavors: {}, utc_time_created: "2026-01-01", run_id: runId });
}
