import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createExperiment, deleteExperiment, restoreExperiment } from "../../shared/domain/experiments.ts";
import {
  createLoggedModel,
  deleteLoggedModel,
  deleteLoggedModelTag,
  finalizeLoggedModel,
  getLoggedModel,
  logLoggedModelParams,
  setLoggedModelTags,
} from "../../shared/domain/logged-models/models.ts";
import { type ModelSearch, searchLoggedModels } from "../../shared/domain/logged-models/search.ts";
import { logBatch, logMetric } from "../../shared/domain/runs/log.ts";
import { createRun, getRun } from "../../shared/domain/runs/runs.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, Power, raceOf, refusal, survives, withColdMemory } from "./support.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let experimentId: string;
let experiments = 0;
let runId: string;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
beforeEach(async () => {
  experimentId = await createExperiment(workspace, { name: `experiment ${++experiments}` });
  runId = (await createRun(workspace, { experimentId, userId: "u", tags: [] })).view.attributes.runId;
});
afterAll(() => fixture.close());

const newModel = async (name = "m") => {
  fixture.clock.pass(1);
  const input = { experimentId, name, sourceRunId: runId, params: [], tags: [] };
  return (await createLoggedModel(workspace, input)).view.attributes.modelId;
};

const measure = (
  modelId: string,
  value: number,
  more: { key?: string; step?: number; dataset?: string; timestamp?: number } = {},
) => {
  const { key = "acc", step = 1, timestamp = 1, dataset } = more;
  const [datasetName, datasetDigest] = dataset?.split("@") ?? [];
  const origin = { modelId, ...(datasetName && { datasetName }), ...(datasetDigest && { datasetDigest }) };
  return { key, value, step, timestamp, origin };
};

const pointsOf = async (modelId: string) =>
  (await getLoggedModel(withColdMemory(workspace), modelId)).points.map(({ key, value, origin }) => ({
    key,
    value,
    ...origin,
  }));

describe("metrics of a logged model", () => {
  it("are in the model, with the run that logged them, and in the run", async () => {
    const modelId = await newModel();
    await logMetric(workspace, runId, measure(modelId, 0.5, { dataset: "iris@1" }));
    await logBatch(workspace, runId, {
      metrics: [measure(modelId, 0.6), { key: "own", value: 1, timestamp: 1, step: 1 }],
      params: [],
      tags: [],
    });
    expect(await pointsOf(modelId)).toEqual([
      { key: "acc", value: 0.5, modelId, datasetName: "iris", datasetDigest: "1", runId },
      { key: "acc", value: 0.6, modelId, runId },
    ]);
    const { latest } = await getRun(workspace, runId);
    expect([latest.get("acc")!.value, latest.get("acc")!.origin, latest.get("own")!.origin]).toEqual([
      0.6,
      { modelId },
      undefined,
    ]);
  });

  it("are written to the model first: what a run shows, its model has", async () => {
    const modelId = await newModel();
    const batch = { metrics: [measure(modelId, 1)], params: [{ key: "p", value: "v" }], tags: [] };
    for (let write = 1, survived = false; !survived; write++) {
      for (const reachesStore of [false, true]) {
        const power = new Power();
        power.failAt(write, reachesStore);
        const dying = { ...withColdMemory(workspace), stores: power.feed(workspace.stores) };
        survived = await survives(() => logBatch(dying, runId, batch));
        const inRun = (await getRun(workspace, runId)).latest.has("acc");
        if (inRun) expect(await pointsOf(modelId)).toHaveLength(1);
      }
    }
    for (let i = 0; i < 3; i++) await logBatch(workspace, runId, batch);
    expect(await pointsOf(modelId)).toHaveLength(1);
  });

  it("of an unknown model are refused, and then nothing is written at all", async () => {
    const modelId = await newModel();
    const unknown = `m-${"0".repeat(32)}`;
    for (const wrong of [unknown, runId]) {
      const metrics = [measure(modelId, 1), measure(wrong, 1)];
      await expect(logBatch(workspace, runId, { metrics, params: [], tags: [] })).rejects.toEqual(refusal("NotFound"));
      const withParam = { metrics, params: [{ key: "p", value: "v" }], tags: [] };
      await expect(logBatch(workspace, runId, withParam)).rejects.toEqual(refusal("NotFound"));
    }
    const { view, latest } = await getRun(workspace, runId);
    expect([await pointsOf(modelId), latest.size, view.section("params").size]).toEqual([[], 0, 0]);
  });

  it("exact copies are kept once, values on different datasets apart", async () => {
    const modelId = await newModel();
    for (let i = 0; i < 2; i++) {
      for (const dataset of ["iris@1", "iris@2", "wine@1"])
        await logMetric(workspace, runId, measure(modelId, 1, { dataset }));
    }
    expect(
      (await pointsOf(modelId)).map(({ datasetName, datasetDigest }) => `${datasetName}@${datasetDigest}`),
    ).toEqual(["iris@1", "iris@2", "wine@1"]);
  });
});

describe("a logged model", () => {
  it("create, finalize, tags and params read back", async () => {
    const { view } = await createLoggedModel(workspace, {
      experimentId,
      name: "m",
      modelType: "sklearn",
      sourceRunId: runId,
      params: [{ key: "p", value: "1" }],
      tags: [{ key: "t", value: "1" }],
    });
    const { modelId } = view.attributes;
    expect(modelId).toMatch(/^m-[0-9a-f]{32}$/);
    fixture.clock.pass(10);
    await finalizeLoggedModel(workspace, modelId, "LOGGED_MODEL_READY");
    await setLoggedModelTags(workspace, modelId, [
      { key: "t", value: "2" },
      { key: "u", value: "3" },
    ]);
    await logLoggedModelParams(workspace, modelId, [
      { key: "p", value: "1" },
      { key: "q", value: "2" },
    ]);
    await expect(logLoggedModelParams(workspace, modelId, [{ key: "p", value: "9" }])).rejects.toEqual(
      refusal("InvalidParameter"),
    );
    await deleteLoggedModelTag(workspace, modelId, "u");
    await expect(deleteLoggedModelTag(workspace, modelId, "u")).rejects.toEqual(refusal("NotFound"));
    const found = (await getLoggedModel(workspace, modelId)).view;
    expect(found.attributes).toMatchObject({
      name: "m",
      modelType: "sklearn",
      status: "LOGGED_MODEL_READY",
      sourceRunId: runId,
    });
    expect(found.attributes.updatedMs).toBe(fixture.clock.now());
    expect([[...found.section("params")], [...found.section("tags")]]).toEqual([
      [
        ["p", "1"],
        ["q", "2"],
      ],
      [["t", "2"]],
    ]);
  });

  it.each(["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"])("create: refuses the name %j", async (name) => {
    await expect(newModel(name)).rejects.toEqual(refusal("InvalidParameter"));
  });

  it("delete: hides it, though it can be read when asked for; again, or 20 at once, is the same", async () => {
    const modelId = await newModel();
    const { winners } = await raceOf(Array.from({ length: 20 }, () => deleteLoggedModel(workspace, modelId)));
    expect(winners).toHaveLength(20);
    await deleteLoggedModel(workspace, modelId);
    await expect(getLoggedModel(workspace, modelId)).rejects.toEqual(refusal("NotFound"));
    expect((await getLoggedModel(workspace, modelId, true)).view.attributes.modelId).toBe(modelId);
  });

  it("a deleted one still takes tags, params and its status, which alone moves the time of its last update", async () => {
    const modelId = await newModel();
    await deleteLoggedModel(workspace, modelId);
    const attributes = async () => (await getLoggedModel(workspace, modelId, true)).view.attributes;
    const { updatedMs } = await attributes();
    fixture.clock.pass(1000);
    await setLoggedModelTags(workspace, modelId, [{ key: "t", value: "v" }]);
    await deleteLoggedModelTag(workspace, modelId, "t");
    await logLoggedModelParams(workspace, modelId, [{ key: "p", value: "v" }]);
    expect((await attributes()).updatedMs).toBe(updatedMs);
    const finalized = await finalizeLoggedModel(workspace, modelId, "LOGGED_MODEL_READY");
    expect(finalized.view.attributes).toMatchObject({ stage: "deleted", updatedMs: updatedMs + 1000 });
  });

  it("the id of a run is no id of a model", async () => {
    await expect(getLoggedModel(workspace, runId)).rejects.toEqual(refusal("NotFound"));
    await expect(setLoggedModelTags(workspace, runId, [{ key: "t", value: "v" }])).rejects.toEqual(refusal("NotFound"));
    await expect(deleteLoggedModel(workspace, runId)).rejects.toEqual(refusal("NotFound"));
  });
});

describe("search of logged models", () => {
  const everything: ModelSearch = { filter: { clauses: [], metricClauses: [] }, order: [], datasets: [], limit: 100 };

  /** Names of what is found, which a warm and a cold search must agree on, page by page. */
  async function found(request: Partial<ModelSearch> = {}, limit = 2): Promise<string[]> {
    const results = [];
    for (const reader of [workspace, withColdMemory(workspace)]) {
      const names: string[] = [];
      let pageToken: string | undefined;
      do {
        const page = await searchLoggedModels(reader, [experimentId], { ...everything, ...request, limit, pageToken });
        for (const { load } of page.models) names.push((await load())!.view.attributes.name);
        pageToken = page.nextPageToken;
      } while (pageToken);
      results.push(names);
    }
    expect(results[0]).toEqual(results[1]);
    return results[0]!;
  }

  const order = (descending: boolean, dataset?: string) => {
    const [datasetName, datasetDigest] = dataset?.split("@") ?? [];
    const newest = { kind: "number" as const, column: "attribute.creation_timestamp", descending: true };
    return [
      { kind: "metric" as const, key: "acc", descending, ...(datasetName && { datasetName, datasetDigest }) },
      newest,
    ];
  };
  const where = (op: ">" | "=" | "<", value: number) => ({ clauses: [], metricClauses: [{ key: "acc", op, value }] });

  it("metric clauses look at any value, of the datasets asked for; orders at the one logged last", async () => {
    const models = {
      a: await newModel("a"),
      b: await newModel("b"),
      c: await newModel("c"),
      none: await newModel("none"),
    };
    const log = (modelId: string, value: number, timestamp: number, dataset?: string) =>
      logMetric(workspace, runId, measure(modelId, value, { timestamp, dataset }));
    await log(models.a, 0.9, 1, "iris@1");
    await log(models.a, 0.1, 2, "wine@1");
    await log(models.b, 0.5, 1, "iris@1");
    await log(models.b, 0.95, 3, "iris@2");
    await log(models.c, Number.NaN, 1);
    expect((await found()).sort()).toEqual(["a", "b", "c", "none"]);
    expect((await found({ filter: where(">", 0.8) })).sort()).toEqual(["a", "b"]);
    expect(await found({ filter: where(">", 0.8), datasets: [{ name: "iris", digest: "1" }] })).toEqual(["a"]);
    expect((await found({ filter: where(">", 0.8), datasets: [{ name: "iris" }] })).sort()).toEqual(["a", "b"]);
    expect(await found({ datasets: [{ name: "wine" }] })).toEqual(["a"]);
    expect(
      await found({
        filter: { clauses: [], metricClauses: [...where(">", 0.8).metricClauses, ...where("<", 0.2).metricClauses] },
      }),
    ).toEqual(["a"]);
    expect(await found({ order: order(true) })).toEqual(["b", "a", "c", "none"]);
    expect(await found({ order: order(false) })).toEqual(["a", "b", "c", "none"]);
    expect(await found({ order: order(true, "iris@1") })).toEqual(["a", "b", "none", "c"]);
    expect(await found({ order: order(true, "iris") })).toEqual(["b", "a", "none", "c"]);
  });

  it("shows what was just logged, tagged and deleted, whatever becomes of the experiment", async () => {
    const [a, b] = [await newModel("a"), await newModel("b")];
    expect((await found()).sort()).toEqual(["a", "b"]);
    await logMetric(workspace, runId, measure(b, 3));
    expect(await found({ filter: where("=", 3) })).toEqual(["b"]);
    await setLoggedModelTags(workspace, a, [{ key: "t", value: "x" }]);
    expect(
      await found({
        filter: { clauses: [{ kind: "string", column: "tag.t", op: "=", value: "x" }], metricClauses: [] },
      }),
    ).toEqual(["a"]);
    await deleteLoggedModel(workspace, a);
    expect(await found()).toEqual(["b"]);
    await deleteExperiment(workspace, experimentId);
    expect(await found()).toEqual(["b"]);
    await setLoggedModelTags(workspace, b, [{ key: "t", value: "y" }]);
    expect((await getLoggedModel(workspace, b)).view.section("tags").get("t")).toBe("y");
    await restoreExperiment(workspace, experimentId);
    expect(await found()).toEqual(["b"]);
  });

  it("finds models that outgrew their document", async () => {
    const modelId = await newModel("large");
    const tags = Array.from({ length: 60 }, (_, i) => ({ key: `k${i}`, value: "字".repeat(8000) }));
    await setLoggedModelTags(workspace, modelId, tags);
    await newModel("small");
    const clauses = [{ kind: "string" as const, column: "tag.k59", op: "=" as const, value: "字".repeat(8000) }];
    expect(await found({ filter: { clauses, metricClauses: [] } })).toEqual(["large"]);
  });

  it("a page token belongs to its search", async () => {
    for (const name of ["a", "b", "c"]) await newModel(name);
    const { nextPageToken } = await searchLoggedModels(workspace, [experimentId], { ...everything, limit: 1 });
    for (const other of [{ order: order(true) }, { datasets: [{ name: "d" }] }, { filter: where(">", 1) }]) {
      const request = { ...everything, limit: 1, pageToken: nextPageToken, ...other };
      await expect(searchLoggedModels(workspace, [experimentId], request)).rejects.toThrow("Invalid page token");
    }
  });

  it("orders 200 models by the last of 200 values each", async () => {
    for (let i = 0; i < 200; i++) {
      const modelId = await newModel(`m${i}`);
      const metrics = Array.from({ length: 200 }, (_, step) =>
        measure(modelId, (i * 37 + step) % 200, { step, timestamp: step }),
      );
      await logBatch(workspace, runId, { metrics, params: [], tags: [] });
    }
    const names = await found({ order: order(true) }, 100);
    expect(names).toHaveLength(200);
    expect(names[0]).toBe(`m${Array.from({ length: 200 }, (_, i) => (i * 37 + 199) % 200).indexOf(199)}`);
  });
});
