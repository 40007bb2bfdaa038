import { expect, test } from "vitest";
import { INVALID, NO_RUN, NOT_FOUND, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createRun, createWorld } from "./world.ts";

const suite = served(["light", "azure"]);
const { client, world } = suite;

const MISSING_RUN: [call: string, input: object][] = [
  ["runs_get", {}],
  ["runs_update", { status: "FINISHED" }],
  ["runs_delete", {}],
  ["runs_restore", {}],
  ["runs_log_metric", { key: "m", value: 1, timestamp: 1 }],
  ["runs_log_parameter", { key: "p", value: "v" }],
  ["runs_set_tag", { key: "t", value: "v" }],
  ["runs_delete_tag", { key: "t" }],
  ["runs_log_batch", {}],
  ["runs_log_batch", { metrics: [{ key: "m", value: 1, timestamp: 1 }] }],
  ["runs_log_batch", { tags: [{ key: "t", value: "v" }] }],
  ["runs_log_inputs", {}],
  ["runs_outputs", { models: [{ model_id: "m-1", step: 0 }] }],
  ["metrics_get_history", { metric_key: "loss" }],
  ["run_artifacts_list", {}],
];

const WRITES = MISSING_RUN.filter(([call]) => !/get|list|delete$|restore/.test(call));

const REFUSALS: Refusal[] = [
  ...MISSING_RUN.flatMap(([call, input]): Refusal[] => [
    {
      title: `an unknown run (${JSON.stringify(input)})`,
      call,
      input: () => ({ run_id: NO_RUN, ...input }),
      ...NOT_FOUND,
      message: /not found/,
    },
    ...["../..", "a b", "a/b", "-a", "\0", "x".repeat(257)].map(
      (run_id): Refusal => ({
        title: `the run id ${JSON.stringify(run_id).slice(0, 20)} (${JSON.stringify(input)})`,
        call,
        input: () => ({ run_id, ...input }),
        ...INVALID,
        message: /'run_id'/,
      }),
    ),
    {
      title: `no run (${JSON.stringify(input)})`,
      call,
      input: () => input as Record<string, unknown>,
      ...INVALID,
      message: /Missing value for required parameter 'run_id'/,
    },
    {
      title: `a logged model's id (${JSON.stringify(input)})`,
      call,
      input: ({ modelId }) => ({ run_id: modelId, ...input }),
      ...NOT_FOUND,
      message: /not found/,
    },
  ]),
  ...WRITES.map(
    ([call, input]): Refusal => ({
      title: `a deleted run (${JSON.stringify(input)})`,
      call,
      input: ({ deletedRunId }) => ({ run_id: deletedRunId, ...input }),
      ...INVALID,
      message: /must be in the 'active' state. Current state is deleted/,
    }),
  ),
  ...["runs_get", "runs_update", "runs_log_metric", "runs_log_parameter", "runs_set_tag", "metrics_get_history"].map(
    (call): Refusal => ({
      title: "a run_uuid that names another run",
      call,
      input: (it) => ({
        run_id: it.runId,
        run_uuid: it.deletedRunId,
        key: "k",
        value: 1,
        timestamp: 1,
        metric_key: "k",
        ...(/param|tag/.test(call) && { value: "v" }),
      }),
      ...INVALID,
      message: /'run_id' and 'run_uuid' name different runs/,
    }),
  ),
  {
    title: "an unknown experiment",
    call: "runs_create",
    input: () => ({ experiment_id: "999999" }),
    ...NOT_FOUND,
    message: /No Experiment with id=999999/,
  },
  {
    title: "a deleted experiment",
    call: "runs_create",
    input: (it) => ({ experiment_id: it.deletedExperimentId }),
    ...INVALID,
    message: /must be in the 'active' state/,
  },
  {
    title: "an experiment id that is none",
    call: "runs_create",
    input: () => ({ experiment_id: "abc" }),
    ...INVALID,
    message: /must be a valid integer/,
  },
  {
    title: "a name and another in mlflow.runName",
    call: "runs_create",
    input: (it) => ({ experiment_id: it.experimentId, run_name: "a", tags: [{ key: "mlflow.runName", value: "b" }] }),
    ...INVALID,
    message: /Both 'run_name' argument and 'mlflow.runName' tag/,
  },
  {
    title: "an unknown tag",
    call: "runs_delete_tag",
    input: (it) => ({ run_id: it.runId, key: "nothing" }),
    ...NOT_FOUND,
    message: /No tag with name: nothing in run/,
  },
];

suite.describe("runs", (flavour) => {
  testRefusals(suite, flavour, REFUSALS);

  test("runs_create: gives a name where there is none, and the tag mlflow.runName says the same", async () => {
    const { run } = await ok(client.call("runs_create", { experiment_id: world.experimentId, user_id: "me" }));
    expect(run.info).toMatchObject({
      status: "RUNNING",
      user_id: "me",
      lifecycle_stage: "active",
      run_uuid: run.info.run_id,
    });
    expect(run.info.run_id).toMatch(/^[0-9a-f]{32}$/);
    expect(run.data.tags).toEqual([{ key: "mlflow.runName", value: run.info.run_name }]);
  });

  test("runs_get: run_uuid alone will do", async () => {
    const { run } = await ok(client.call("runs_get", { run_uuid: world.runId }));
    expect(run.info.run_id).toBe(world.runId);
  });

  test("runs_update: changes what is given and leaves the rest; a new name changes the tag", async () => {
    const { runId } = await createWorld(client);
    const { run_info: before } = await ok(client.call("runs_update", { run_id: runId }));
    const { run_info } = await ok(
      client.call("runs_update", { run_id: runId, status: "FAILED", end_time: 7, run_name: "new" }),
    );
    expect(run_info).toEqual({ ...before, status: "FAILED", end_time: 7, run_name: "new" });
    const { run } = await ok(client.call("runs_get", { run_id: runId }));
    expect(run.data.tags).toContainEqual({ key: "mlflow.runName", value: "new" });
    for (const [status, name] of [
      [3, "FINISHED"],
      ["4", "FAILED"],
      ["03", "FINISHED"],
      [" 5", "KILLED"],
    ]) {
      expect((await ok(client.call("runs_update", { run_id: runId, status }))).run_info.status).toBe(name);
    }
    for (const status of [0, 9, "9", "", "3.5", "-1", "finished"]) {
      const { json } = await client.call("runs_update", { run_id: runId, status });
      expect([json.error_code, json.message], String(status)).toEqual([
        "INVALID_PARAMETER_VALUE",
        expect.stringMatching(/'status'.*RUNNING/),
      ]);
    }
  });

  test.each<[call: string, input: object]>([
    ["runs_set_tag", { key: "mlflow.runName", value: "" }],
    ["runs_set_tag", { key: "mlflow.runName" }],
    ["runs_log_batch", { tags: [{ key: "mlflow.runName", value: "" }] }],
    ["runs_update", { run_name: "" }],
  ])("%s: an empty name (%j) leaves the run its own", async (call, input) => {
    const runId = await createRun(client, world.experimentId, { run_name: "mine" });
    await ok(client.call(call, { run_id: runId, ...input }));
    const { run } = await ok(client.call("runs_get", { run_id: runId }));
    expect([run.info.run_name, run.data.tags]).toEqual(["mine", [{ key: "mlflow.runName", value: "mine" }]]);
  });

  test("runs_create: an empty name tag is none", async () => {
    const runId = await createRun(client, world.experimentId, { tags: [{ key: "mlflow.runName", value: "" }] });
    const { run } = await ok(client.call("runs_get", { run_id: runId }));
    expect(run.info.run_name).toMatch(/^[a-z]+-[a-z]+-\d+$/);
    expect(run.data.tags).toEqual([{ key: "mlflow.runName", value: run.info.run_name }]);
  });

  test("runs_delete and runs_restore: may be repeated", async () => {
    const { runId } = await createWorld(client);
    for (const [call, stage] of [
      ["runs_delete", "deleted"],
      ["runs_restore", "active"],
    ] as const) {
      for (let i = 0; i < 2; i++) await ok(client.call(call, { run_id: runId }));
      expect((await ok(client.call("runs_get", { run_id: runId }))).run.info.lifecycle_stage).toBe(stage);
    }
  });
});
