import { expect, test } from "vitest";
import { NO_RUN } from "./scenario.ts";
import { served } from "./served.ts";
import { type Input, ok } from "./support.ts";
import { ARTIFACT_TEXT, createRun, createWorld } from "./world.ts";

/*
 * What MLflow's web page calls, and clients do not. The page itself is looked at in test/page.
 */

const { client, world, describe } = served(["light", "strict", "azure"]);

const PNG = Buffer.from("iVBORw0KGgo=", "base64");
const RUN = `query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) {
    __typename
    apiError { helpUrl code message }
    run {
      info { runName status runUuid experimentId startTime endTime lifecycleStage }
      experiment { experimentId name tags { key value } lastUpdateTime }
      modelVersions { status version name source }
      data { metrics { key value step timestamp } params { key value } tags { key value } }
      inputs { datasetInputs { dataset { name digest sourceType } tags { key value } } modelInputs { modelId } }
      outputs { modelOutputs { modelId step } }
    }
  }
}`;

const SEARCH = "query($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { nextPageToken } }";

const graphql = async (query: string, variables: Input = {}) =>
  (await client.call("graphql", { query, variables, operationName: undefined })).json;

describe("what MLflow's page calls", () => {
  test("graphql: a run with all that the page shows of it", async () => {
    const { runId, experimentId, experimentName, modelId, registeredModel } = world;
    const time = "9007199254740993";
    await ok(
      client.call("runs_log_batch", { run_id: runId, metrics: [{ key: "odd", value: "NaN", timestamp: time }] }),
    );
    await ok(client.call("runs_outputs", { run_id: runId, models: [{ model_id: modelId, step: 3 }] }));
    const dataset = { name: "d", digest: "1", source_type: "local", source: "s" };
    const tags = [{ key: "mlflow.data.context", value: "training" }];
    await ok(client.call("runs_log_inputs", { run_id: runId, datasets: [{ tags, dataset }] }));
    const { data, errors } = await graphql(RUN, { data: { runId } });
    const { run, ...rest } = data.mlflowGetRun;
    expect([errors, rest]).toEqual([null, { __typename: "MlflowGetRunResponse", apiError: null }]);
    expect(run.info).toMatchObject({ runUuid: runId, experimentId, status: "RUNNING", startTime: "1700000000000" });
    expect(run.experiment).toMatchObject({ experimentId, name: experimentName, tags: [{ key: "team", value: "a" }] });
    expect(run.modelVersions).toEqual([
      { status: "READY", version: "1", name: registeredModel, source: `runs:/${runId}/model` },
    ]);
    expect(run.data.metrics).toEqual([
      { key: "loss", value: 1, step: "2", timestamp: "1700000000002" },
      { key: "odd", value: null, step: "0", timestamp: time },
    ]);
    expect(run.data.params).toEqual([{ key: "lr", value: "0.1" }]);
    expect(run.inputs.datasetInputs).toEqual([{ dataset: { name: "d", digest: "1", sourceType: "local" }, tags }]);
    expect(run.outputs.modelOutputs).toEqual([{ modelId, step: "3" }]);
  });

  test("graphql: runs that a search finds", async () => {
    const query = `query SearchRuns($data: MlflowSearchRunsInput!) {
      mlflowSearchRuns(input: $data) { runs { info { runUuid } modelVersions { name } } }
    }`;
    const data = { filter: "params.lr = '0.1'", experimentIds: [world.experimentId] };
    const found = await graphql(query, { data });
    const versions = [{ name: world.registeredModel }];
    expect(found.data.mlflowSearchRuns.runs).toEqual([{ info: { runUuid: world.runId }, modelVersions: versions }]);
  });

  test.each<[title: string, query: string, variables: Input, message: RegExp]>([
    ["an unknown run", RUN, { data: { runId: NO_RUN } }, /Run with id=0+ not found/],
    ["no run", RUN, { data: {} }, /Missing value for required parameter 'run_id'/],
    ["an unknown field", "{ mlflowGetRun(input: {}) { run { secret } } }", {}, /Cannot query field "secret"/],
    ["half a query", "{ mlflowGetRun(", {}, /Syntax Error/],
    ["a filter that is none", `{ mlflowSearchRuns(input: { filter: "x y" }) { nextPageToken } }`, {}, /filter/],
    [
      "eleven aliases",
      `{ ${Array.from({ length: 11 }, (_, i) => `a${i}: mlflowGetRun(input: { runId: "r" }) { __typename }`).join(" ")} }`,
      {},
      /At most 10 aliases/,
    ],
    ["an experiment that is null", SEARCH, { data: { experimentIds: [null] } }, /experimentIds/],
    ["an order that is null", SEARCH, { data: { experimentIds: ["0"], orderBy: [null] } }, /orderBy/],
    ["thousands of fields", `{ ${"__typename ".repeat(5000)} }`, {}, /token/],
    [
      "fragments in a circle",
      "fragment a on Query { ...b } fragment b on Query { ...a } { ...a }",
      {},
      /within itself/,
    ],
  ])("graphql: %s is told in errors, and nothing comes of it", async (_, query, variables, message) => {
    const { data, errors } = await graphql(query, variables);
    expect(errors[0]).toMatch(message);
    expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([]);
  });

  test("graphql: of thousands of faulty variables the first is told, since each is shown with all the others", async () => {
    const data = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`unknown${i}`, 1]));
    const { errors } = await graphql(SEARCH, { data });
    expect(errors).toEqual([expect.stringContaining("got invalid value"), expect.stringContaining("limit reached")]);
  });

  test("graphql: what is larger than any query of the page is refused unread", async () => {
    const { status } = await client.call("graphql", { query: " ".repeat(600_000) });
    expect(status).toBe(413);
  });

  const get = (path: string) => client.send("GET", path);

  test("artifacts of a run, a model version and a logged model, by their paths below them", async () => {
    const { runId, registeredModel, modelId } = world;
    const paths = [
      [`/get-artifact?run_id=${runId}&path=model/weights.txt`, ARTIFACT_TEXT],
      [`/get-artifact?run_uuid=${runId}&path=model%2Fweights.txt`, ARTIFACT_TEXT],
      [`/model-versions/get-artifact?name=${registeredModel}&version=1&path=weights.txt`, ARTIFACT_TEXT],
      [`/ajax-api/2.0/mlflow/logged-models/${modelId}/artifacts/files?artifact_file_path=model/MLmodel`, "flavors: {}"],
    ];
    for (const [path, content] of paths) {
      const { status, text, headers } = await get(path!);
      expect([status, text], path).toEqual([200, content]);
      expect(headers["content-security-policy"]).toBe("sandbox");
    }
    expect((await get(`/get-artifact?run_id=${runId}&path=model/nothing`)).status).toBe(404);
    expect((await get(`/get-artifact?run_id=${runId}&path=model`)).status).toBe(404);
  });

  test("an image comes as one, what a browser would run as plain text", async () => {
    const folder = `/api/2.0/mlflow-artifacts/artifacts/experiments/${world.experimentId}/${world.runId}/artifacts`;
    await ok(client.send("PUT", `${folder}/a.png`, { body: PNG }));
    await ok(client.send("PUT", `${folder}/a.html`, { body: "<script>1</script>" }));
    const types = async (name: string) =>
      (await get(`/get-artifact?run_id=${world.runId}&path=${name}`)).headers["content-type"];
    expect([await types("a.png"), await types("a.html")]).toEqual(["image/png", "text/plain; charset=utf-8"]);
  });

  test.each(["../x", "..%2Fx", "%2Fetc", "", "."])("the artifact path %s leads nowhere", async (path) => {
    for (const target of [
      `/get-artifact?run_id=${world.runId}&path=${path}`,
      `/model-versions/get-artifact?name=${world.registeredModel}&version=1&path=${path}`,
      `/api/2.0/mlflow/logged-models/${world.modelId}/artifacts/files?artifact_file_path=${path}`,
    ]) {
      const { status, json } = await get(target);
      expect([status, json.error_code], target).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });

  test("logged_models_artifacts_list: folders and files, with paths below the model", async () => {
    const { modelId } = world;
    const list = async (folder: string) =>
      ok(client.call("logged_models_artifacts_list", { artifact_directory_path: folder }, { model_id: modelId }));
    const root = await list("");
    expect(root.root_uri).toMatch(new RegExp(`^mlflow-artifacts:/.*/models/${modelId}/artifacts$`));
    expect(root.files).toEqual([{ path: "model", is_dir: true }]);
    expect((await list("model")).files).toEqual([{ path: "model/MLmodel", is_dir: false, file_size: 11 }]);
    const { status } = await client.call("logged_models_artifacts_list", {}, { model_id: "m-none" });
    expect(status).toBe(404);
  });

  test("experiments_search_datasets: each once for each context, of the experiments that are asked for", async () => {
    const { experimentId } = await createWorld(client);
    const use = async (name: string, context?: string) => {
      const run_id = await createRun(client, experimentId);
      const dataset = { name, digest: "1", source_type: "s", source: "s" };
      const tags = context ? [{ key: "mlflow.data.context", value: context }] : [];
      await ok(client.call("runs_log_inputs", { run_id, datasets: [{ tags, dataset }] }));
    };
    for (const args of [["a", "training"], ["a", "training"], ["a", "eval"], ["b"]]) await use(args[0]!, args[1]);
    const { dataset_summaries } = await ok(
      client.call("experiments_search_datasets", { experiment_ids: [experimentId, "1234"] }),
    );
    const summary = { experiment_id: experimentId, digest: "1" };
    expect(dataset_summaries).toHaveLength(3);
    expect(dataset_summaries).toEqual(
      expect.arrayContaining([
        { ...summary, name: "a", context: "training" },
        { ...summary, name: "a", context: "eval" },
        { ...summary, name: "b" },
      ]),
    );
    const many = Array.from({ length: 21 }, (_, i) => String(i));
    const { json } = await client.call("experiments_search_datasets", { experiment_ids: many });
    expect(json.message).toMatch(/more than 20 experiment_ids. Received 21/);
  });

  test("metrics_get_history_bulk: histories of several runs, as many points in all as asked for", async () => {
    const ids = [await createRun(client, world.experimentId), await createRun(client, world.experimentId)].sort();
    const metrics = [0, 1, 2].map((step) => ({ key: "m", value: step, timestamp: step, step }));
    for (const run_id of ids) await ok(client.call("runs_log_batch", { run_id, metrics }));
    const ask = async (input: Input) =>
      (await ok(client.call("metrics_get_history_bulk", { run_id: ids, metric_key: "m", ...input }))).metrics;
    const point = (run_id: string | undefined, step: number) => ({
      run_id,
      key: "m",
      value: step,
      timestamp: step,
      step,
    });
    expect(await ask({})).toEqual(ids.flatMap((id) => [0, 1, 2].map((step) => point(id, step))));
    expect(await ask({ max_results: 4 })).toEqual(
      [0, 1, 2].map((step) => point(ids[0], step)).concat(point(ids[1], 0)),
    );
    expect(await ask({ metric_key: "none" })).toEqual([]);
    const unknown = await client.call("metrics_get_history_bulk", { run_id: [NO_RUN], metric_key: "m" });
    expect(unknown.status).toBe(404);
  });

  test("what is not offered has nothing in it on the page, and is no endpoint for clients", async () => {
    for (const [method, path, list] of [
      ["POST", "3.0/mlflow/traces/search", "traces"],
      ["POST", "3.0/mlflow/traces/metrics", "data_points"],
      ["POST", "3.0/mlflow/datasets/search", "datasets"],
      ["POST", "3.0/mlflow/issues/search", "issues"],
      ["GET", "3.0/mlflow/scorers/list", "scorers"],
      ["GET", "2.0/mlflow/gateway-proxy", "endpoints"],
    ] as const) {
      const sending = method === "POST" ? { json: { experiment_ids: ["0"] } } : {};
      expect((await client.send(method, `/ajax-api/${path}`, sending)).json, path).toEqual({ [list]: [] });
      expect((await client.send(method, `/api/${path}`, sending)).json.error_code).toBe("ENDPOINT_NOT_FOUND");
    }
    expect((await get("/ajax-api/3.0/mlflow/ui-telemetry")).json.disable_ui_telemetry).toBe(true);
  });
});
