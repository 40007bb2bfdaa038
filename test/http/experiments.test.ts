import { expect, test } from "vitest";
import { EXISTS, INVALID, NOT_FOUND, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createWorld } from "./world.ts";

const suite = served(["light", "azure"]);
const { client } = suite;

const MISSING = "999999999999999999";

const REFUSALS: Refusal[] = [
  {
    title: "a name that is taken",
    call: "experiments_create",
    input: ({ experimentName: name }) => ({ name }),
    ...EXISTS,
    message: /already exists/,
  },
  {
    title: "the name of a deleted experiment",
    call: "experiments_create",
    input: ({ experimentName }) => ({ name: `${experimentName}-deleted` }),
    ...EXISTS,
    message: /already exists/,
  },
  {
    title: "the name Default",
    call: "experiments_create",
    input: () => ({ name: "Default" }),
    ...EXISTS,
    message: /already exists/,
  },
  {
    title: "a blank name",
    call: "experiments_create",
    input: () => ({ name: "  " }),
    ...INVALID,
    message: /experiment name/,
  },
  {
    title: "a name of 501 characters",
    call: "experiments_create",
    input: () => ({ name: "x".repeat(501) }),
    ...INVALID,
    message: /'name' exceeds the maximum length of 500/,
  },
  {
    title: "a tag whose key is no name",
    call: "experiments_create",
    input: () => ({ name: "tagged", tags: [{ key: "a@b", value: "v" }] }),
    ...INVALID,
    message: /Names may only contain/,
  },
  {
    title: "a tag without a key",
    call: "experiments_create",
    input: () => ({ name: "tagged", tags: [{ value: "v" }] }),
    ...INVALID,
    message: /'tags\[0\]\.key'/,
  },
  ...[
    "http://x/y",
    "https://x/y",
    "file://host/tmp",
    "file:tmp",
    "file:///",
    "ftp://x/y",
    "FTP://x/y",
    "sftp://x/y",
    "hdfs://x/y",
    "viewfs:///y",
    "mlflow-artifacts://x/y",
    "/",
    "/tmp/../x",
    "file:///tmp/%2e%2e/x",
    "./relative",
    "relative",
    "C:/tmp",
    "runs:/a/b",
    "s3://b/../c",
    "s3://b/%2e%2e/c",
    "s3://b/%252e%252e/c",
    "s3://b/c#d",
    "s3://b/c?d=e",
    "s3://b/c;d",
    "s3://b/c\0",
    "s3://b\\c",
  ].map(
    (location): Refusal => ({
      title: `artifacts at ${JSON.stringify(location)}`,
      call: "experiments_create",
      input: () => ({ name: "located", artifact_location: location }),
      ...INVALID,
      message: /rtifact[_ ]location.*Accepted are|runs:/,
    }),
  ),
  {
    title: "artifacts at 2,049 characters",
    call: "experiments_create",
    input: () => ({ name: "located", artifact_location: `s3://b/${"x".repeat(2042)}` }),
    ...INVALID,
    message: /maximum length of 2048/,
  },
  ...["experiments_get", "experiments_delete", "experiments_restore"].flatMap((call): Refusal[] => [
    {
      title: "an unknown id",
      call,
      input: () => ({ experiment_id: MISSING }),
      ...NOT_FOUND,
      message: `No Experiment with id=${MISSING} exists`,
    },
    ...["abc", "-1", "1.0", "0x1", " 1", "1 ", "\u0661", "9".repeat(65), "' OR 1=1"].map(
      (id): Refusal => ({
        title: `the id ${JSON.stringify(id)}`,
        call,
        input: () => ({ experiment_id: id }),
        ...INVALID,
        message: /must be a valid integer/,
      }),
    ),
  ]),
  {
    title: "an unknown name",
    call: "experiments_get_by_name",
    input: () => ({ experiment_name: "nobody" }),
    ...NOT_FOUND,
    message: "Could not find experiment with name 'nobody'",
  },
  {
    title: "deleting twice",
    call: "experiments_delete",
    input: (it) => ({ experiment_id: it.deletedExperimentId }),
    ...NOT_FOUND,
    message: /current state is deleted/,
  },
  {
    title: "restoring what is active",
    call: "experiments_restore",
    input: (it) => ({ experiment_id: it.experimentId }),
    ...NOT_FOUND,
    message: /current state is active/,
  },
  {
    title: "a new name that is taken",
    call: "experiments_update",
    input: (it) => ({ experiment_id: it.experimentId, new_name: "Default" }),
    ...EXISTS,
    message: /already exists/,
  },
  {
    title: "an unknown id",
    call: "experiments_update",
    input: () => ({ experiment_id: MISSING, new_name: "n" }),
    ...NOT_FOUND,
    message: /No Experiment/,
  },
  {
    title: "a tag value of 20,001 characters",
    call: "experiments_set_tag",
    input: (it) => ({ experiment_id: it.experimentId, key: "k", value: "x".repeat(20_001) }),
    ...INVALID,
    message: /maximum length of 20000/,
  },
  {
    title: "a tag key of 251 characters",
    call: "experiments_set_tag",
    input: (it) => ({ experiment_id: it.experimentId, key: "x".repeat(251), value: "v" }),
    ...INVALID,
    message: /maximum length of 250/,
  },
  {
    title: "an unknown tag",
    call: "experiments_delete_tag",
    input: (it) => ({ experiment_id: it.experimentId, key: "nothing" }),
    ...NOT_FOUND,
    message: /No tag with name: nothing/,
  },
  {
    title: "tags of a deleted experiment",
    call: "experiments_set_tag",
    input: (it) => ({ experiment_id: it.deletedExperimentId, key: "k", value: "v" }),
    ...INVALID,
    message: /must be in the 'active' state/,
  },
  {
    title: "a deleted experiment, never with a 5xx that clients would repeat for minutes",
    call: "experiments_update",
    input: (it) => ({ experiment_id: it.deletedExperimentId, new_name: "n" }),
    ...INVALID,
    message: /must be in the 'active' state/,
  },
];

suite.describe("experiments", (flavour) => {
  testRefusals(suite, flavour, REFUSALS);

  test("experiments_create: answers with an id of digits; tags and a location are kept", async () => {
    const input = { name: "kept", artifact_location: "s3://bucket/path/", tags: [{ key: "k", value: "v" }] };
    const { experiment_id } = await ok(client.call("experiments_create", input));
    expect(experiment_id).toMatch(/^\d+$/);
    const { experiment } = await ok(client.call("experiments_get", { experiment_id }));
    expect(experiment).toMatchObject({
      name: "kept",
      artifact_location: "s3://bucket/path",
      lifecycle_stage: "active",
      workspace: "default",
    });
    expect(experiment.tags).toEqual([{ key: "k", value: "v" }]);
  });

  test.each([
    ["file:///mnt/shared/x", "file:///mnt/shared/x"],
    ["file:/mnt/x/", "file:/mnt/x"],
    ["/mnt/shared/an odd/é", "/mnt/shared/an odd/é"],
  ])("experiments_create: %s, which clients share, is recorded and left to them", async (location, recorded) => {
    const input = { name: location, artifact_location: location };
    const { experiment_id } = await ok(client.call("experiments_create", input));
    const { experiment } = await ok(client.call("experiments_get", { experiment_id }));
    expect(experiment.artifact_location).toBe(recorded);
    const { run } = await ok(client.call("runs_create", { experiment_id }));
    const root = `${recorded}/${run.info.run_id}/artifacts`;
    expect(run.info.artifact_uri).toBe(root);
    const listed = await client.call("run_artifacts_list", { run_id: run.info.run_id });
    expect([listed.status, listed.json.message]).toEqual([400, expect.stringContaining("only clients can reach")]);
    await ok(client.call("registered_models_create", { name: `of ${experiment_id}` }));
    const version = { name: `of ${experiment_id}`, source: `${root}/model`, run_id: run.info.run_id };
    const { model_version } = await ok(client.call("model_versions_create", version));
    expect(model_version.source).toBe(`${root}/model`);
    const refused = await client.call("model_versions_create", { ...version, source: "/etc/passwd" });
    expect([refused.status, refused.json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
  });

  test("experiments_create: a location of its own has at least two segments, as clients need", async () => {
    const { experiment_id } = await ok(client.call("experiments_create", { name: "located" }));
    const { experiment } = await ok(client.call("experiments_get", { experiment_id }));
    expect(experiment.artifact_location).toBe(`mlflow-artifacts:/experiments/${experiment_id}`);
  });

  test("experiments_delete: hides its runs, and experiments_restore brings them back", async () => {
    const { experimentId, runId, deletedRunId } = await createWorld(client);
    const stages = async () =>
      Promise.all(
        [runId, deletedRunId].map(
          async (run_id) => (await ok(client.call("runs_get", { run_id }))).run.info.lifecycle_stage,
        ),
      );
    await ok(client.call("experiments_delete", { experiment_id: experimentId }));
    expect(await stages()).toEqual(["deleted", "deleted"]);
    await ok(client.call("experiments_restore", { experiment_id: experimentId }));
    expect(await stages()).toEqual(["active", "active"]);
  });

  test("experiments_update: the old name is free again", async () => {
    const { experimentId, experimentName } = await createWorld(client);
    await ok(client.call("experiments_update", { experiment_id: experimentId, new_name: `${experimentName} renamed` }));
    await ok(client.call("experiments_create", { name: experimentName }));
    const found = await ok(client.call("experiments_get_by_name", { experiment_name: `${experimentName} renamed` }));
    expect(found.experiment.experiment_id).toBe(experimentId);
  });

  test("experiments_set_tag: a tag without a value is empty", async () => {
    const { experimentId } = await createWorld(client);
    await ok(client.call("experiments_set_tag", { experiment_id: experimentId, key: "bare" }));
    const { experiment } = await ok(client.call("experiments_get", { experiment_id: experimentId }));
    expect(experiment.tags).toContainEqual({ key: "bare", value: "" });
  });

  test("experiments_search: is the same by POST and by GET", async () => {
    const input = {
      max_results: 3,
      order_by: ["name DESC", "creation_time"],
      view_type: "ALL",
      filter: "name LIKE 'world%'",
    };
    const posted = await ok(client.call("experiments_search", input));
    expect(posted.experiments.length).toBeGreaterThan(0);
    expect(await ok(client.call("experiments_search_get", input))).toEqual(posted);
  });
});
