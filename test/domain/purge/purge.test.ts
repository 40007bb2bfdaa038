import { describe, expect, it } from "vitest";
import { searchExperiments } from "../../../shared/domain/experiment-search.ts";
import {
  createExperiment,
  deleteExperiment,
  findExperiment,
  findExperimentByName,
  restoreExperiment,
} from "../../../shared/domain/experiments.ts";
import { deleteLoggedModel, getLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { handlePurge, watchPurges } from "../../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import { createRegisteredModel } from "../../../shared/domain/registry/models.ts";
import { createRun, deleteRun, getRun, restoreRun } from "../../../shared/domain/runs/runs.ts";
import { deleteWorkspace, openWorkspace } from "../../../shared/domain/workspaces.ts";
import { collect } from "../../contract/support.ts";
import { DAY, raceOf, refusal, survives } from "../support.ts";
import {
  anHour,
  blobs,
  catalogOf,
  documentsOf,
  drain,
  fixture,
  foundRuns,
  fullModel,
  fullRun,
  LOCATIONS,
  newWorkspace,
  pathOf,
  power,
  put,
  realm,
  setUpWorld,
  workspace,
  writeLate,
} from "./world.ts";

setUpWorld();

describe("purge of a run", () => {
  it.each(LOCATIONS)("removes documents and blobs in %s, and nothing else", async (_, artifactLocation) => {
    const experimentId = await createExperiment(workspace, { name: "e", artifactLocation });
    const [gone, kept] = [await fullRun(experimentId), await fullRun(experimentId)];
    const keptDocuments = await documentsOf(kept);
    await put("shared/place/of-nobody");
    const before = await blobs();
    await expect(purgeRecord(workspace, "run", gone)).rejects.toEqual(refusal("InvalidState", /delete it first/));
    await deleteRun(workspace, gone);
    await purgeRecord(workspace, "run", gone);
    await expect(getRun(workspace, gone)).rejects.toEqual(refusal("NotFound"));
    expect(await foundRuns(experimentId)).toEqual([kept]);
    await anHour();
    expect(await documentsOf(gone)).toEqual([]);
    expect(await blobs()).toEqual(before.filter((name) => !name.includes(gone)));
    expect(await documentsOf(kept)).toEqual(keptDocuments);
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
    await expect(purgeRecord(workspace, "run", gone)).rejects.toEqual(refusal("NotFound"));
  });

  it("a sweep ten minutes later finds what late writers left, however often the message came before", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const runId = await fullRun(experimentId);
    await deleteRun(workspace, runId);
    await purgeRecord(workspace, "run", runId);
    await drain();
    for (let i = 0; i < 2; i++) await handlePurge(realm, { kind: "run", workspaceId: workspace.id, id: runId });
    await writeLate(experimentId, runId, `experiments/${experimentId}`);
    expect(await documentsOf(runId)).not.toEqual([]);
    expect(await foundRuns(experimentId)).toEqual([]);
    await anHour();
    expect(await documentsOf(runId)).toEqual([]);
    expect((await blobs()).filter((name) => name.includes(runId))).toEqual([]);
  });

  it.each([
    "mlflow-artifacts:/a//b",
    "mlflow-artifacts:/a/./b",
    "mlflow-artifacts:/",
    "mlflow-artifacts:/a\tb",
    "s3://bucket/x",
  ])("is not stopped by a location where no artifact can lie or that is not ours: %j", async (artifactLocation) => {
    const experimentId = await createExperiment(workspace, { name: "e", artifactLocation });
    const { view } = await createRun(workspace, { experimentId, userId: "u", tags: [] });
    const { runId } = view.attributes;
    await deleteRun(workspace, runId);
    await purgeRecord(workspace, "run", runId);
    await anHour();
    await deleteExperiment(workspace, experimentId);
    await purgeExperiment(workspace, experimentId);
    await anHour();
    expect(await documentsOf(runId)).toEqual([]);
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
  });

  it("a logged model goes the same way, its run stays", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const modelId = await fullModel(experimentId);
    await expect(purgeRecord(workspace, "run", modelId)).rejects.toEqual(refusal("NotFound"));
    await deleteLoggedModel(workspace, modelId);
    await purgeRecord(workspace, "model", modelId);
    await anHour();
    await expect(getLoggedModel(workspace, modelId, true)).rejects.toEqual(refusal("NotFound"));
    expect([await documentsOf(modelId), await blobs()]).toEqual([[], []]);
    expect(await foundRuns(experimentId)).toHaveLength(1);
  });

  it("a run that comes back before its purge has taken hold stays whole", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const runId = await fullRun(experimentId);
    const before = [await documentsOf(runId), await blobs()];
    await deleteRun(workspace, runId);
    power.failAt(1, true);
    expect(await survives(() => purgeRecord(workspace, "run", runId))).toBe(false);
    power.restart();
    await restoreRun(workspace, runId);
    await expect(purgeRecord(workspace, "run", runId)).rejects.toEqual(refusal("InvalidState"));
    for (let i = 0; i < 3; i++) {
      await anHour();
      await watchPurges(realm, 30);
    }
    expect((await getRun(workspace, runId)).stage).toBe("active");
    expect([await documentsOf(runId), await blobs()]).toEqual(before);
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
  });
});

describe("purge of an experiment", () => {
  it.each(LOCATIONS)(
    "removes its runs and models with their blobs in %s, and frees its name",
    async (_, artifactLocation) => {
      const experimentId = await createExperiment(workspace, { name: "e", artifactLocation });
      const kept = await fullRun("0");
      await put("shared/place/of-nobody");
      const before = await blobs();
      const ids = [await fullRun(experimentId), await fullModel(experimentId), await fullRun(experimentId)];
      await deleteRun(workspace, ids[2]!);
      await expect(purgeExperiment(workspace, experimentId)).rejects.toEqual(refusal("InvalidState"));
      await deleteExperiment(workspace, experimentId);
      await purgeExperiment(workspace, experimentId);
      expect(await findExperiment(workspace, experimentId)).toBeUndefined();
      expect(await findExperimentByName(workspace, "e")).toBeUndefined();
      const again = await createExperiment(workspace, { name: "e" });
      await drain();
      const root = pathOf(artifactLocation ?? `mlflow-artifacts:/experiments/${experimentId}`);
      for (const id of ids) await writeLate(experimentId, id, id.startsWith("m-") ? `${root}/models` : root);
      await anHour();
      for (const id of ids) expect(await documentsOf(id)).toEqual([]);
      expect(await blobs()).toEqual(before);
      expect(await foundRuns("0")).toEqual([kept]);
      expect((await findExperimentByName(workspace, "e"))!.experimentId).toBe(again);
      const { experiments } = await searchExperiments(workspace, { clauses: [], orderBy: [], limit: 10, view: "ALL" });
      expect(experiments.map((each) => each.experimentId).sort()).toEqual(["0", again]);
    },
  );

  it("the Default experiment stays", async () => {
    await deleteExperiment(workspace, "0");
    await expect(purgeExperiment(workspace, "0")).rejects.toEqual(refusal("InvalidState"));
    fixture.clock.pass(31 * DAY);
    await watchPurges(realm, 30);
    await anHour();
    expect((await findExperiment(workspace, "0"))!.stage).toBe("deleted");
    await restoreExperiment(workspace, "0");
  });
});

describe("a workspace that is deleted", () => {
  it("takes everything along; a new one of its name sees nothing of it, and the others stay", async () => {
    const kept = await newWorkspace(`kept-${workspace.name}`);
    const keptRun = await fullRun("0", kept);
    const keptState = [await documentsOf(keptRun, kept), await blobs(kept), await catalogOf(kept)];
    const { name } = workspace;
    const runId = await fullRun("0");
    const modelId = await fullModel(
      await createExperiment(workspace, { name: "e", artifactLocation: "mlflow-artifacts:/a/b" }),
    );
    await createRegisteredModel(workspace, { name: "m", tags: [] });
    await createModelVersion(workspace, { name: "m", source: "s3://b/m", tags: [] });
    await deleteWorkspace(realm, name);
    await expect(openWorkspace(realm, name)).rejects.toEqual(refusal("NotFound"));
    const again = await newWorkspace(name);
    expect(again.id).not.toBe(workspace.id);
    expect(await findExperimentByName(again, "e")).toBeUndefined();
    await expect(getRun(again, runId)).rejects.toEqual(refusal("NotFound"));
    expect(await foundRuns("0", again)).toEqual([]);
    await drain();
    await writeLate("0", runId, "experiments/0");
    await anHour();
    expect([await documentsOf(runId), await documentsOf(modelId), await blobs(), await catalogOf()]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    expect([await documentsOf(keptRun, kept), await blobs(kept), await catalogOf(kept)]).toEqual(keptState);
    const all = fixture.stores.documents.catalog.list("workspaces", { from: "gone-", to: "gone." });
    expect(await collect(all)).toEqual([]);
  });

  it("delete: of ten at once one does it, the others are told that it is gone", async () => {
    const { winners, refusals } = await raceOf(
      Array.from({ length: 10 }, () => deleteWorkspace(realm, workspace.name)),
    );
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["NotFound"])]);
    await expect(deleteWorkspace(realm, "default")).rejects.toEqual(refusal("InvalidState"));
  });
});
