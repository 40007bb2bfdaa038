import { describe, expect, it } from "vitest";
import { createExperiment, deleteExperiment, experimentDocumentId } from "../../../shared/domain/experiments.ts";
import { deleteLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { watchPurges } from "../../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import {
  createRegisteredModel,
  deleteRegisteredModel,
  renameRegisteredModel,
  setAlias,
} from "../../../shared/domain/registry/models.ts";
import { deleteModelVersion } from "../../../shared/domain/registry/versions.ts";
import { createRun, deleteRun, getRun } from "../../../shared/domain/runs/runs.ts";
import { DAY, refusal, withEachWrite } from "../support.ts";
import {
  anHour,
  blobs,
  catalogOf,
  documentsOf,
  fixture,
  fullModel,
  fullRun,
  LOCATIONS,
  MINUTE,
  pathOf,
  put,
  realm,
  setUpWorld,
  workspace,
} from "./world.ts";

setUpWorld();

const artifacts = async () =>
  (await blobs()).filter((name) => name.startsWith("artifacts/")).map((name) => name.split("/").slice(2).join("/"));

async function register(name: string, source: string, owner: { runId?: string; modelId?: string }) {
  await createRegisteredModel(workspace, { name, tags: [] }).catch(() => undefined);
  return createModelVersion(workspace, { name, source, tags: [], ...owner });
}

async function watchedHour(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    fixture.clock.pass(15 * MINUTE);
    await watchPurges(realm, 30);
    await anHour();
  }
}

describe("files of a registered version", () => {
  it.each(LOCATIONS)(
    "stay when the run that made them is purged, in %s, and go with it",
    async (_, artifactLocation) => {
      const experimentId = await createExperiment(workspace, { name: "e", artifactLocation });
      const runId = await fullRun(experimentId);
      const root = pathOf((await getRun(workspace, runId)).view.attributes.artifactUri);
      await put(`${root}/model/sub/weights`);
      await put(`${root}/model-of-another/file`);
      await register("m", `runs:/${runId}/model`, { runId });
      await setAlias(workspace, "m", "champion", 1);
      await register("copy", "models:/m/1", {});
      await deleteRun(workspace, runId);

      const { kept } = await purgeRecord(workspace, "run", runId);
      expect(kept).toEqual([
        { name: "copy", version: 1 },
        { name: "m", version: 1 },
      ]);
      await watchedHour();
      await watchedHour();
      const files = [`${root}/model/file`, `${root}/model/sub/weights`];
      expect([await artifacts(), await documentsOf(runId)]).toEqual([files, []]);
      expect((await blobs()).filter((name) => name.startsWith("values/"))).toEqual([]);

      await renameRegisteredModel(workspace, "m", "renamed");
      await deleteModelVersion(workspace, "renamed", "1");
      await watchedHour();
      expect(await artifacts()).toEqual(files);
      await deleteRegisteredModel(workspace, "copy");
      await watchedHour();
      expect([await blobs(), (await catalogOf()).filter((id) => id.startsWith("purge-"))]).toEqual([[], []]);
    },
  );

  it("stay when the run goes by itself after its time", async () => {
    const runId = await fullRun("0");
    await register("m", `runs:/${runId}/model`, { runId });
    await deleteRun(workspace, runId);
    fixture.clock.pass(31 * DAY);
    const told: string[] = [];
    await watchPurges(realm, 30, (line) => told.push(line));
    expect(told).toEqual([`The run ${runId} was purged; files stay for version 1 of 'm'.`]);
    await watchedHour();
    await expect(getRun(workspace, runId)).rejects.toEqual(refusal("NotFound"));
    expect(await artifacts()).toEqual([`experiments/0/${runId}/artifacts/model/file`]);
    fixture.clock.pass(40 * DAY);
    await deleteModelVersion(workspace, "m", "1");
    await watchedHour();
    expect(await blobs()).toEqual([]);
  });

  it.each(LOCATIONS)(
    "stay when their logged model, or the experiment of it, is purged, in %s",
    async (_, artifactLocation) => {
      const experimentId = await createExperiment(workspace, { name: "e", artifactLocation });
      const [purgedId, modelId] = [await fullModel(experimentId), await fullModel(experimentId)];
      const runId = await fullRun(experimentId);
      await register("m", `models:/${purgedId}`, { modelId: purgedId });
      await register("m", `models:/${modelId}`, { modelId });
      await register("m", `runs:/${runId}/model`, { runId });
      const neighbour = await createExperiment(workspace, {
        name: "n",
        artifactLocation: "mlflow-artifacts:/shared/place",
      });
      const neighbourRun = await fullRun(neighbour);
      await register("of-another", `runs:/${neighbourRun}/model`, { runId: neighbourRun });
      const before = (await artifacts()).filter((name) => name.includes("/weights") || name.includes("/model/"));
      expect(before.length).toBe(4);

      await deleteLoggedModel(workspace, purgedId);
      expect(await purgeRecord(workspace, "model", purgedId)).toEqual({ kept: [{ name: "m", version: 1 }] });
      await deleteExperiment(workspace, experimentId);
      expect(await purgeExperiment(workspace, experimentId)).toEqual({
        kept: [
          { name: "m", version: 2 },
          { name: "m", version: 3 },
        ],
      });
      await watchedHour();
      await watchedHour();
      expect(await artifacts()).toEqual(before);
      for (const id of [purgedId, modelId, runId]) expect(await documentsOf(id)).toEqual([]);

      for (const version of ["1", "2", "3"]) await deleteModelVersion(workspace, "m", version);
      await watchedHour();
      expect(await artifacts()).toEqual(before.filter((name) => name.includes(neighbourRun)));
      expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
    },
  );

  it("a version that comes into being while its run is purged keeps its files, or is refused", async () => {
    for (const when of ["before the version is written", "after it"] as const) {
      const runId = await fullRun("0");
      await createRegisteredModel(workspace, { name: when, tags: [] });
      await deleteRun(workspace, runId);
      let isPurged = false;
      const purge = async () => {
        if (isPurged) return;
        isPurged = true;
        await purgeRecord({ ...workspace, stores: fixture.stores }, "run", runId);
        await anHour();
      };
      const stores = withEachWrite(fixture.stores, async (write) => {
        if (when === "before the version is written") await purge();
        const result = await write();
        await purge();
        return result;
      });
      const input = { name: when, source: `runs:/${runId}/model`, runId, tags: [] };
      const made = await createModelVersion({ ...workspace, stores }, input).then(
        () => true,
        (error) => {
          expect(error).toEqual(refusal("InvalidParameter"));
          return false;
        },
      );
      expect(isPurged).toBe(true);
      expect(made ? await artifacts() : "refused").toEqual(
        made ? [`experiments/0/${runId}/artifacts/model/file`] : "refused",
      );
      if (!made) await expect(deleteModelVersion(workspace, when, "1")).rejects.toEqual(refusal("NotFound"));
      else await deleteRegisteredModel(workspace, when);
      await watchedHour();
      expect(await artifacts()).toEqual([]);
    }
  });
});

describe("the location of another experiment", () => {
  it("is refused below the folder of an experiment, of a run or of a logged model, however it is written", async () => {
    const experimentId = await createExperiment(workspace, { name: "a" });
    const own = await createExperiment(workspace, { name: "own", artifactLocation: "mlflow-artifacts:/own" });
    const [runId, modelId] = [await fullRun(own), await fullModel(own)];
    const folders = [
      `experiments/${experimentId}`,
      `experiments/${experimentId}/b`,
      `/experiments//${experimentId}/b/`,
      `experiments/%3${experimentId[0]}${experimentId.slice(1)}/b`,
      "experiments/0",
      "experiments/9999",
      `own/${runId}`,
      `own/${runId}/artifacts/b`,
      `own/models/${modelId}/artifacts`,
    ];
    for (const [i, folder] of folders.entries()) {
      const artifactLocation = `mlflow-artifacts:/${folder}`;
      const making = createExperiment(workspace, { name: `b${i}`, artifactLocation });
      await expect(making, folder).rejects.toEqual(refusal("InvalidParameter", /artifact_location|artifact location/));
    }
    for (const folder of [
      "experiments",
      "experiments/mine",
      `of/${runId}`,
      `experiment/${experimentId}`,
      "own/models",
    ]) {
      await createExperiment(workspace, { name: folder, artifactLocation: `mlflow-artifacts:/${folder}` });
    }
  });

  it("that an older version took keeps its files when the experiment above it is purged", async () => {
    const { catalog } = workspace.stores.documents;
    const above = await createExperiment(workspace, { name: "a" });
    const { view } = await createRun(workspace, { experimentId: above, userId: "u", tags: [] });
    const { runId } = view.attributes;
    const kept: string[] = [];
    for (const [name, folder] of [
      ["b", `experiments/${above}/b`],
      ["c", `experiments/${above}/${runId}/artifacts/c`],
    ] as const) {
      const below = await createExperiment(workspace, { name });
      const stored = await catalog.get<never>(workspace.id, experimentDocumentId(below));
      const item = stored!.item as { experiment: object } & typeof stored;
      const experiment = { ...item.experiment, artifactLocation: `mlflow-artifacts:/${folder}` };
      await catalog.replace(workspace.id, { ...item, experiment } as never, stored!.etag);
      kept.push(`${folder}/${await fullRun(below)}/artifacts/model/file`);
    }
    await fullRun(above);
    await deleteExperiment(workspace, above);
    await purgeExperiment(workspace, above);
    await watchedHour();
    expect(await artifacts()).toEqual(kept.sort());
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
  });
});
