import { describe, expect, it } from "vitest";
import {
  createExperiment,
  deleteExperiment,
  findExperiment,
  restoreExperiment,
} from "../../../shared/domain/experiments.ts";
import { deleteLoggedModel, getLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { watchPurges } from "../../../shared/domain/purge/background.ts";
import { deleteRun, getRun, restoreRun } from "../../../shared/domain/runs/runs.ts";
import { DAY, refusal } from "../support.ts";
import {
  anHour,
  blobs,
  catalogOf,
  documentsOf,
  fixture,
  fullModel,
  fullRun,
  realm,
  setUpWorld,
  workspace,
} from "./world.ts";

setUpWorld();

describe("what is soft-deleted", () => {
  async function deletedThings() {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const runId = await fullRun("0");
    const modelId = await fullModel("0");
    await deleteExperiment(workspace, experimentId);
    await deleteRun(workspace, runId);
    await deleteLoggedModel(workspace, modelId);
    return { experimentId, runId, modelId };
  }

  const areThere = async ({ experimentId, runId, modelId }: Awaited<ReturnType<typeof deletedThings>>) => {
    const found = await Promise.allSettled([getRun(workspace, runId), getLoggedModel(workspace, modelId, true)]);
    return [
      (await findExperiment(workspace, experimentId)) !== undefined,
      ...found.map(({ status }) => status === "fulfilled"),
    ];
  };

  it("goes after 30 days and not before", async () => {
    const things = await deletedThings();
    fixture.clock.pass(30 * DAY);
    await watchPurges(realm, 30);
    expect(await areThere(things)).toEqual([true, true, true]);
    fixture.clock.pass(1);
    await watchPurges(realm, 30);
    expect(await areThere(things)).toEqual([false, false, false]);
    await anHour();
    expect([await blobs(), await documentsOf(things.runId), await documentsOf(things.modelId)]).toEqual([[], [], []]);
    expect((await catalogOf()).filter((id) => /^(trash|purge)-/.test(id))).toEqual([]);
  });

  it("stays for good with a retention of 0 days", async () => {
    const things = await deletedThings();
    fixture.clock.pass(4000 * DAY);
    await watchPurges(realm, 0);
    await anHour();
    expect(await areThere(things)).toEqual([true, true, true]);
  });

  it("stays when it was restored, and counts anew from its last deletion", async () => {
    const runs = [await fullRun("0"), await fullRun("0")] as const;
    const experimentId = await createExperiment(workspace, { name: "e" });
    const within = await fullRun(experimentId);
    for (const runId of [...runs, within]) await deleteRun(workspace, runId);
    await deleteExperiment(workspace, experimentId);
    fixture.clock.pass(20 * DAY);
    for (const runId of runs) await restoreRun(workspace, runId);
    await restoreExperiment(workspace, experimentId);
    await deleteRun(workspace, runs[1]);
    fixture.clock.pass(20 * DAY);
    await watchPurges(realm, 30);
    expect(await Promise.all([...runs, within].map(async (id) => (await getRun(workspace, id)).stage))).toEqual([
      "active",
      "deleted",
      "active",
    ]);
    fixture.clock.pass(11 * DAY);
    await watchPurges(realm, 30);
    await expect(getRun(workspace, runs[1])).rejects.toEqual(refusal("NotFound"));
    expect((await getRun(workspace, runs[0])).stage).toBe("active");
  });

  it("an undone deletion counts no more, also when the experiment is deleted later", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const runs = [await fullRun(experimentId), await fullRun(experimentId)] as const;
    await deleteRun(workspace, runs[0]);
    await deleteExperiment(workspace, experimentId);
    await restoreExperiment(workspace, experimentId);
    expect((await getRun(workspace, runs[0])).stage).toBe("active");
    fixture.clock.pass(28 * DAY);
    await watchPurges(realm, 30);
    await deleteExperiment(workspace, experimentId);
    fixture.clock.pass(3 * DAY);
    await watchPurges(realm, 30);
    await restoreExperiment(workspace, experimentId);
    for (const runId of runs) expect((await getRun(workspace, runId)).stage).toBe("active");
  });

  it("a run cannot be restored inside a deleted experiment, with which it would go", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const runId = await fullRun(experimentId);
    await deleteRun(workspace, runId);
    await deleteExperiment(workspace, experimentId);
    const message = new RegExp(`The experiment ${experimentId} must be in the 'active' state`);
    await expect(restoreRun(workspace, runId)).rejects.toEqual(refusal("InvalidParameter", message));
    expect((await getRun(workspace, runId)).stage).toBe("deleted");
    await restoreExperiment(workspace, experimentId);
    await restoreRun(workspace, runId);
    expect((await getRun(workspace, runId)).stage).toBe("active");
  });

  it("what cannot be purged keeps nothing else from going, and goes once it can", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const [stuck, free] = [await fullRun(experimentId), await fullRun(experimentId)];
    for (const runId of [stuck, free]) {
      await deleteRun(workspace, runId);
      fixture.clock.pass(1);
    }
    fixture.clock.pass(31 * DAY);
    const { documents } = realm.stores;
    const runs = new Proxy(documents.runs, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
        return (...values: unknown[]) => {
          if (name === "get" && String(values[0]).endsWith(stuck)) throw new Error("planted");
          return method.apply(target, values);
        };
      },
    });
    const failing = { ...realm, stores: { ...realm.stores, documents: { ...documents, runs } } };
    await expect(watchPurges(failing, 30)).rejects.toThrow();
    await expect(getRun(workspace, free)).rejects.toEqual(refusal("NotFound"));
    expect((await getRun(workspace, stuck)).stage).toBe("deleted");
    await watchPurges(realm, 30);
    await expect(getRun(workspace, stuck)).rejects.toEqual(refusal("NotFound"));
  });
});
