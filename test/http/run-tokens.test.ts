import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SECOND } from "../domain/support.ts";
import { useGuarded } from "./guarded.ts";
import { type Client, ok } from "./support.ts";
import { callRest } from "./valid-rest.ts";
import { createRun, createWorld, type World } from "./world.ts";

const guarded = useGuarded();
const TEAM = { workspace: "team-a" };
const MINUTE = 60 * SECOND;

let user: Client;
let world: World;
/** Of the world, and what is not the token's. */
let runId: string;

beforeAll(async () => {
  await guarded.createWorkspace("team-a");
  await guarded.createWorkspace("team-b");
  const { secret } = await guarded.keyFor("team-a", "contributor", { expiresInDays: 3650 });
  user = guarded.as(secret).under("/w/team-a");
  world = await createWorld(user);
});
beforeEach(async () => {
  runId = await createRun(user, world.experimentId);
});

const mint = async (json: object = {}, id = runId) => {
  const admin = guarded.admin;
  return ok(callRest(admin, "runs_token", { path: { ...TEAM, runId: id }, json: { ...json } }));
};
const script = async (json: object = {}) => {
  const { token } = await mint(json);
  return { token: token as string, client: guarded.as(token).under("/w/team-a"), outside: guarded.as(token) };
};
const metric = (id: string, more: object = {}) => ({ run_id: id, key: "m", value: 1, timestamp: 1, ...more });
const child = (client: Client, parent: string) =>
  client.call("runs_create", {
    experiment_id: world.experimentId,
    tags: [{ key: "mlflow.parentRunId", value: parent }],
  });

describe("the token of a run", () => {
  test("runs_token: gives a token once, with a lease; scanners know it", async () => {
    const answer = await mint({ leaseSeconds: 60, longestSeconds: 3600 });
    expect(answer.token).toMatch(/^cairn_run_w[0-9a-f]{16}_[0-9a-f]{64}$/);
    expect(Date.parse(answer.leaseEndsTime) - guarded.clock.now()).toBe(MINUTE);
    expect(Date.parse(answer.endsTime) - guarded.clock.now()).toBe(75 * MINUTE);
  });

  test("reads its workspace, and nothing of others", async () => {
    const { client, outside } = await script();
    expect((await client.call("runs_get", { run_id: world.runId })).status).toBe(200);
    expect((await client.call("artifacts_download", {}, { path: world.artifact })).status).toBe(200);
    expect((await client.call("registered_models_get", { name: world.registeredModel })).status).toBe(200);
    expect((await ok(callRest(outside, "workspaces_list", {}))).value).toMatchObject([{ name: "team-a" }]);
    for (const name of ["team-b", "default"]) {
      expect((await outside.under(`/w/${name}`).call("experiments_search", { max_results: 1 })).status).toBe(404);
    }
  });

  test("logs to its run and to runs below it, which it may begin", async () => {
    const { client } = await script();
    await ok(client.call("runs_log_metric", metric(runId)));
    await ok(client.call("runs_log_batch", { run_id: runId, params: [{ key: "p", value: "1" }] }));
    await ok(client.call("runs_set_tag", { run_uuid: runId, key: "t", value: "v" }));
    const { run } = await ok(child(client, runId));
    const grandchild = (await ok(child(client, run.info.run_id))).run.info.run_id;
    for (const id of [run.info.run_id, grandchild]) {
      await ok(client.call("runs_log_metric", metric(id)));
      await ok(client.call("runs_update", { run_id: id, status: "FINISHED" }));
    }
  });

  test("makes logged models of its run, and registers them", async () => {
    const { client } = await script();
    const input = { experiment_id: world.experimentId, name: "net", source_run_id: runId };
    const { model } = await ok(client.call("logged_models_create", input));
    const { model_id, artifact_uri } = model.info;
    const path = { model_id };
    await ok(client.call("logged_models_log_params", { params: [{ key: "p", value: "1" }] }, path));
    await ok(client.call("logged_models_set_tags", { tags: [{ key: "t", value: "1" }] }, path));
    await ok(client.call("runs_log_metric", metric(runId, { model_id })));
    const folder = artifact_uri.replace("mlflow-artifacts:/", "");
    await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${folder}/MLmodel`, { body: "flavors: {}" }));
    await ok(client.call("logged_models_finalize", { status: "LOGGED_MODEL_READY" }, path));
    const name = `of-${runId}`;
    await ok(client.call("registered_models_create", { name }));
    const version = { name, source: `models:/${model_id}`, model_id, run_id: runId };
    await ok(client.call("model_versions_create", version));
    await ok(client.call("model_versions_create", { name, source: `runs:/${runId}/model`, run_id: runId }));
  });

  test("writes artifacts below its run's folder, and nowhere else", async () => {
    const { client } = await script();
    const put = (path: string) => client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${path}`, { body: "x" });
    const own = `experiments/${world.experimentId}/${runId}/artifacts`;
    await ok(put(`${own}/notes.txt`));
    const part = { path: "big.bin", num_parts: 1 };
    await ok(client.call("artifacts_multipart_create", part, { path: own }));
    const foreign = `experiments/${world.experimentId}/${world.runId}/artifacts`;
    for (const path of [
      world.artifact,
      `${foreign}/new.txt`,
      own,
      `${own}.txt`,
      `elsewhere/${runId}/artifacts/notes.txt`,
      `${foreign}/${runId}/artifacts/notes.txt`,
      `${runId}/artifacts/notes.txt`,
      "notes.txt",
    ]) {
      const { status, json } = await put(path);
      expect([status, json.error_code], path).toEqual([403, "PERMISSION_DENIED"]);
    }
    expect((await put(`${own}/../../${world.runId}/artifacts/x`)).status).toBe(400);
    expect((await client.call("artifacts_multipart_create", part, { path: foreign })).status).toBe(403);
    expect((await client.call("artifacts_delete", {}, { path: `${own}/notes.txt` })).status).toBe(403);
  });

  test("writes to no other run or model, by no way", async () => {
    const { client, outside } = await script();
    const { modelId, registeredModel: name } = world;
    const sibling = await createRun(user, world.experimentId);
    const refused: [string, object, Record<string, string>?][] = [
      ["runs_log_metric", metric(sibling)],
      ["runs_log_metric", metric(runId, { model_id: modelId })],
      ["runs_log_batch", { run_id: runId, metrics: [{ ...metric(runId), model_id: modelId }] }],
      ["runs_log_parameter", { run_uuid: sibling, key: "k", value: "v" }],
      ["runs_update", { run_id: sibling, status: "FINISHED" }],
      ["runs_set_tag", { run_id: sibling, key: "mlflow.parentRunId", value: runId }],
      ["runs_create", { experiment_id: world.experimentId, tags: [{ key: "mlflow.parentRunId", value: sibling }] }],
      [
        "runs_create",
        {
          experiment_id: world.experimentId,
          tags: [
            { key: "mlflow.parentRunId", value: runId },
            { key: "mlflow.parentRunId", value: sibling },
          ],
        },
      ],
      ["runs_delete", { run_id: runId }],
      ["experiments_create", { name: "elsewhere", artifact_location: "s3://attacker/files" }],
      ["experiments_create", { name: "elsewhere", artifact_location: "mlflow-artifacts:/experiments/0" }],
      ["experiments_set_tag", { experiment_id: world.experimentId, key: "k", value: "v" }],
      ["logged_models_create", { experiment_id: world.experimentId, name: "n" }],
      ["logged_models_create", { experiment_id: world.experimentId, name: "n", source_run_id: sibling }],
      ["logged_models_set_tags", { tags: [{ key: "k", value: "v" }] }, { model_id: modelId }],
      ["logged_models_finalize", { status: "LOGGED_MODEL_READY" }, { model_id: modelId }],
      ["model_versions_create", { name, source: `runs:/${sibling}/m`, run_id: sibling }],
      ["model_versions_create", { name, source: `models:/${modelId}`, model_id: modelId, run_id: runId }],
      ["model_versions_create", { name, source: `models:/${name}/1` }],
      ["registered_models_set_alias", { name, alias: "best", version: "1" }],
      ["registered_models_delete", { name }],
      ["workspaces_delete", {}, { name: "team-a" }],
      ["workspaces_create", { name: "of-a-script" }],
    ];
    for (const [operation, input, path] of refused) {
      const { status, json } = await client.call(operation, input as never, path);
      expect([status, json.error_code], `${operation} ${JSON.stringify(input)}`).toEqual([403, "PERMISSION_DENIED"]);
    }
    for (const operation of ["members_put", "keys_list", "keys_create", "runs_purge"]) {
      const path = { ...TEAM, member: "me", runId };
      const json = operation === "members_put" ? { role: "owner" } : { name: "k" };
      expect((await callRest(outside, operation, { path, json })).status, operation).toBe(403);
    }
  });

  test("a run that it makes without a parent is a child of its own, in whatever experiment; it makes experiments", async () => {
    const { client } = await script();
    const { experiment_id } = await ok(client.call("experiments_create", { name: `of ${runId}` }));
    const parentOf = ({ run }: { run: { data: { tags: { key: string; value: string }[] } } }) =>
      run.data.tags.filter(({ key }) => key === "mlflow.parentRunId").map(({ value }) => value);
    for (const [id, tags] of [
      [world.experimentId, []],
      [experiment_id, [{ key: "t", value: "v" }]],
      [experiment_id, [{ key: "mlflow.parentRunId", value: "" }]],
    ] as const) {
      const made = await ok(client.call("runs_create", { experiment_id: id, tags: [...tags] }));
      expect(parentOf(made)).toEqual([runId]);
      await ok(client.call("runs_log_metric", metric(made.run.info.run_id)));
      await ok(client.call("runs_update", { run_id: made.run.info.run_id, status: "FINISHED" }));
    }
    const { run } = await ok(child(client, runId));
    expect(parentOf(await ok(child(client, run.info.run_id)))).toEqual([run.info.run_id]);
    expect(parentOf(await ok(user.call("runs_create", { experiment_id, tags: [] })))).toEqual([]);
  });

  test("registers only what lies within its run and its models, wherever their files are", async () => {
    const { client } = await script();
    const { registeredModel: name } = world;
    const location = `s3://bucket/of-${runId}`;
    const elsewhere = await ok(user.call("experiments_create", { name: location, artifact_location: location }));
    const outer = await ok(client.call("runs_create", { experiment_id: elsewhere.experiment_id }));
    const { run_id, artifact_uri } = outer.run.info;
    const register = (source: string, more: object) => client.call("model_versions_create", { name, source, ...more });
    await ok(register(`${artifact_uri}/model`, { run_id }));
    const sibling = await createRun(user, world.experimentId);
    const own = (await ok(client.call("runs_get", { run_id: runId }))).run.info.artifact_uri;
    await ok(register(`${own}/model`, { run_id: runId }));
    for (const [source, id] of [
      ["s3://attacker/model", runId],
      ["s3://attacker/model", run_id],
      [location, run_id],
      [`${location}/other/artifacts/model`, run_id],
      [`${artifact_uri}/../../other/model`, run_id],
      [`${artifact_uri}/model`, runId],
      [own.replace(runId, sibling), runId],
      ["https://attacker.example/model", runId],
      ["dbfs:/attacker", runId],
      ["/etc/model", runId],
      [`runs:/${sibling}/model`, runId],
      [`models:/${name}/1`, runId],
    ] as const) {
      expect((await register(source, { run_id: id })).status, source).toBe(400);
      expect((await register(source, {})).status, source).toBe(403);
    }
    await ok(user.call("model_versions_create", { name, source: "s3://bucket/model" }));
  });

  test("registers nothing outside of its run's folder on a file system that clients share", async () => {
    const { client } = await script();
    const { registeredModel: name } = world;
    for (const location of [`file:///shared/of-${runId}`, `/shared/plainly-of-${runId}`]) {
      const shared = await ok(user.call("experiments_create", { name: location, artifact_location: location }));
      const { run } = await ok(client.call("runs_create", { experiment_id: shared.experiment_id }));
      const { run_id, artifact_uri } = run.info;
      const register = (registrar: Client, source: string) =>
        registrar.call("model_versions_create", { name, source, run_id });
      await ok(register(client, `${artifact_uri}/model`));
      // In a plain path an escape is a name like any other.
      const escaped = location.startsWith("file:") ? ["%2e%2e/%2e%2e/other", "..%2f..%2fother"] : [];
      for (const wayOut of ["../../other/model", "model/../../../other", "..\\..\\other", ...escaped]) {
        for (const registrar of [client, user]) {
          expect((await register(registrar, `${artifact_uri}/${wayOut}`)).status, `${location} ${wayOut}`).toBe(400);
        }
      }
    }
  });

  test("a run that names itself as its parent's parent is nobody's descendant", async () => {
    const { client } = await script();
    const a = await createRun(user, world.experimentId);
    const b = await createRun(user, world.experimentId, { tags: [{ key: "mlflow.parentRunId", value: a }] });
    await ok(user.call("runs_set_tag", { run_id: a, key: "mlflow.parentRunId", value: b }));
    expect((await client.call("runs_log_metric", metric(a))).status).toBe(403);
  });
});

describe("the lease of a run's token", () => {
  const renew = (client: Client, id = runId, json: object = {}) =>
    callRest(client, "runs_token", { path: { ...TEAM, runId: id }, json: { ...json } });

  test("runs_token: the token itself renews its lease, and stays as it is", async () => {
    const { client, outside } = await script({ leaseSeconds: 60 });
    guarded.clock.pass(MINUTE - 1);
    const { token, leaseEndsTime } = await ok(renew(outside, runId, { leaseSeconds: 120 }));
    expect(token).toBeUndefined();
    expect(Date.parse(leaseEndsTime) - guarded.clock.now()).toBe(2 * MINUTE);
    guarded.clock.pass(2 * MINUTE - 1);
    expect((await client.call("runs_log_metric", metric(runId))).status).toBe(200);
    guarded.clock.pass(1);
    expect((await client.call("runs_log_metric", metric(runId))).status).toBe(401);
    expect((await renew(outside)).status).toBe(401);
  });

  test("runs_token: no renewal goes beyond the longest time of the run and 15 minutes", async () => {
    const { outside } = await script({ longestSeconds: 60 });
    for (let i = 0; i < 5; i++) {
      guarded.clock.pass(3 * MINUTE);
      const { leaseEndsTime, endsTime } = await ok(renew(outside));
      expect(Date.parse(leaseEndsTime)).toBeLessThanOrEqual(Date.parse(endsTime));
    }
    guarded.clock.pass(MINUTE);
    expect((await renew(outside)).status).toBe(401);
  });

  const end = (client: Client, id = runId) => client.call("runs_update", { run_id: id, status: "FINISHED" });

  /** What begins or changes something, in the name of the token's run. */
  const BEGINNING: [operation: string, input: () => object, path?: () => Record<string, string>][] = [
    ["runs_update", () => ({ run_id: runId, status: "RUNNING" })],
    ["runs_update", () => ({ run_id: runId, run_name: "renamed" })],
    ["runs_create", () => ({ experiment_id: world.experimentId })],
    ["experiments_create", () => ({ name: `after ${runId}` })],
    ["logged_models_create", () => ({ experiment_id: world.experimentId, name: "net", source_run_id: runId })],
    ["registered_models_create", () => ({ name: `after-${runId}` })],
    ["model_versions_create", () => ({ name: world.registeredModel, source: `runs:/${runId}/model`, run_id: runId })],
  ];

  test.each(["FINISHED", "FAILED", "KILLED"])(
    "the end of the run (%s) is its token's end: nothing begins",
    async (status) => {
      const { client, outside } = await script();
      await ok(client.call("runs_update", { run_id: runId, status }));
      for (const [operation, input] of BEGINNING) {
        const refused = await client.call(operation, input() as never);
        expect([refused.status, refused.json.message], operation).toEqual([403, expect.stringMatching(/has ended/)]);
      }
      expect((await renew(outside)).status).toBe(403);
      const { status: refusal, json } = await renew(guarded.admin);
      expect([refusal, json.detail]).toEqual([409, expect.stringContaining(`has ended (${status})`)]);
      const { run } = await ok(client.call("runs_get", { run_id: runId }));
      expect(run.info.status).toBe(status);
    },
  );

  test("what clients send behind the end is taken while the lease lasts: points, files, the end again, children's ends", async () => {
    const { client } = await script();
    const { run } = await ok(child(client, runId));
    await ok(end(client));
    await ok(client.call("runs_log_metric", metric(runId)));
    await ok(client.call("runs_log_batch", { run_id: runId, tags: [{ key: "t", value: "v" }] }));
    const path = `experiments/${world.experimentId}/${runId}/artifacts/late.txt`;
    await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${path}`, { body: "x" }));
    await ok(end(client));
    await ok(end(client, run.info.run_id));
    guarded.clock.pass(15 * MINUTE);
    expect((await client.call("runs_get", { run_id: runId })).status).toBe(401);
  });

  test("a run that its owner resumes has new tokens; those of before stay at their end", async () => {
    const { client, outside } = await script();
    await ok(end(client));
    await ok(user.call("runs_update", { run_id: runId, status: "RUNNING" }));
    expect((await child(client, runId)).status).toBe(403);
    expect((await renew(outside)).status).toBe(403);
    const second = await script();
    await ok(child(second.client, runId));
    await ok(renew(second.outside));
  });

  test("the token of a deleted run is nobody's within 30 s", async () => {
    const { client } = await script();
    await ok(client.call("runs_log_metric", metric(runId)));
    await ok(user.call("runs_delete", { run_id: runId }));
    expect((await client.call("runs_log_metric", metric(runId))).status).toBe(400);
    guarded.clock.pass(30 * SECOND);
    expect((await client.call("runs_log_metric", metric(runId))).status).toBe(401);
  });

  test("runs_token: a reader makes none; unknown, deleted and foreign runs have none; a child's is not renewed", async () => {
    const { secret } = await guarded.keyFor("team-a", "reader");
    expect((await renew(guarded.as(secret))).status).toBe(403);
    expect((await renew(guarded.admin, "0".repeat(32))).status).toBe(404);
    expect((await renew(guarded.admin, world.deletedRunId)).status).toBe(400);
    const { outside, client } = await script();
    const { run } = await ok(child(client, runId));
    expect((await renew(outside, run.info.run_id)).status).toBe(403);
    const path = { workspace: "team-b", runId };
    expect((await callRest(outside, "runs_token", { path, json: {} })).status).toBe(404);
  });

  test.each([{ leaseSeconds: 29 }, { leaseSeconds: 901 }, { longestSeconds: 1e9 }, { runId: "x" }])(
    "runs_token: %j is refused",
    async (json) => {
      expect((await renew(guarded.admin, runId, json)).status).toBe(400);
    },
  );
});
