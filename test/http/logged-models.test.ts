import { expect, test } from "vitest";
import { INVALID, NO_MODEL, NOT_FOUND, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createWorld, type World } from "./world.ts";

const suite = served(["light", "azure"]);
const { client, world } = suite;

const ON_MODEL: [call: string, input: object][] = [
  ["logged_models_get", {}],
  ["logged_models_finalize", { status: "LOGGED_MODEL_READY" }],
  ["logged_models_delete", {}],
  ["logged_models_log_params", { params: [{ key: "p", value: "v" }] }],
  ["logged_models_set_tags", { tags: [{ key: "t", value: "v" }] }],
  ["logged_models_delete_tag", {}],
];

const create = (title: string, more: object, message: RegExp): Refusal => ({
  title,
  call: "logged_models_create",
  input: ({ experimentId }) => ({ experiment_id: experimentId, name: "kept-out", ...more }),
  ...INVALID,
  message,
});

const onModel = (call: string, title: string, input: object, message: RegExp): Refusal => ({
  title,
  call,
  path: ({ modelId }) => ({ model_id: modelId, tag_key: "nothing" }),
  input: () => input as Record<string, unknown>,
  ...INVALID,
  message,
});

const REFUSALS: Refusal[] = [
  ...["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "/", ".."].map((name) =>
    create(`the name ${name}`, { name }, /Invalid model name/),
  ),
  create("a deleted experiment", {}, /must be in the 'active' state/),
  create("an experiment id that is none", { experiment_id: "abc" }, /must be a valid integer/),
  create("a param whose key is no name", { params: [{ key: "a@b", value: "v" }] }, /Names may only contain/),
  create("a tag without a key", { tags: [{ value: "v" }] }, /'tags\[0\]\.key'/),
  { ...create("an unknown experiment", { experiment_id: "999999" }, /No Experiment/), ...NOT_FOUND },
  ...ON_MODEL.flatMap(([call, input]): Refusal[] => [
    {
      title: "an unknown id",
      call,
      path: () => ({ model_id: NO_MODEL, tag_key: "k" }),
      input: () => ({ ...input }),
      ...NOT_FOUND,
      message: /Logged model with ID '.*' not found/,
    },
    {
      title: "a run's id",
      call,
      path: ({ runId }) => ({ model_id: runId, tag_key: "k" }),
      input: () => ({ ...input }),
      ...NOT_FOUND,
      message: /Logged model with ID '.*' not found/,
    },
  ]),
  ...ON_MODEL.filter(([call]) => !/get|delete_tag/.test(call)).map(([call, input]) =>
    onModel(
      call,
      "a body that names another model",
      { ...input, model_id: NO_MODEL },
      /path and the body name different/,
    ),
  ),
  onModel("logged_models_finalize", "an unknown status", { status: "DONE" }, /'status'.*LOGGED_MODEL_READY/),
  onModel(
    "logged_models_log_params",
    "one param with two values",
    {
      params: [
        { key: "q", value: "1" },
        { key: "q", value: "2" },
      ],
    },
    /q/,
  ),
  { ...onModel("logged_models_delete_tag", "an unknown tag", {}, /No tag with key nothing/), ...NOT_FOUND },
].map((refusal) =>
  refusal.title === "a deleted experiment"
    ? { ...refusal, input: (it: World) => ({ experiment_id: it.deletedExperimentId }) }
    : refusal,
);

suite.describe("logged models", (flavour) => {
  testRefusals(suite, flavour, REFUSALS);

  test("a new model is pending, and ready when it is finalized", async () => {
    const { experimentId, runId } = world;
    const { model } = await ok(
      client.call("logged_models_create", { experiment_id: experimentId, name: "fresh", source_run_id: runId }),
    );
    const { model_id, status, artifact_uri } = model.info;
    expect(model_id).toMatch(/^m-[0-9a-f]{32}$/);
    expect(status).toBe("LOGGED_MODEL_PENDING");
    expect(artifact_uri).toBe(`mlflow-artifacts:/experiments/${experimentId}/models/${model_id}/artifacts`);
    const path = { model_id };
    const finalized = await ok(client.call("logged_models_finalize", { model_id, status: "LOGGED_MODEL_READY" }, path));
    expect(finalized.model.info.status).toBe("LOGGED_MODEL_READY");
  });

  test("a deleted model is shown only to who asks for deleted ones", async () => {
    const { modelId: model_id } = await createWorld(client);
    await ok(client.call("logged_models_delete", {}, { model_id }));
    expect((await client.call("logged_models_get", {}, { model_id })).status).toBe(404);
    expect((await client.call("logged_models_get", { allow_deleted: "True" }, { model_id })).status).toBe(200);
    expect((await client.call("logged_models_get", { allow_deleted: "False" }, { model_id })).status).toBe(404);
  });

  test("a deleted model can be deleted again, tagged and finalized", async () => {
    const { modelId: model_id } = await createWorld(client);
    const path = { model_id };
    for (let i = 0; i < 2; i++) await ok(client.call("logged_models_delete", {}, path));
    await ok(client.call("logged_models_set_tags", { tags: [{ key: "k", value: "v" }] }, path));
    await ok(client.call("logged_models_log_params", { params: [{ key: "p", value: "v" }] }, path));
    const { model } = await ok(client.call("logged_models_finalize", { status: "LOGGED_MODEL_READY" }, path));
    expect(model.info.status).toBe("LOGGED_MODEL_READY");
    expect((await client.call("logged_models_get", {}, path)).status).toBe(404);
  });

  test("deleting and restoring its experiment does not touch a model", async () => {
    const { modelId: model_id, experimentId: experiment_id } = await createWorld(client);
    const { model } = await ok(client.call("logged_models_create", { experiment_id, name: "gone" }));
    await ok(client.call("logged_models_delete", {}, { model_id: model.info.model_id }));
    for (const call of ["experiments_delete", "experiments_restore"]) {
      await ok(client.call(call, { experiment_id }));
      await ok(client.call("logged_models_get", {}, { model_id }));
      const { models } = await ok(client.call("logged_models_search", { experiment_ids: [experiment_id] }));
      expect(models.map((each: { info: { model_id: string } }) => each.info.model_id)).toEqual([model_id]);
    }
  });

  test("tag keys with slashes and percent signs in the path name themselves", async () => {
    const { modelId: model_id } = await createWorld(client);
    const key = "team/a b";
    await ok(client.call("logged_models_set_tags", { tags: [{ key, value: "v" }] }, { model_id }));
    expect((await client.send("DELETE", `/api/2.0/mlflow/logged-models/${model_id}/tags/team/a%20b`)).status).toBe(200);
    const { model } = await ok(client.call("logged_models_get", {}, { model_id }));
    expect(model.info.tags.map((tag: { key: string }) => tag.key)).not.toContain(key);
  });

  test("a metric logged with a model is the model's too", async () => {
    const { runId, modelId } = await createWorld(client);
    const metric = { key: "auc", value: 0.9, timestamp: 5, step: 1 };
    await ok(
      client.call("runs_log_metric", {
        run_id: runId,
        model_id: modelId,
        dataset_name: "d",
        dataset_digest: "1",
        ...metric,
      }),
    );
    const { model } = await ok(client.call("logged_models_get", {}, { model_id: modelId }));
    expect(model.data.metrics).toEqual([
      { ...metric, model_id: modelId, dataset_name: "d", dataset_digest: "1", run_id: runId },
    ]);
  });
});
