import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { searchExperiments, type View } from "../../shared/domain/experiment-search.ts";
import {
  createExperiment,
  deleteExperiment,
  deleteExperimentTag,
  findExperimentByName,
  getExperiment,
  renameExperiment,
  restoreExperiment,
  setExperimentTag,
} from "../../shared/domain/experiments.ts";
import { createLoggedModel, getLoggedModel } from "../../shared/domain/logged-models/models.ts";
import { logBatch, logMetric, logParam } from "../../shared/domain/runs/log.ts";
import { createRun, deleteRun, getRun, restoreRun, setTag, updateRun } from "../../shared/domain/runs/runs.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { otherProcess } from "./other-process.ts";
import { type DomainFixture, domainFixture, raceOf, refusal, withColdMemory } from "./support.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(() => {
  fixture = domainFixture();
});
beforeEach(async () => {
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const newRun = async (experimentId: string) =>
  (await createRun(workspace, { experimentId, userId: "u", tags: [] })).view.attributes.runId;
const stageOf = async (runId: string) => (await getRun(workspace, runId)).stage;
const names = async (view: View, reader = workspace) =>
  (await searchExperiments(reader, { clauses: [], orderBy: [], limit: 1000, view })).experiments.map(
    ({ name }) => name,
  );

describe("names of experiments", () => {
  it("create: of 20 who want one name one gets it, also from two processes", async () => {
    const other = await otherProcess();
    const far = { ...workspace, memory: new other.Memory() };
    const attempts = Array.from({ length: 20 }, (_, i) =>
      i % 2 ? createExperiment(workspace, { name: "wanted" }) : other.createExperiment(far, { name: "wanted" }),
    );
    const { winners, refusals } = await raceOf(attempts);
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["AlreadyExists"])]);
    expect((await findExperimentByName(workspace, "wanted"))!.experimentId).toBe(await attempts[winners[0]!]);
  });

  it("create: gives ids of 18 digits that nobody else has, also to 2,000 in one millisecond", async () => {
    const ids = await Promise.all(
      Array.from({ length: 2000 }, (_, i) => createExperiment(workspace, { name: `e${i}` })),
    );
    expect(new Set(ids).size).toBe(2000);
    expect(ids.every((id) => /^\d{18}$/.test(id))).toBe(true);
  });

  it("rename: frees the old name at once, takes the new one, and is refused when that is taken", async () => {
    const id = await createExperiment(workspace, { name: "old" });
    const taken = await createExperiment(workspace, { name: "taken" });
    await renameExperiment(workspace, id, "new");
    expect(await findExperimentByName(workspace, "old")).toBeUndefined();
    expect((await findExperimentByName(workspace, "new"))!.experimentId).toBe(id);
    await expect(renameExperiment(workspace, id, "taken")).rejects.toEqual(refusal("AlreadyExists"));
    expect((await getExperiment(workspace, id)).name).toBe("new");
    await deleteExperiment(workspace, taken);
    await expect(renameExperiment(workspace, id, "taken")).rejects.toEqual(refusal("AlreadyExists"));
    await createExperiment(workspace, { name: "old" });
  });

  it("rename: of 20 experiments that want one name one gets it, and each keeps exactly one name", async () => {
    const other = await otherProcess();
    const far = { ...workspace, memory: new other.Memory() };
    const ids = await Promise.all(Array.from({ length: 20 }, (_, i) => createExperiment(workspace, { name: `e${i}` })));
    const { winners, refusals } = await raceOf(
      ids.map((id, i) => (i % 2 ? renameExperiment(workspace, id, "x") : other.renameExperiment(far, id, "x"))),
    );
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["AlreadyExists"])]);
    for (const [i, id] of ids.entries()) {
      const name = i === winners[0] ? "x" : `e${i}`;
      expect((await findExperimentByName(workspace, name))?.experimentId).toBe(id);
    }
    expect(await findExperimentByName(workspace, `e${winners[0]}`)).toBeUndefined();
  });

  it("rename: of 20 names that one experiment is given at once one stays, and the others are free", async () => {
    const other = await otherProcess();
    const far = { ...workspace, memory: new other.Memory() };
    const id = await createExperiment(workspace, { name: "first" });
    const wanted = Array.from({ length: 20 }, (_, i) => `name ${i}`);
    await Promise.all(
      wanted.map((name, i) => (i % 2 ? renameExperiment(workspace, id, name) : other.renameExperiment(far, id, name))),
    );
    const { name: last } = await getExperiment(withColdMemory(workspace), id);
    for (const name of [...wanted, "first"]) {
      expect((await findExperimentByName(workspace, name))?.experimentId).toBe(name === last ? id : undefined);
    }
    expect(await names("ALL")).toEqual(expect.arrayContaining(["Default", last]));
  });

  it("search: shows what was just created, renamed, deleted and restored, warm and cold", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    const check = async (view: View, expected: string[]) => {
      for (const reader of [workspace, withColdMemory(workspace)])
        expect((await names(view, reader)).sort()).toEqual(expected);
    };
    await check("ACTIVE_ONLY", ["Default", "a"]);
    await renameExperiment(workspace, id, "b");
    await check("ACTIVE_ONLY", ["Default", "b"]);
    await deleteExperiment(workspace, id);
    await check("ACTIVE_ONLY", ["Default"]);
    await check("DELETED_ONLY", ["b"]);
    await restoreExperiment(workspace, id);
    await check("DELETED_ONLY", []);
    await check("ALL", ["Default", "b"]);
  });

  it("another workspace has names and ids of its own", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    const elsewhere = await fixture.freshWorkspace();
    expect(await findExperimentByName(elsewhere, "a")).toBeUndefined();
    await expect(getExperiment(elsewhere, id)).rejects.toEqual(refusal("NotFound"));
    const runId = await newRun(id);
    await expect(getRun(elsewhere, runId)).rejects.toEqual(refusal("NotFound"));
    await createExperiment(elsewhere, { name: "a" });
  });
});

describe("deleting and restoring experiments", () => {
  it("delete: takes every run along, restore brings every run back, also those deleted before", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    const [untouched, deletedBefore] = [await newRun(id), await newRun(id)];
    await deleteRun(workspace, deletedBefore);
    expect(await Promise.all([untouched, deletedBefore].map(stageOf))).toEqual(["active", "deleted"]);
    await deleteExperiment(workspace, id);
    expect(await Promise.all([untouched, deletedBefore].map(stageOf))).toEqual(["deleted", "deleted"]);
    await restoreExperiment(workspace, id);
    expect(await Promise.all([untouched, deletedBefore].map(stageOf))).toEqual(["active", "active"]);
  });

  it("a run deleted after its experiment came back stays deleted until it or the experiment is restored again", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    const runId = await newRun(id);
    await deleteExperiment(workspace, id);
    await restoreExperiment(workspace, id);
    await deleteRun(workspace, runId);
    expect(await stageOf(runId)).toBe("deleted");
    await restoreRun(workspace, runId);
    expect(await stageOf(runId)).toBe("active");
    await deleteRun(workspace, runId);
    await deleteExperiment(workspace, id);
    await restoreExperiment(workspace, id);
    expect(await stageOf(runId)).toBe("active");
  });

  it("deleting a run of a deleted experiment changes nothing: it comes back with the experiment", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    const runId = await newRun(id);
    await deleteExperiment(workspace, id);
    await deleteRun(workspace, runId);
    await restoreExperiment(workspace, id);
    expect(await stageOf(runId)).toBe("active");
  });

  it("a run is not restored within a deleted experiment, but with it", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    const runId = await newRun(id);
    await deleteExperiment(workspace, id);
    await expect(restoreRun(workspace, runId)).rejects.toEqual(
      refusal("InvalidParameter", /must be in the 'active' state/),
    );
    expect(await stageOf(runId)).toBe("deleted");
    await restoreExperiment(workspace, id);
    expect(await stageOf(runId)).toBe("active");
    await deleteExperiment(workspace, id);
    expect(await stageOf(runId)).toBe("deleted");
  });

  it("writes to what is deleted are refused, reads are not", async () => {
    const id = await createExperiment(workspace, { name: "a", tags: [{ key: "k", value: "v" }] });
    const runId = await newRun(id);
    const { view } = await createLoggedModel(workspace, { experimentId: id, params: [], tags: [] });
    await deleteExperiment(workspace, id);
    const point = { key: "m", value: 1, timestamp: 1, step: 1 };
    const stored = { key: "k", value: "w" };
    const refused = [
      () => createRun(workspace, { experimentId: id, userId: "u", tags: [] }),
      () => createLoggedModel(workspace, { experimentId: id, params: [], tags: [] }),
      () => logMetric(workspace, runId, point),
      () => logBatch(workspace, runId, { metrics: [point], params: [], tags: [] }),
      () => logBatch(workspace, runId, { metrics: [], params: [], tags: [] }),
      () => logBatch(workspace, runId, { metrics: [point], params: [stored], tags: [stored] }),
      () => logParam(workspace, runId, stored),
      () => setTag(workspace, runId, stored),
      () => updateRun(workspace, runId, { status: "FINISHED" }),
      () => setExperimentTag(workspace, id, stored),
      () => deleteExperimentTag(workspace, id, "k"),
      () => renameExperiment(workspace, id, "b"),
    ];
    for (const write of refused) {
      await expect(write()).rejects.toEqual(refusal("InvalidParameter", /must be in the 'active' state/));
    }
    expect((await getLoggedModel(workspace, view.attributes.modelId)).view.attributes.stage).toBe("active");
    expect((await getExperiment(workspace, id)).tags).toEqual([["k", "v"]]);
    expect((await getRun(workspace, runId)).latest.size).toBe(0);
    await restoreExperiment(workspace, id);
    await logMetric(workspace, runId, point);
    expect((await getLoggedModel(workspace, view.attributes.modelId)).view.attributes.experimentId).toBe(id);
  });

  it("delete and restore: of 20 at once one does it, the others are told that it is done", async () => {
    const id = await createExperiment(workspace, { name: "a" });
    for (const change of [deleteExperiment, restoreExperiment, deleteExperiment]) {
      const { winners, refusals } = await raceOf(Array.from({ length: 20 }, () => change(workspace, id)));
      expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["NotFound"])]);
    }
    expect((await getExperiment(workspace, id)).stage).toBe("deleted");
  });
});

describe("tags of experiments", () => {
  it("set: 20 at once all stay; the last of one key wins; delete of an unknown one is refused", async () => {
    const id = await createExperiment(workspace, { name: "a", tags: [{ key: "k0", value: "first" }] });
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => setExperimentTag(workspace, id, { key: `k${i}`, value: "v" })),
    );
    expect(new Map((await getExperiment(workspace, id)).tags).size).toBe(20);
    await setExperimentTag(workspace, id, { key: "k0", value: "last" });
    expect(new Map((await getExperiment(workspace, id)).tags).get("k0")).toBe("last");
    await deleteExperimentTag(workspace, id, "k0");
    await expect(deleteExperimentTag(workspace, id, "k0")).rejects.toEqual(refusal("NotFound", /No tag with name: k0/));
  });
});
