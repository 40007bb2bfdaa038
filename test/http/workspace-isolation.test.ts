import { beforeAll, expect, test } from "vitest";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { served } from "./served.ts";
import { type Client, ok, requestFor, targetOf } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { ARTIFACT_TEXT, createWorld, stateOf, type World } from "./world.ts";

const REST = "/api/v1/workspaces";

const { server, client, describe: describeServed } = served(["light", "azure"], { withWorld: false });

/** A workspace of its own with one of everything in it. */
async function inhabited(name: string): Promise<{ inside: Client; world: World }> {
  await ok(client.send("POST", REST, { json: { name } }));
  const inside = client.under(`/w/${name}`);
  return { inside, world: await createWorld(inside) };
}

describeServed("what is in another workspace", () => {
  let ours: Client;
  let ourWorld: World;
  let theirs: Client;
  let theirWorld: World;

  beforeAll(async () => {
    ({ inside: ours, world: ourWorld } = await inhabited("tenant-one"));
    ({ inside: theirs, world: theirWorld } = await inhabited("tenant-two"));
  });

  /** Operations that name nothing that could be foreign. */
  const UNRELATED = new Set([
    "experiments_create",
    "experiments_search",
    "experiments_search_get",
    "registered_models_create",
    "registered_models_search",
    "model_versions_search",
    "artifacts_upload",
    "artifacts_multipart_create",
    "artifacts_multipart_abort",
    "server_info",
    "traces_search",
    "traces_metrics",
    "datasets_search",
    "scorers_list",
    "issues_search",
    "gateway_proxy",
    "ui_telemetry",
  ]);
  /** Operations that answer with nothing found instead of an error. */
  const FINDS_NOTHING = new Set([
    "runs_search",
    "logged_models_search",
    "artifacts_list",
    "artifacts_delete",
    "experiments_search_datasets",
  ]);

  const routes = mlflowRoutes.filter(({ name, outsideWorkspace }) => !outsideWorkspace && !UNRELATED.has(name));

  test.each(routes.map((route) => [route.name, route] as const))("%s: does not find it", async (name, route) => {
    const before = await stateOf(theirs, theirWorld);
    const { input, path, body } = VALID[name]!(theirWorld);
    const { method, target, sending } = requestFor(route, input ?? {}, path);
    const { status, json, text } = await ours.send(method, target, body === undefined ? sending : { body });
    if (FINDS_NOTHING.has(name)) {
      expect(status).toBe(200);
      expect(text).not.toContain(theirWorld.runId);
      expect(Object.values(json).flat()).toEqual([]);
    } else if (name === "graphql") {
      expect(json).toEqual({
        data: { mlflowGetRun: null },
        errors: [expect.stringMatching(/^Run with id=.* not found$/)],
      });
    } else {
      expect(status, text).toBeOneOf([400, 404]);
      expect(json.error_code).toBeOneOf(["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"]);
    }
    expect(text).not.toContain(ARTIFACT_TEXT);
    expect(await stateOf(theirs, theirWorld)).toEqual(before);
  });

  test("writing to an artifact path of theirs writes to ours", async () => {
    await ok(ours.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${theirWorld.artifact}`, { body: "ours" }));
    expect((await theirs.call("artifacts_download", {}, { path: theirWorld.artifact })).text).toBe(ARTIFACT_TEXT);
    await ok(ours.call("artifacts_delete", {}, { path: theirWorld.artifact }));
    expect((await theirs.call("artifacts_download", {}, { path: theirWorld.artifact })).text).toBe(ARTIFACT_TEXT);
  });

  test("a page token of theirs is refused, for every search", async () => {
    for (const [operation, input] of [
      ["experiments_search", { max_results: 1, view_type: "ALL" }],
      ["runs_search", { max_results: 1, run_view_type: "ALL", experiment_ids: ["0"] }],
      ["registered_models_search", { max_results: 1 }],
      ["model_versions_search", { max_results: 1 }],
    ] as const) {
      for (const [inside, n] of [
        [ours, 1],
        [theirs, 2],
      ] as const) {
        await ok(inside.call("runs_create", { experiment_id: "0" }));
        await ok(inside.call("runs_create", { experiment_id: "0" }));
        await ok(inside.call("registered_models_create", { name: `${operation}-${n}` }));
        const { info } = (await ok(inside.call("runs_create", { experiment_id: "0" }))).run;
        const version = { name: `${operation}-${n}`, source: `runs:/${info.run_id}/m`, run_id: info.run_id };
        await ok(inside.call("model_versions_create", version));
      }
      const { next_page_token } = await ok(theirs.call(operation, input));
      expect(next_page_token, operation).toBeTruthy();
      expect((await theirs.call(operation, { ...input, page_token: next_page_token })).status).toBe(200);
      const { status, json } = await ours.call(operation, { ...input, page_token: next_page_token });
      expect([status, json.error_code], operation).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });

  test("a model version cannot be made of their files, by any address", async () => {
    const { registeredModel } = ourWorld;
    const { runId, modelId, artifactFolder, registeredModel: theirModel } = theirWorld;
    const sources = [
      { source: `models:/${modelId}`, model_id: modelId },
      { source: `models:/${theirModel}/1` },
      { source: `models:/${theirModel}@best` },
      { source: `mlflow-artifacts:/${artifactFolder}`, run_id: runId },
      { source: `mlflow-artifacts:/${artifactFolder}` },
      { source: `mlflow-artifacts:/${artifactFolder}`, run_id: ourWorld.runId },
      {
        source: `${server.url}/w/tenant-two/api/2.0/mlflow-artifacts/artifacts/${artifactFolder}`,
        run_id: ourWorld.runId,
      },
      { source: `${server.url}/w/tenant-two/api/2.0/mlflow-artifacts/artifacts/${artifactFolder}` },
    ];
    for (const source of sources) {
      const { status, text } = await ours.call("model_versions_create", { name: registeredModel, ...source });
      expect(status, `${JSON.stringify(source)}: ${text}`).toBeOneOf([400, 404]);
    }
    const { model_versions } = await ok(ours.call("model_versions_search", { filter: `name = '${registeredModel}'` }));
    expect(model_versions).toHaveLength(1);
  });

  test("a model version that names their run, as one that moved may, leads to nothing of theirs", async () => {
    const { runId } = theirWorld;
    const name = `moved-from-${runId}`;
    await ok(ours.call("registered_models_create", { name }));
    const source = `runs:/${runId}/model`;
    const { model_version } = await ok(ours.call("model_versions_create", { name, source, run_id: runId }));
    const { artifact_uri } = await ok(ours.call("model_versions_get_download_uri", { name, version: "1" }));
    expect([model_version.source, artifact_uri]).toEqual([source, source]);
    const page = `/w/tenant-one/model-versions/get-artifact?name=${name}&version=1&path=MLmodel`;
    expect((await client.send("GET", page)).status).toBeOneOf([400, 404]);
    expect((await ours.call("runs_get", { run_id: runId })).status).toBe(404);
  });

  test("their runs cannot be purged from here", async () => {
    for (const below of [
      `runs/${theirWorld.deletedRunId}`,
      `logged-models/${theirWorld.modelId}`,
      `experiments/${theirWorld.deletedExperimentId}`,
    ]) {
      expect((await client.send("DELETE", `${REST}/tenant-one/${below}`)).status, below).toBe(404);
    }
    expect((await theirs.call("runs_get", { run_id: theirWorld.deletedRunId })).status).toBe(200);
  });

  test("the routes of workspaces themselves are below every prefix, and mean the same", async () => {
    const [route] = mlflowRoutes.filter(({ name }) => name === "workspaces_list");
    expect((await ours.send("GET", targetOf(route!))).json).toEqual((await client.send("GET", targetOf(route!))).json);
  });
});
