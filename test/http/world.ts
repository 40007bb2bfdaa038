import { type Client, type Input, ok } from "./support.ts";

/** One of everything, in one workspace. */
export interface World {
  readonly experimentId: string;
  readonly experimentName: string;
  readonly deletedExperimentId: string;
  readonly runId: string;
  readonly deletedRunId: string;
  readonly modelId: string;
  readonly registeredModel: string;
  /** Below the artifact root. */
  readonly artifact: string;
  readonly artifactFolder: string;
}

export const ARTIFACT_TEXT = "what belongs to this run";
export const TIME_MS = 1_700_000_000_000;

let worlds = 0;

/** Fills a workspace with one of everything, under names that no other world has. */
export async function createWorld(client: Client): Promise<World> {
  const n = `${process.pid}-${++worlds}`;
  const experimentName = `world-${n}`;
  const create = async (name: string) =>
    (await ok(client.call("experiments_create", { name }))).experiment_id as string;
  const experimentId = await create(experimentName);
  const deletedExperimentId = await create(`world-${n}-deleted`);
  await ok(client.call("experiments_delete", { experiment_id: deletedExperimentId }));
  await ok(client.call("experiments_set_tag", { experiment_id: experimentId, key: "team", value: "a" }));
  const runId = await createRun(client, experimentId);
  const deletedRunId = await createRun(client, experimentId);
  await ok(client.call("runs_delete", { run_id: deletedRunId }));
  const metrics = [0, 1, 2].map((step) => ({ key: "loss", value: 3 - step, timestamp: TIME_MS + step, step }));
  const params = [{ key: "lr", value: "0.1" }];
  const tags = [{ key: "kind", value: "first" }];
  await ok(client.call("runs_log_batch", { run_id: runId, metrics, params, tags }));
  const artifactFolder = `experiments/${experimentId}/${runId}/artifacts/model`;
  const artifact = `${artifactFolder}/weights.txt`;
  await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${artifact}`, { body: ARTIFACT_TEXT }));
  const modelId = await createLoggedModel(client, experimentId);
  const modelFile = `experiments/${experimentId}/models/${modelId}/artifacts/model/MLmodel`;
  await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${modelFile}`, { body: "flavors: {}" }));
  const registeredModel = `model-${n}`;
  await ok(client.call("registered_models_create", { name: registeredModel, tags: [{ key: "team", value: "a" }] }));
  const source = `runs:/${runId}/model`;
  const version = { name: registeredModel, source, run_id: runId, tags: [{ key: "team", value: "a" }] };
  await ok(client.call("model_versions_create", version));
  await ok(client.call("registered_models_set_alias", { name: registeredModel, alias: "best", version: "1" }));
  return {
    experimentId,
    experimentName,
    deletedExperimentId,
    runId,
    deletedRunId,
    modelId,
    registeredModel,
    artifact,
    artifactFolder,
  };
}

export async function createRun(client: Client, experimentId: string, more: Input = {}): Promise<string> {
  const { run } = await ok(client.call("runs_create", { experiment_id: experimentId, start_time: TIME_MS, ...more }));
  return run.info.run_id;
}

async function createLoggedModel(client: Client, experimentId: string): Promise<string> {
  const tags = [{ key: "kind", value: "first" }];
  const { model } = await ok(client.call("logged_models_create", { experiment_id: experimentId, name: "net", tags }));
  return model.info.model_id;
}

/** Everything that a user can see of a workspace, for "nothing was written". */
export function stateOf(client: Client, world: World): Promise<unknown[]> {
  const { experimentId, deletedExperimentId, runId, deletedRunId } = world;
  const experiment_ids = [experimentId, deletedExperimentId];
  return Promise.all([
    ok(client.call("experiments_search", { max_results: 5000, view_type: "ALL" })),
    ok(client.call("runs_search", { experiment_ids, run_view_type: "ALL", max_results: 5000 })),
    ok(client.call("logged_models_search", { experiment_ids, max_results: 1000 })),
    ok(client.call("registered_models_search", { max_results: 1000 })),
    ok(client.call("model_versions_search", { max_results: 10_000 })),
    ok(client.call("metrics_get_history", { run_id: runId, metric_key: "loss" })),
    ok(client.call("metrics_get_history", { run_id: deletedRunId, metric_key: "loss" })),
    ok(client.call("workspaces_list")),
    ok(client.call("artifacts_list")),
    filesBelow(client, `experiments/${experimentId}`),
  ]);
}

/** Paths and sizes of all artifacts below a folder. */
export async function filesBelow(client: Client, folder: string): Promise<string[]> {
  const { files = [] } = await ok(client.call("artifacts_list", folder === "" ? {} : { path: folder }));
  const found: string[] = [];
  for (const { path, is_dir, file_size } of files) {
    const full = folder === "" ? path : `${folder}/${path}`;
    if (is_dir) found.push(...(await filesBelow(client, full)));
    else found.push(`${full} ${file_size}`);
  }
  return found;
}
