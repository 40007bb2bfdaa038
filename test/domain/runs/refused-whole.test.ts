import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createExperiment, setExperimentTag } from "../../../shared/domain/experiments.ts";
import { createLoggedModel, setLoggedModelTags } from "../../../shared/domain/logged-models/models.ts";
import { createRegisteredModel, setRegisteredModelTag } from "../../../shared/domain/registry/models.ts";
import { type DatasetInput, logInputs } from "../../../shared/domain/runs/inputs.ts";
import { logBatch } from "../../../shared/domain/runs/log.ts";
import { createRun, getRun } from "../../../shared/domain/runs/runs.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, Power, refusal, withColdMemory } from "../support.ts";

/* What does not fit is refused before anything of it is written, in words of whoever sent it. */

let fixture: DomainFixture;
let workspace: Workspace;
let power: Power;

beforeAll(() => {
  fixture = domainFixture();
});
beforeEach(async () => {
  power = new Power();
  const { stores, ...rest } = await fixture.freshWorkspace();
  workspace = { ...rest, stores: power.feed(stores) };
});
afterAll(() => fixture.close());

async function newRun(): Promise<string> {
  return (await createRun(workspace, { experimentId: "0", userId: "u", tags: [] })).view.attributes.runId;
}

const dataset = (i: number): DatasetInput => ({
  name: `d${i}`,
  digest: "1",
  sourceType: "t",
  source: "s".repeat(65_000),
  schema: "x".repeat(i % 2 ? 70_000 : 60_000),
  tags: [],
});

/** Calls again and again until one is refused; how many writes that one made. */
async function writesOfRefusal(call: (i: number) => Promise<unknown>, words: RegExp): Promise<number> {
  for (let i = 0; ; i++) {
    expect(i).toBeLessThan(200);
    power.restart();
    power.writes = 0;
    const error = await call(i).then(
      () => undefined,
      (refused) => refused,
    );
    if (!error) continue;
    expect(error).toEqual(refusal("TooLarge", words));
    expect(error.message).not.toMatch(/page-|head|version-|experiment-|model-\w{8}/);
    return power.writes;
  }
}

describe("a call that is refused because something becomes too large", () => {
  it("log-inputs: nothing is stored of 50 datasets, neither documents nor blobs", async () => {
    const runId = await newRun();
    const call = (i: number) =>
      logInputs(
        workspace,
        runId,
        Array.from({ length: 50 }, (_, k) => dataset(i * 50 + k)),
        [],
      );
    expect(await writesOfRefusal(call, /datasets/)).toBe(0);
    const { view } = await getRun(withColdMemory(workspace), runId);
    expect(view.section("inputs").size % 50).toBe(0);
  });

  it("log-batch: neither its tags nor the points of logged models", async () => {
    const runId = await newRun();
    const { modelId } = (await createLoggedModel(workspace, { experimentId: "0", params: [], tags: [] })).view
      .attributes;
    const call = (i: number) => {
      const tags = Array.from({ length: 100 }, (_, k) => ({ key: `k${i * 100 + k}`, value: "字".repeat(8000) }));
      const metrics = [{ key: "m", value: 1, timestamp: i, step: 0, origin: { modelId } }];
      return logBatch(workspace, runId, { metrics, params: [], tags });
    };
    expect(await writesOfRefusal(call, /tags/)).toBe(0);
  });

  it("logged models, experiments and registered models: their tags", async () => {
    const { modelId } = (await createLoggedModel(workspace, { experimentId: "0", params: [], tags: [] })).view
      .attributes;
    const many = (i: number) =>
      Array.from({ length: 200 }, (_, k) => ({ key: `k${i * 200 + k}`, value: "字".repeat(8000) }));
    expect(await writesOfRefusal((i) => setLoggedModelTags(workspace, modelId, many(i)), /tags/)).toBe(0);
    const experimentId = await createExperiment(workspace, { name: "e" });
    const long = (i: number, length: number) => ({ key: `k${i}`, value: "x".repeat(length) });
    await writesOfRefusal((i) => setExperimentTag(workspace, experimentId, long(i, 20_000)), /tags of this experiment/);
    await createRegisteredModel(workspace, { name: "m", tags: [] });
    await writesOfRefusal((i) => setRegisteredModelTag(workspace, "m", long(i, 100_000)), /tags/);
  });
});
