import { expect, test } from "vitest";
import { EXISTS, INVALID, NOT_FOUND, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createWorld } from "./world.ts";

const suite = served(["light", "azure"]);
const { client, world } = suite;

const NOBODY = "nobody";

const BY_NAME: [call: string, input: object][] = [
  ["registered_models_get", {}],
  ["registered_models_update", { description: "d" }],
  ["registered_models_rename", { new_name: "renamed" }],
  ["registered_models_delete", {}],
  ["registered_models_latest_versions", {}],
  ["registered_models_latest_versions_get", {}],
  ["registered_models_set_tag", { key: "k", value: "v" }],
  ["registered_models_delete_tag", { key: "k" }],
  ["registered_models_set_alias", { alias: "a", version: "1" }],
  ["registered_models_get_alias", { alias: "best" }],
  ["registered_models_delete_alias", { alias: "best" }],
  ["model_versions_create", { source: "s3://b/m" }],
];

const BY_VERSION: [call: string, input: object][] = [
  ["model_versions_get", {}],
  ["model_versions_update", { description: "d" }],
  ["model_versions_transition_stage", { stage: "Staging" }],
  ["model_versions_delete", {}],
  ["model_versions_get_download_uri", {}],
  ["model_versions_set_tag", { key: "k", value: "v" }],
  ["model_versions_delete_tag", { key: "k" }],
  ["registered_models_set_alias", { alias: "a" }],
];

const named = (call: string, title: string, more: object, message: RegExp): Refusal => ({
  title,
  call,
  input: ({ registeredModel }) => ({ name: registeredModel, ...more }),
  ...INVALID,
  message,
});

const MODELS: Refusal[] = [
  {
    ...named("registered_models_create", "a name that is taken", {}, /Registered Model \(name=.*\) already exists/),
    ...EXISTS,
  },
  ...["a/b", "a:b", " ", ".", "..", "../x", "x".repeat(257)].map((name) =>
    named("registered_models_create", `the name ${JSON.stringify(name).slice(0, 20)}`, { name }, /name/),
  ),
  ...["a/b", "a:b", " ", "x".repeat(257)].map((new_name) =>
    named("registered_models_rename", `the new name ${JSON.stringify(new_name).slice(0, 20)}`, { new_name }, /name/),
  ),
  named(
    "registered_models_create",
    "a description of 5,001 characters",
    { name: "long", description: "x".repeat(5001) },
    /'description' exceeds/,
  ),
  named(
    "registered_models_set_tag",
    "a tag value of 100,001 characters",
    { key: "k", value: "x".repeat(100_001) },
    /maximum length of 100000/,
  ),
  named("registered_models_delete_tag", "a tag key that is no name", { key: "a@b" }, /Names may only contain/),
  named("model_versions_delete_tag", "a tag key that is no name", { version: "1", key: "../b" }, /would resolve to/),
  named("registered_models_set_tag", "a tag key that is no name", { key: "a@b", value: "v" }, /Names may only contain/),
  named(
    "registered_models_latest_versions",
    "an unknown stage",
    { stages: ["Retired"] },
    /Invalid Model Version stage: Retired/,
  ),
  ...["latest", "LATEST", "v1", "V22", "a b", "a/b", "a.b", "x".repeat(256)].map((alias) =>
    named("registered_models_set_alias", `the alias ${alias.slice(0, 20)}`, { alias, version: "1" }, /alias/),
  ),
  named(
    "registered_models_get_alias",
    "an unknown alias, which is 400 because clients expect it",
    { alias: "nothing" },
    /Registered model alias nothing not found/,
  ),
  ...BY_NAME.map(
    ([call, input]): Refusal => ({
      title: "an unknown model",
      call,
      input: () => ({ name: NOBODY, ...input }),
      ...NOT_FOUND,
      message: /not found/,
    }),
  ),
];

const VERSIONS: Refusal[] = [
  ...BY_VERSION.flatMap(([call, input]): Refusal[] => [
    {
      ...named(
        call,
        "an unknown version",
        { version: "99", ...input },
        /Model Version \(name=.*version=99\) not found/,
      ),
      ...NOT_FOUND,
    },
    ...["abc", "1.5", "-1", "1e0", "9".repeat(20)].map((version) =>
      named(call, `the version ${version}`, { version, ...input }, /'version'/),
    ),
  ]),
  named(
    "model_versions_transition_stage",
    "an unknown stage",
    { version: "1", stage: "Retired" },
    /Invalid Model Version stage: Retired. Value must be one of None, Staging, Production, Archived/,
  ),
  named(
    "model_versions_transition_stage",
    "archiving for a stage that has no rivals",
    { version: "1", stage: "None", archive_existing_versions: true },
    /archive/i,
  ),
  named(
    "model_versions_set_tag",
    "a tag key that is no name",
    { version: "1", key: "../x", value: "v" },
    /would resolve to/,
  ),
];

const SOURCES = [
  "/etc/passwd",
  "file:///etc/passwd",
  "relative/path",
  "s3://b/../c",
  "s3://b/%2e%2e/c",
  "s3://b/%252e%252e/c",
  "s3://b/c\0",
  "http://host/a/../b",
  "models:/nobody",
  "models://host/nobody/1",
  `models:/m-${"0".repeat(32)}`,
  "runs:/",
  `runs:/${"0".repeat(32)}/model`,
  "mlflow-artifacts:/experiments/1/x/artifacts/model",
  "mlflow-artifacts://host/experiments/1",
  "x".repeat(2049),
];

const CREATE: Refusal[] = [
  ...SOURCES.map((source) =>
    named("model_versions_create", `the source ${JSON.stringify(source).slice(0, 60)}`, { source }, /source/),
  ),
  {
    ...named("model_versions_create", "a run's files without naming the run", {}, /run_id request parameter/),
    input: (it) => ({ name: it.registeredModel, source: `runs:/${it.runId}/model` }),
  },
  {
    ...named("model_versions_create", "a run's files naming another run", {}, /run_id request parameter/),
    input: (it) => ({ name: it.registeredModel, source: `runs:/${it.runId}/model`, run_id: it.deletedRunId }),
  },
  {
    ...named("model_versions_create", "a run's files by address, naming another run", {}, /run_id request parameter/),
    input: (it) => ({
      name: it.registeredModel,
      source: `mlflow-artifacts:/${it.artifactFolder}`,
      run_id: it.deletedRunId,
    }),
  },
  {
    ...named("model_versions_create", "a logged model without naming it", {}, /model_id request parameter/),
    input: (it) => ({ name: it.registeredModel, source: `models:/${it.modelId}` }),
  },
  {
    ...named(
      "model_versions_create",
      "a version naming another run than its own",
      {},
      /must match the referenced model version/,
    ),
    input: (it) => ({ name: it.registeredModel, source: `models:/${it.registeredModel}/1`, run_id: it.deletedRunId }),
  },
  named(
    "model_versions_create",
    "a description of 5,001 characters",
    { source: "s3://b/m", description: "x".repeat(5001) },
    /'description' exceeds/,
  ),
];

suite.describe("the registry", (flavour) => {
  testRefusals(suite, flavour, [...MODELS, ...VERSIONS, ...CREATE]);

  test("a rename that another model's name stops leaves both", async () => {
    const other = await createWorld(client);
    const { status, json } = await client.call("registered_models_rename", {
      name: other.registeredModel,
      new_name: world.registeredModel,
    });
    expect([status, json.error_code]).toEqual([400, "RESOURCE_ALREADY_EXISTS"]);
    for (const name of [other.registeredModel, world.registeredModel]) {
      expect((await client.call("registered_models_get", { name })).json.registered_model.latest_versions).toHaveLength(
        1,
      );
    }
  });

  test("a version may be a number wherever one is named", async () => {
    const { registeredModel: name } = await createWorld(client);
    await ok(client.call("registered_models_set_alias", { name, alias: "first", version: 1 }));
    const { model_version } = await ok(client.call("registered_models_get_alias", { name, alias: "first" }));
    expect(model_version.version).toBe("1");
    await ok(client.call("model_versions_update", { name, version: 1, description: "d" }));
    for (const version of [1.5, -1, true]) {
      const { status, json } = await client.call("registered_models_set_alias", { name, alias: "first", version });
      expect([status, json.message], String(version)).toEqual([400, expect.stringContaining("'version'")]);
    }
  });

  test("a deleted version takes its aliases along, and its number is not given again", async () => {
    const { registeredModel: name, runId: run_id } = await createWorld(client);
    await ok(client.call("model_versions_delete", { name, version: "1" }));
    expect((await client.call("registered_models_get_alias", { name, alias: "best" })).status).toBe(400);
    const { model_version } = await ok(
      client.call("model_versions_create", { name, source: `runs:/${run_id}/m`, run_id }),
    );
    expect(model_version).toMatchObject({ version: "2", status: "READY", current_stage: "None", run_id });
  });

  test("deleting what is not there is refused for models and versions, and nothing for tags and aliases", async () => {
    const { registeredModel: name } = world;
    expect((await client.call("registered_models_delete_tag", { name, key: "nothing" })).status).toBe(200);
    expect((await client.call("registered_models_delete_alias", { name, alias: "nothing" })).status).toBe(200);
    expect((await client.call("model_versions_delete_tag", { name, version: "1", key: "nothing" })).status).toBe(200);
  });

  test("archiving moves the rivals of a stage, in any spelling of the stage", async () => {
    const { registeredModel: name, runId: run_id } = await createWorld(client);
    await ok(client.call("model_versions_create", { name, source: `runs:/${run_id}/m`, run_id }));
    const move = (version: string) =>
      ok(
        client.call("model_versions_transition_stage", {
          name,
          version,
          stage: "pRODUCTION",
          archive_existing_versions: true,
        }),
      );
    await move("1");
    expect((await move("2")).model_version.current_stage).toBe("Production");
    expect((await ok(client.call("model_versions_get", { name, version: "1" }))).model_version.current_stage).toBe(
      "Archived",
    );
  });

  test("model_versions_get_download_uri: says where the files of a logged model are", async () => {
    const { registeredModel: name, modelId: model_id } = await createWorld(client);
    const { model_version } = await ok(
      client.call("model_versions_create", { name, source: `models:/${model_id}`, model_id }),
    );
    const { artifact_uri } = await ok(
      client.call("model_versions_get_download_uri", { name, version: model_version.version }),
    );
    expect(artifact_uri).toMatch(new RegExp(`^mlflow-artifacts:/experiments/\\d+/models/${model_id}/artifacts$`));
  });
});
