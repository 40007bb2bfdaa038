import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLoggedModel, getLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { loadInput, logInputs, logOutputs } from "../../../shared/domain/runs/inputs.ts";
import { logBatch, logMetric, logParam } from "../../../shared/domain/runs/log.ts";
import { recordModel } from "../../../shared/domain/runs/log-model.ts";
import {
  createRun,
  deleteRun,
  deleteTag,
  getRun,
  restoreRun,
  setTag,
  updateRun,
} from "../../../shared/domain/runs/runs.ts";
import type { Tag } from "../../../shared/domain/tag.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import { otherProcess } from "../other-process.ts";
import { type DomainFixture, domainFixture, raceOf, refusal } from "../support.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const newRun = async (more: { name?: string; tags?: Tag[] } = {}) =>
  (await createRun(workspace, { experimentId: "0", userId: "u", tags: [], ...more })).view.attributes.runId;
const point = (key: string, value = 1) => ({ key, value, timestamp: 1, step: 1 });
const section = async (runId: string, name: "params" | "tags") =>
  Object.fromEntries((await getRun(workspace, runId)).view.section(name));
const itemsOf = async (id: string) => {
  const items = [];
  for await (const page of workspace.stores.documents.runs.list(runsPartition(workspace, id))) items.push(...page);
  return items;
};

describe("params", () => {
  it("of 20 values for one key at once, from two processes, one wins and the others are refused", async () => {
    const other = await otherProcess();
    const far = { ...workspace, memory: new other.Memory() };
    const runId = await newRun();
    const attempts = Array.from({ length: 20 }, (_, i) => {
      const param = { key: "lr", value: `0.${i}` };
      if (i % 3 === 0) return logParam(workspace, runId, param);
      if (i % 3 === 1) return other.logParam(far, runId, param);
      return logBatch(workspace, runId, {
        metrics: [point(`m${i}`)],
        params: [param, { key: `p${i}`, value: "v" }],
        tags: [],
      });
    });
    const { winners, refusals } = await raceOf(attempts);
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["InvalidParameter"])]);
    const [winner] = winners as [number];
    const { latest } = await getRun(workspace, runId);
    const batchWon = winner % 3 === 2;
    expect(await section(runId, "params")).toEqual({ lr: `0.${winner}`, ...(batchWon && { [`p${winner}`]: "v" }) });
    expect([...latest.keys()]).toEqual(batchWon ? [`m${winner}`] : []);
  });

  it("20 different keys at once, from two processes, all stay", async () => {
    const other = await otherProcess();
    const far = { ...workspace, memory: new other.Memory() };
    const runId = await newRun();
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await Promise.all(
      keys.map((key, i) =>
        i % 2 ? logParam(workspace, runId, { key, value: "v" }) : other.logParam(far, runId, { key, value: "v" }),
      ),
    );
    expect(Object.keys(await section(runId, "params")).sort()).toEqual(keys.sort());
  });

  it("the same value again is fine, also the empty one; another one is refused, naming both", async () => {
    const runId = await newRun();
    for (let i = 0; i < 2; i++) await logParam(workspace, runId, { key: "a", value: "" });
    await expect(logParam(workspace, runId, { key: "a", value: "x" })).rejects.toEqual(
      refusal(
        "InvalidParameter",
        /Param with key='a' was already logged with value='' for run ID='.*'. Attempted logging new value 'x'/,
      ),
    );
  });

  it("a batch with one conflicting param writes nothing of itself", async () => {
    const runId = await newRun();
    const { view } = await createLoggedModel(workspace, { experimentId: "0", params: [], tags: [] });
    const { modelId } = view.attributes;
    await logParam(workspace, runId, { key: "b", value: "1" });
    const before = await itemsOf(runId);
    const batch = {
      metrics: [point("m"), { ...point("n"), origin: { modelId } }],
      params: [
        { key: "a", value: "1" },
        { key: "b", value: "2" },
        { key: "c", value: "3" },
      ],
      tags: [{ key: "t", value: "v" }],
    };
    await expect(logBatch(workspace, runId, batch)).rejects.toEqual(
      refusal("InvalidParameter", /Params were already logged='\[\{"key":"b","old_value":"1","new_value":"2"\}\]'/),
    );
    expect(await itemsOf(runId)).toEqual(before);
    expect((await getLoggedModel(workspace, modelId)).points).toEqual([]);
  });

  it("a batch names each key once and keeps the limits", async () => {
    const runId = await newRun();
    const many = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
    const param = (key: string | number) => ({ key: String(key), value: "v" });
    const refused: [object, RegExp][] = [
      [{ params: [param("a"), param("a")] }, /Duplicate parameter keys have been submitted: \["a"\]/],
      [{ metrics: many(1001, (i) => point(`m${i}`)) }, /at most 1000 metrics. Got 1001 metrics/],
      [{ params: many(101, param) }, /at most 100 params. Got 101 params/],
      [{ tags: many(101, param) }, /at most 100 tags. Got 101 tags/],
      [
        { metrics: many(950, (i) => point(`m${i}`)), params: many(60, param) },
        /at most 1000 metrics, params, and tags/,
      ],
      [{ metrics: [point("ok"), point("../x")] }, /metrics\[1\].name/],
      [{ metrics: [point("ok"), { ...point("ok"), timestamp: -1 }] }, /metrics\[1\].timestamp/],
      [{ params: [param("a"), param("/b")] }, /params\[1\].key/],
      [{ tags: [param("k".repeat(251))] }, /exceeds the maximum length of 250/],
      [{ metrics: [point("k".repeat(251))] }, /'Metric name' exceeds the maximum length of 250/],
      [{ metrics: [{ ...point("a"), origin: { datasetName: "d".repeat(501) } }] }, /exceeds the maximum length of 500/],
    ];
    for (const [batch, message] of refused) {
      const whole = { metrics: [], params: [], tags: [], ...batch };
      await expect(logBatch(workspace, runId, whole)).rejects.toEqual(refusal("InvalidParameter", message));
    }
    expect((await itemsOf(runId)).length).toBe(1);
  });

  it("values that are too long are cut, never through a character", async () => {
    const runId = await newRun();
    await logParam(workspace, runId, { key: "p", value: `${"x".repeat(5999)}😀😀` });
    await setTag(workspace, runId, { key: "t", value: "y".repeat(8001) });
    expect((await section(runId, "params")).p).toBe(`${"x".repeat(5999)}😀`);
    expect((await section(runId, "tags")).t).toBe("y".repeat(8000));
  });
});

describe("run name and its tag", () => {
  const both = async (runId: string) => {
    const { view } = await getRun(workspace, runId);
    return [view.attributes.name, view.section("tags").get("mlflow.runName")];
  };

  it("are one, whichever is set", async () => {
    expect(await both(await newRun({ name: "a" }))).toEqual(["a", "a"]);
    const runId = await newRun({ tags: [{ key: "mlflow.runName", value: "b" }] });
    expect(await both(runId)).toEqual(["b", "b"]);
    await setTag(workspace, runId, { key: "mlflow.runName", value: "c" });
    expect(await both(runId)).toEqual(["c", "c"]);
    await updateRun(workspace, runId, { name: "d" });
    expect(await both(runId)).toEqual(["d", "d"]);
    await logBatch(workspace, runId, { metrics: [], params: [], tags: [{ key: "mlflow.runName", value: "e" }] });
    expect(await both(runId)).toEqual(["e", "e"]);
  });

  it("create: invents one when there is none, and refuses two different ones", async () => {
    expect((await both(await newRun()))[0]).toMatch(/^[a-z]+-[a-z]+-\d+$/);
    await expect(newRun({ name: "a", tags: [{ key: "mlflow.runName", value: "b" }] })).rejects.toEqual(
      refusal("InvalidParameter", /run_name='a', mlflow.runName='b'/),
    );
  });

  it("update: stay one when ten set them at once", async () => {
    const runId = await newRun();
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        i % 2
          ? updateRun(workspace, runId, { name: `n${i}` })
          : setTag(workspace, runId, { key: "mlflow.runName", value: `n${i}` }),
      ),
    );
    const [name, tag] = await both(runId);
    expect(tag).toBe(name);
  });

  it("update: a name that is too long is cut, as the tag is", async () => {
    const runId = await newRun();
    await updateRun(workspace, runId, { name: "n".repeat(3_000_000) });
    expect(await both(runId)).toEqual(["n".repeat(8000), "n".repeat(8000)]);
  });
});

describe("a run", () => {
  it("update: changes what is given and leaves the rest", async () => {
    const runId = await newRun({ name: "a" });
    await updateRun(workspace, runId, { status: "FINISHED", endMs: 5 });
    await updateRun(workspace, runId, { endMs: 7 });
    const { view } = await getRun(workspace, runId);
    expect(view.attributes).toMatchObject({ name: "a", status: "FINISHED", endMs: 7 });
  });

  it("delete and restore: again changes nothing; a deleted run takes no writes", async () => {
    const runId = await newRun({ tags: [{ key: "t", value: "v" }] });
    for (let i = 0; i < 2; i++) await deleteRun(workspace, runId);
    await expect(logMetric(workspace, runId, point("m"))).rejects.toEqual(
      refusal("InvalidParameter", /Current state is deleted/),
    );
    await expect(setTag(workspace, runId, { key: "a", value: "b" })).rejects.toEqual(refusal("InvalidParameter"));
    await expect(deleteTag(workspace, runId, "t")).rejects.toEqual(refusal("InvalidParameter"));
    expect((await getRun(workspace, runId)).stage).toBe("deleted");
    for (let i = 0; i < 2; i++) await restoreRun(workspace, runId);
    await logMetric(workspace, runId, point("m"));
  });

  it("is not a logged model: the id of one is no id of a run", async () => {
    const { view } = await createLoggedModel(workspace, { experimentId: "0", params: [], tags: [] });
    const { modelId } = view.attributes;
    const stored = { key: "k", value: "v" };
    const attempts = [
      () => getRun(workspace, modelId),
      () => logMetric(workspace, modelId, point("m")),
      () => logBatch(workspace, modelId, { metrics: [point("m")], params: [stored], tags: [] }),
      () => setTag(workspace, modelId, stored),
      () => updateRun(workspace, modelId, { status: "FINISHED" }),
      () => deleteRun(workspace, modelId),
      () => restoreRun(workspace, modelId),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toEqual(refusal("NotFound", /Run with id=m-/));
    expect(await itemsOf(modelId)).toHaveLength(1);
  });

  it("unknown and impossible ids are told apart", async () => {
    await expect(getRun(workspace, "0".repeat(32))).rejects.toEqual(refusal("NotFound"));
    await expect(getRun(workspace, "../head")).rejects.toEqual(refusal("InvalidParameter"));
  });

  it("inputs: a dataset is known by name and digest; long schemas and profiles come back whole", async () => {
    const runId = await newRun();
    const dataset = {
      name: "d",
      digest: "1",
      sourceType: "local",
      source: "s",
      tags: [{ key: "context", value: "train" }],
    };
    const long = "字".repeat(70_000);
    await logInputs(workspace, runId, [dataset, dataset], ["m-1"]);
    await logInputs(
      workspace,
      runId,
      [
        { ...dataset, tags: [] },
        { ...dataset, digest: "2", schema: long, profile: "p" },
      ],
      [],
    );
    await logOutputs(workspace, runId, [{ modelId: "m-2", step: 3 }]);
    const { view } = await getRun(workspace, runId);
    const inputs = await Promise.all([...view.section("inputs").values()].map((input) => loadInput(workspace, input)));
    expect(inputs.map(({ digest, schema, profile, tags }) => ({ digest, schema, profile, tags }))).toEqual([
      { digest: "1", schema: undefined, profile: undefined, tags: [["context", "train"]] },
      { digest: "2", schema: long, profile: "p", tags: [["context", "train"]] },
    ]);
    expect([[...view.section("modelInputs").keys()], [...view.section("outputs")]]).toEqual([["m-1"], [["m-2", 3]]]);
  });

  it("log-model: keeps a list without doubles, refuses what is no model, and says when the list is full", async () => {
    const runId = await newRun();
    const model = (path: string, flavors = "") =>
      JSON.stringify({ artifact_path: path, flavors: { f: flavors }, utc_time_created: "t", run_id: runId });
    for (const path of ["a", "b", "a"]) await recordModel(workspace, runId, model(path));
    const history = JSON.parse((await section(runId, "tags"))["mlflow.log-model.history"]!);
    expect(history.map(({ artifact_path }: { artifact_path: string }) => artifact_path)).toEqual(["a", "b"]);
    for (const bad of ["{", "[]", "null", "{}"]) {
      await expect(recordModel(workspace, runId, bad)).rejects.toEqual(refusal("InvalidParameter"));
    }
    await expect(recordModel(workspace, runId, model("c", "字".repeat(900_000)))).rejects.toEqual(
      refusal("InvalidParameter", /exceeds the maximum length/),
    );
  });
});
