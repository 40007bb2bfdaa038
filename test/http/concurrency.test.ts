import { expect, test } from "vitest";
import { served } from "./served.ts";
import { type Answer, type Input, ok } from "./support.ts";
import { createRun, createWorld, TIME_MS, type World } from "./world.ts";

const CONNECTIONS = 24;
const BURST = 400;

const times = <T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));

const { client, world, describe: describeServed } = served(["light", "strict", "azure"], { connections: CONNECTIONS });

describeServed("many clients at once", () => {
  const history = async (runId: string, key: string) =>
    (await ok(client.call("metrics_get_history", { run_id: runId, metric_key: key, max_results: 25_000 }))).metrics;

  const dataOf = async (runId: string) => (await ok(client.call("runs_get", { run_id: runId }))).run.data;

  test("log-batch: ten at once on one run lose and double nothing", async () => {
    const runId = await createRun(client, world.experimentId);
    const answers = await times(10, (writer) => {
      const metrics = Array.from({ length: 100 }, (_, i) => metric("shared", writer * 100 + i));
      const own = [{ key: `writer-${writer}`, value: String(writer) }];
      return client.call("runs_log_batch", { run_id: runId, metrics, params: own, tags: own });
    });
    expect(statuses(answers)).toEqual({ 200: 10 });
    expect((await history(runId, "shared")).map(({ step }: { step: number }) => step)).toEqual(upTo(1000));
    const { params, tags, metrics } = await dataOf(runId);
    expect(params).toHaveLength(10);
    expect(tags.filter(({ key }: { key: string }) => key.startsWith("writer-"))).toHaveLength(10);
    expect(metrics).toContainEqual(expect.objectContaining({ key: "shared", value: 999, step: 999 }));
  });

  test("log-batch: a burst of 400 over 24 connections on one run loses and doubles nothing", async () => {
    const runId = await createRun(client, world.experimentId);
    const answers = await times(BURST, (i) => {
      const params = i % 5 === 0 ? [{ key: `p${i}`, value: String(i) }] : [];
      const tags = i % 7 === 0 ? [{ key: `t${i}`, value: String(i) }] : [];
      const metrics = [metric("a", i), metric("b", i), metric(`own-${i % 40}`, i)];
      return client.call("runs_log_batch", { run_id: runId, metrics, params, tags });
    });
    expect(statuses(answers)).toEqual({ 200: BURST });
    for (const key of ["a", "b"]) {
      expect((await history(runId, key)).map(({ value }: { value: number }) => value)).toEqual(upTo(BURST));
    }
    const { params, tags, metrics } = await dataOf(runId);
    expect(valuesOf(params, /^p\d/)).toEqual(upTo(BURST).filter((i) => i % 5 === 0));
    expect(valuesOf(tags, /^t\d/)).toEqual(upTo(BURST).filter((i) => i % 7 === 0));
    expect(metrics).toHaveLength(42);
  });

  test("log-param: of two values of one param at once, one is kept and the other refused", async () => {
    const runId = await createRun(client, world.experimentId);
    const answers = await times(10, (i) =>
      client.call("runs_log_parameter", { run_id: runId, key: "p", value: String(i) }),
    );
    expect(statuses(answers)).toEqual({ 200: 1, 400: 9 });
    const winner = answers.findIndex(({ status }) => status === 200);
    expect((await dataOf(runId)).params).toEqual([{ key: "p", value: String(winner) }]);
  });

  test.each<[what: string, operation: string, status: number]>([
    ["experiment", "experiments_create", 200],
    ["registered model", "registered_models_create", 200],
    ["workspace", "workspaces_create", 201],
  ])("of twenty who create one %s, one wins and the rest are told", async (what, operation, created) => {
    const name = `one-${what.replace(" ", "-")}`;
    const answers = await times(20, () => client.call(operation, { name }));
    expect(statuses(answers)).toEqual({ [created]: 1, 400: 19 });
    const losers = answers.filter(({ status }) => status === 400);
    expect(new Set(losers.map(({ json }) => json.error_code))).toEqual(new Set(["RESOURCE_ALREADY_EXISTS"]));
  });

  test("of twenty who rename different experiments to one name, one wins", async () => {
    const ids = await times(20, async (i) => {
      const { experiment_id } = await ok(client.call("experiments_create", { name: `rename-${i}` }));
      return experiment_id as string;
    });
    const answers = await Promise.all(
      ids.map((id) => client.call("experiments_update", { experiment_id: id, new_name: "renamed" })),
    );
    expect(statuses(answers)).toEqual({ 200: 1, 400: 19 });
    const winner = ids[answers.findIndex(({ status }) => status === 200)];
    const { experiment } = await ok(client.call("experiments_get_by_name", { experiment_name: "renamed" }));
    expect(experiment.experiment_id).toBe(winner);
  });

  test("model-versions/create: thirty at once are the versions 1 to 30", async () => {
    const name = "thirty-versions";
    await ok(client.call("registered_models_create", { name }));
    const { runId } = world;
    const answers = await times(30, (i) =>
      client.call("model_versions_create", { name, source: `runs:/${runId}/m${i}`, run_id: runId }),
    );
    expect(statuses(answers)).toEqual({ 200: 30 });
    const versions = answers.map(({ json }) => Number(json.model_version.version)).sort((a, b) => a - b);
    expect(versions).toEqual(upTo(31).slice(1));
    const found = await ok(client.call("model_versions_search", { filter: `name = '${name}'`, max_results: 100 }));
    expect(found.model_versions).toHaveLength(30);
  });

  test("set-tag: the tags of thirty writers are all kept, on runs, experiments and models", async () => {
    const { runId, experimentId, registeredModel } = await createWorld(client);
    const answers = await times(30, async (i) => {
      const tag = { key: `tag-${i}`, value: String(i) };
      return [
        await client.call("runs_set_tag", { run_id: runId, ...tag }),
        await client.call("experiments_set_tag", { experiment_id: experimentId, ...tag }),
        await client.call("registered_models_set_tag", { name: registeredModel, ...tag }),
      ];
    });
    expect(statuses(answers.flat())).toEqual({ 200: 90 });
    const { experiment } = await ok(client.call("experiments_get", { experiment_id: experimentId }));
    const { registered_model } = await ok(client.call("registered_models_get", { name: registeredModel }));
    for (const tags of [(await dataOf(runId)).tags, experiment.tags, registered_model.tags]) {
      expect(valuesOf(tags, /^tag-/)).toEqual(upTo(30));
    }
  });

  test("delete and log at once: a call is either refused or seen after restoring", async () => {
    const runId = await createRun(client, world.experimentId);
    const [deleted, ...logged] = await Promise.all([
      client.call("runs_delete", { run_id: runId }),
      ...Array.from({ length: 20 }, (_, i) =>
        client.call("runs_log_batch", { run_id: runId, metrics: [metric("m", i)] }),
      ),
    ]);
    expect(deleted!.status).toBe(200);
    expect(logged.filter(({ status }) => status !== 200 && status !== 400)).toEqual([]);
    await ok(client.call("runs_restore", { run_id: runId }));
    const accepted = logged.flatMap(({ status }, i) => (status === 200 ? [i] : []));
    expect((await history(runId, "m")).map(({ step }: { step: number }) => step)).toEqual(accepted);
  });

  test.each<[operation: string, input: (world: World) => Input]>([
    ["runs_log_metric", ({ runId }) => ({ run_id: runId, ...metric("again", 1) })],
    [
      "runs_log_batch",
      ({ runId }) => ({
        run_id: runId,
        metrics: [metric("again", 1), metric("again", 2)],
        params: [{ key: "p", value: "v" }],
        tags: [{ key: "t", value: "v" }],
      }),
    ],
    ["runs_set_tag", ({ runId }) => ({ run_id: runId, key: "t", value: "v" })],
    ["runs_log_parameter", ({ runId }) => ({ run_id: runId, key: "p", value: "v" })],
    ["runs_update", ({ runId }) => ({ run_id: runId, status: "FINISHED", end_time: TIME_MS })],
    ["runs_delete", ({ runId }) => ({ run_id: runId })],
    ["runs_restore", ({ deletedRunId }) => ({ run_id: deletedRunId })],
    ["runs_outputs", ({ runId, modelId }) => ({ run_id: runId, models: [{ model_id: modelId, step: 1 }] })],
    ["registered_models_set_alias", ({ registeredModel }) => ({ name: registeredModel, alias: "a", version: "1" })],
  ])("%s: sent twice, as clients do after a lost answer, is the same as once", async (operation, input) => {
    const once = await createWorld(client);
    const twice = await createWorld(client);
    expect((await client.call(operation, input(once))).status).toBe(200);
    const both = await times(2, () => client.call(operation, input(twice)));
    expect(statuses(both)).toEqual({ 200: 2 });
    expect((await client.call(operation, input(twice))).status).toBe(200);
    expect(await seen(twice)).toEqual(await seen(once));
  });

  /** What repeating a call could have doubled. */
  async function seen({ runId, registeredModel }: World) {
    const { run } = await ok(client.call("runs_get", { run_id: runId }));
    const { registered_model } = await ok(client.call("registered_models_get", { name: registeredModel }));
    return {
      history: (await history(runId, "again")).map(({ value }: { value: number }) => value),
      metrics: run.data.metrics.map(({ key, value }: Input) => [key, value]),
      params: run.data.params,
      tags: run.data.tags.filter(({ key }: { key: string }) => key !== "mlflow.runName"),
      status: [run.info.status, run.info.end_time, run.info.lifecycle_stage],
      outputs: run.outputs.model_outputs.map(({ step }: Input) => step),
      aliases: registered_model.aliases,
    };
  }
});

function metric(key: string, i: number): Input {
  return { key, value: i, timestamp: TIME_MS + i, step: i };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function valuesOf(entries: { key: string; value: string }[], keys: RegExp): number[] {
  const chosen = entries.filter(({ key }) => keys.test(key));
  return chosen.map(({ value }) => Number(value)).sort((a, b) => a - b);
}

function statuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
