import { invalid } from "../../domain/errors.ts";
import { getLoggedModel } from "../../domain/logged-models/models.ts";
import { getModelVersion } from "../../domain/registry/versions.ts";
import { listDatasets } from "../../domain/runs/datasets.ts";
import { getRun } from "../../domain/runs/runs.ts";
import { downloadBelow, filesBelow } from "../artifact-folder.ts";
import { list, object, optional, required, string, versionText, withDefault } from "../message.ts";
import { ok, route } from "../route.ts";
import { requireRun } from "../run-reference.ts";

const MAX_EXPERIMENTS = 20;
const MAX_DATASETS = 1000;
/** The ids of all experiments that one search takes, and more. */
const GRAPHQL_BYTES = 512 * 1024;

/** What MLflow's web page calls, and no client does. */
export const pageRoutes = [
  route({
    name: "graphql",
    method: "POST",
    path: "graphql",
    surface: "root",
    permission: "read",
    maxBodyBytes: GRAPHQL_BYTES,
    request: { query: required(string), variables: optional(object), operationName: optional(string) },
    handle: async ({ workspace, input }) => {
      const { answerGraphql } = await import("../graphql.ts");
      return ok(await answerGraphql(workspace, input));
    },
  }),
  route({
    name: "run_artifacts_get",
    method: "GET",
    path: "get-artifact",
    surface: "root",
    permission: "read",
    request: { run_id: optional(string), run_uuid: optional(string), path: required(string) },
    handle: async ({ workspace, input, request }) => {
      const run = await getRun(workspace, requireRun(input));
      return downloadBelow(workspace, run.view.attributes.artifactUri, input.path, request);
    },
  }),
  route({
    name: "model_versions_artifacts_get",
    method: "GET",
    path: "model-versions/get-artifact",
    surface: "root",
    permission: "read",
    request: { name: required(string), version: required(versionText), path: required(string) },
    handle: async ({ workspace, input, request }) => {
      const { version } = await getModelVersion(workspace, input.name, input.version);
      return downloadBelow(workspace, version.storageLocation, input.path, request);
    },
  }),
  route({
    name: "logged_models_artifacts_list",
    method: "GET",
    path: "2.0/mlflow/logged-models/:model_id/artifacts/directories",
    permission: "read",
    request: { artifact_directory_path: withDefault(string, "") },
    handle: async ({ workspace, path, input }) => {
      const { view } = await getLoggedModel(workspace, path.model_id);
      return filesBelow(workspace, view.attributes.artifactUri, input.artifact_directory_path);
    },
  }),
  route({
    name: "logged_models_artifacts_get",
    method: "GET",
    path: "2.0/mlflow/logged-models/:model_id/artifacts/files",
    permission: "read",
    request: { artifact_file_path: required(string) },
    handle: async ({ workspace, path, input, request }) => {
      const { view } = await getLoggedModel(workspace, path.model_id);
      return downloadBelow(workspace, view.attributes.artifactUri, input.artifact_file_path, request);
    },
  }),
  route({
    name: "experiments_search_datasets",
    method: "POST",
    path: "2.0/mlflow/experiments/search-datasets",
    permission: "read",
    request: { experiment_ids: required(list(string)) },
    handle: async ({ workspace, input }) => {
      const { experiment_ids } = input;
      if (experiment_ids.length > MAX_EXPERIMENTS) {
        throw invalid(
          `SearchDatasets request cannot specify more than ${MAX_EXPERIMENTS} experiment_ids. ` +
            `Received ${experiment_ids.length} experiment_ids.`,
        );
      }
      const found = await listDatasets(workspace, experiment_ids, MAX_DATASETS);
      const summaries = found.map(({ experimentId, ...rest }) => ({ experiment_id: experimentId, ...rest }));
      return ok({ dataset_summaries: summaries });
    },
  }),
];

/** Of features that Cairn does not offer there is nothing, and the page shows that. Clients are told that there is no such route. */
function nothing(method: "GET" | "POST", name: string, path: string, answer: unknown) {
  return route({ name, method, path, surface: "page", permission: "read", request: {}, handle: () => ok(answer) });
}

export const absentFeatureRoutes = [
  nothing("POST", "traces_search", "3.0/mlflow/traces/search", { traces: [] }),
  nothing("POST", "traces_metrics", "3.0/mlflow/traces/metrics", { data_points: [] }),
  nothing("POST", "datasets_search", "3.0/mlflow/datasets/search", { datasets: [] }),
  nothing("GET", "scorers_list", "3.0/mlflow/scorers/list", { scorers: [] }),
  nothing("POST", "issues_search", "3.0/mlflow/issues/search", { issues: [] }),
  nothing("GET", "gateway_proxy", "2.0/mlflow/gateway-proxy", { endpoints: [] }),
  // The page would report to MLflow's makers what its users do.
  nothing("GET", "ui_telemetry", "3.0/mlflow/ui-telemetry", {
    disable_ui_telemetry: true,
    disable_ui_events: [],
    ui_rollout_percentage: 0,
  }),
];
