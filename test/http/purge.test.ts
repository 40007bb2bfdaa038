import { expect, test } from "vitest";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { ARTIFACT_TEXT, createRun, createWorld, filesBelow, TIME_MS } from "./world.ts";

const REST = "/api/v1/workspaces/default";
const GONE_WITHIN = { timeout: 15_000, interval: 50 };

const { client, world, describe: describeServed } = served(["light", "azure"]);

const purge = (below: string) => client.send("DELETE", `${REST}/${below}`);

async function upload(folder: string): Promise<void> {
  await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${folder}/file.txt`, { body: ARTIFACT_TEXT }));
}

describeServed("purging over REST", () => {
  test("runs_purge: only what was deleted before; then it is gone at once and its files soon after", async () => {
    const runId = await createRun(client, world.experimentId);
    const folder = `experiments/${world.experimentId}/${runId}/artifacts`;
    await upload(folder);
    await ok(client.call("runs_log_metric", { run_id: runId, key: "m", value: 1, timestamp: TIME_MS }));
    const refused = await purge(`runs/${runId}`);
    expect([refused.status, refused.json.title]).toEqual([409, "InvalidState"]);
    expect(refused.json.detail).toMatch(/delete it first/);
    expect((await client.call("runs_get", { run_id: runId })).status).toBe(200);

    await ok(client.call("runs_delete", { run_id: runId }));
    const accepted = await purge(`runs/${runId}`);
    expect([accepted.status, accepted.json]).toEqual([202, { status: "purging" }]);
    expect((await client.call("runs_get", { run_id: runId })).status).toBe(404);
    expect((await client.call("runs_restore", { run_id: runId })).status).toBe(404);
    expect((await client.call("metrics_get_history", { run_id: runId, metric_key: "m" })).status).toBe(404);
    const all = { experiment_ids: [world.experimentId], run_view_type: "ALL" };
    expect(JSON.stringify(await ok(client.call("runs_search", all)))).not.toContain(runId);
    await expect.poll(() => filesBelow(client, folder), GONE_WITHIN).toEqual([]);
    expect((await purge(`runs/${runId}`)).status).toBe(404);
  });

  test("runs_purge: the files and points of other runs stay", async () => {
    const { runId, artifact } = world;
    expect((await client.call("artifacts_download", {}, { path: artifact })).text).toBe(ARTIFACT_TEXT);
    const { metrics } = await ok(client.call("metrics_get_history", { run_id: runId, metric_key: "loss" }));
    expect(metrics).toHaveLength(3);
  });

  test("runs_purge: files of a registered version stay, and the answer names it; they go with the version", async () => {
    const runId = await createRun(client, world.experimentId);
    const folder = `experiments/${world.experimentId}/${runId}/artifacts`;
    for (const path of ["model/weights", "log"]) await upload(`${folder}/${path}`);
    const name = `made-of-${runId}`;
    await ok(client.call("registered_models_create", { name }));
    await ok(client.call("model_versions_create", { name, source: `runs:/${runId}/model`, run_id: runId }));
    await ok(client.call("runs_delete", { run_id: runId }));
    const accepted = await purge(`runs/${runId}`);
    expect([accepted.status, accepted.json]).toEqual([202, { status: "purging", kept: [{ name, version: "1" }] }]);
    const kept = "model/weights/file.txt";
    await expect
      .poll(() => filesBelow(client, folder), GONE_WITHIN)
      .toEqual([`${folder}/${kept} ${ARTIFACT_TEXT.length}`]);
    const { artifact_uri } = await ok(client.call("model_versions_get_download_uri", { name, version: "1" }));
    expect(artifact_uri).toBe(`mlflow-artifacts:/${folder}/model`);
    expect((await client.call("artifacts_download", {}, { path: `${folder}/${kept}` })).text).toBe(ARTIFACT_TEXT);
  });

  test("experiments_create: not below the folder of another experiment, which would take it along", async () => {
    for (const below of ["", "/mine"]) {
      const refused = await client.call("experiments_create", {
        name: `below${below}`,
        artifact_location: `mlflow-artifacts:/experiments/${world.experimentId}${below}`,
      });
      expect([refused.status, refused.json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
      expect(refused.json.message).toMatch(/artifact_location.*Choose another folder/);
    }
  });

  test("models_purge: only what was deleted before; then it is gone at once and its files soon after", async () => {
    const created = await ok(client.call("logged_models_create", { experiment_id: world.experimentId, name: "gone" }));
    const { model_id, artifact_uri } = created.model.info;
    const folder = artifact_uri.replace("mlflow-artifacts:/", "");
    await upload(folder);
    expect((await purge(`logged-models/${model_id}`)).status).toBe(409);
    await ok(client.call("logged_models_delete", { model_id }, { model_id }));
    expect((await purge(`logged-models/${model_id}`)).status).toBe(202);
    const hidden = await client.call("logged_models_get", { allow_deleted: "true" }, { model_id });
    expect(hidden.status).toBe(404);
    await expect.poll(() => filesBelow(client, folder), GONE_WITHIN).toEqual([]);
  });

  test("experiments_purge: takes its runs and models along but what a version is made of, and frees its name", async () => {
    const { experimentId, experimentName, runId, modelId, registeredModel, artifactFolder } = await createWorld(client);
    const folder = `experiments/${experimentId}`;
    await upload(`${folder}/${runId}/artifacts/log`);
    const registered = (await filesBelow(client, folder)).filter((file) => file.startsWith(`${artifactFolder}/`));
    expect(registered.length).toBeGreaterThan(0);
    expect((await purge(`experiments/${experimentId}`)).status).toBe(409);
    await ok(client.call("experiments_delete", { experiment_id: experimentId }));
    expect((await client.call("experiments_create", { name: experimentName })).json.error_code).toBe(
      "RESOURCE_ALREADY_EXISTS",
    );
    const accepted = await purge(`experiments/${experimentId}`);
    const kept = [{ name: registeredModel, version: "1" }];
    expect([accepted.status, accepted.json]).toEqual([202, { status: "purging", kept }]);
    expect((await client.call("experiments_get", { experiment_id: experimentId })).status).toBe(404);
    expect((await client.call("experiments_restore", { experiment_id: experimentId })).status).toBe(404);
    expect((await client.call("runs_get", { run_id: runId })).status).toBe(404);
    expect((await client.call("logged_models_get", {}, { model_id: modelId })).status).toBe(404);
    expect((await client.call("experiments_create", { name: experimentName })).status).toBe(200);
    await expect.poll(() => filesBelow(client, folder), GONE_WITHIN).toEqual(registered);
  });

  test("a run that was restored again cannot be purged", async () => {
    const runId = await createRun(client, world.experimentId);
    await ok(client.call("runs_delete", { run_id: runId }));
    await ok(client.call("runs_restore", { run_id: runId }));
    expect((await purge(`runs/${runId}`)).status).toBe(409);
    expect((await client.call("runs_get", { run_id: runId })).status).toBe(200);
  });

  test.each([
    ["runs", "0".repeat(32), 404],
    ["runs", "%ff", 404],
    ["logged-models", `m-${"0".repeat(32)}`, 404],
    ["experiments", "999999", 404],
    ["experiments", "abc", 404],
    ["experiments", "0", 409],
  ])("%s/%s cannot be purged", async (kind, id, status) => {
    const answer = await purge(`${kind}/${id}`);
    expect(answer.status).toBe(status);
    expect(answer.json.status).toBe(status);
  });

  test("a run is no logged model, and the other way round", async () => {
    const { deletedRunId, modelId } = await createWorld(client);
    expect((await purge(`logged-models/${deletedRunId}`)).status).toBe(404);
    await ok(client.call("logged_models_delete", {}, { model_id: modelId }));
    expect((await purge(`runs/${modelId}`)).status).toBe(404);
    expect((await client.call("runs_get", { run_id: deletedRunId })).status).toBe(200);
  });
});
