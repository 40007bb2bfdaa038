import { describe, expect, it } from "vitest";
import { createExperiment, deleteExperiment, findExperimentByName } from "../../../shared/domain/experiments.ts";
import { watchPurges } from "../../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import { createRegisteredModel } from "../../../shared/domain/registry/models.ts";
import { deleteModelVersion } from "../../../shared/domain/registry/versions.ts";
import { deleteRun } from "../../../shared/domain/runs/runs.ts";
import { deleteWorkspace } from "../../../shared/domain/workspaces.ts";
import { survives } from "../support.ts";
import {
  blobs,
  catalogOf,
  documentsOf,
  drain,
  fixture,
  foundRuns,
  fullModel,
  fullRun,
  loseMessages,
  MINUTE,
  power,
  realm,
  setUpWorld,
  useNewWorkspace,
  workspace,
} from "./world.ts";

setUpWorld();

describe("a purge that is killed", () => {
  /**
   * Dies at each write in turn, until it gets through, and comes back: by its message, or, where that is lost (every other time) or the purge
   * was never acknowledged, by the watchdog.
   */
  async function dyingAtEachWrite(
    prepare: () => Promise<{ purge: () => Promise<unknown>; check: () => Promise<void> }>,
  ): Promise<void> {
    let write = 0;
    for (let survived = false; !survived; ) {
      write++;
      for (const reachesStore of [false, true]) {
        await useNewWorkspace();
        const { purge, check } = await prepare();
        power.failAt(write, reachesStore);
        const asked = await survives(purge);
        await drain();
        fixture.clock.pass(11 * MINUTE);
        await drain();
        survived = power.writes < write;
        power.restart();
        if (!asked) await purge().catch((error: { code?: string }) => expect(error.code).toBe("NotFound"));
        const isLost = (write + Number(reachesStore)) % 2 === 0;
        if (isLost) await loseMessages();
        for (let i = 0; i < 4; i++) {
          fixture.clock.pass(15 * MINUTE);
          if (isLost || !asked) await watchPurges(realm, 0);
          await drain();
        }
        await check();
      }
    }
    expect(write).toBeGreaterThan(8);
  }

  const checkNothingLeft = async (ids: string[], kept: readonly string[]) => {
    for (const id of ids) expect(await documentsOf(id)).toEqual([]);
    expect(await blobs()).toEqual(kept);
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
  };

  it("of a run: is finished by its message, or by the watchdog", async () => {
    await dyingAtEachWrite(async () => {
      const experimentId = await createExperiment(workspace, { name: "e", artifactLocation: "mlflow-artifacts:/a/b" });
      const [runId, keptRun] = [await fullRun(experimentId), await fullRun(experimentId)];
      const kept = (await blobs()).filter((name) => !name.includes(runId));
      await deleteRun(workspace, runId);
      return {
        purge: () => purgeRecord(workspace, "run", runId),
        check: async () => {
          await checkNothingLeft([runId], kept);
          expect(await foundRuns(experimentId)).toEqual([keptRun]);
        },
      };
    });
  });

  it("of a run that a version is made of: is finished when the version is deleted", async () => {
    await dyingAtEachWrite(async () => {
      const runId = await fullRun("0");
      await createRegisteredModel(workspace, { name: "m", tags: [] });
      await createModelVersion(workspace, { name: "m", source: `runs:/${runId}/model`, runId, tags: [] });
      const kept = (await blobs()).filter((name) => name.endsWith("/model/file"));
      await deleteRun(workspace, runId);
      return {
        purge: () => purgeRecord(workspace, "run", runId),
        check: async () => {
          expect([await documentsOf(runId), await blobs()]).toEqual([[], kept]);
          await deleteModelVersion(workspace, "m", "1");
          await watchPurges(realm, 0);
          await drain();
          await checkNothingLeft([runId], []);
        },
      };
    });
  });

  it("of an experiment: is finished by its message, or by the watchdog", async () => {
    await dyingAtEachWrite(async () => {
      const keptRun = await fullRun("0");
      const kept = await blobs();
      const experimentId = await createExperiment(workspace, { name: "e", artifactLocation: "mlflow-artifacts:/a/b" });
      const ids = [await fullRun(experimentId), await fullModel(experimentId)];
      await deleteExperiment(workspace, experimentId);
      return {
        purge: () => purgeExperiment(workspace, experimentId),
        check: async () => {
          await checkNothingLeft(ids, kept);
          expect(await findExperimentByName(workspace, "e")).toBeUndefined();
          expect(await foundRuns("0")).toEqual([keptRun]);
        },
      };
    });
  });

  it("of a workspace: is finished by its message, or by the watchdog", async () => {
    await dyingAtEachWrite(async () => {
      const { name } = workspace;
      const experimentId = await createExperiment(workspace, { name: "e", artifactLocation: "mlflow-artifacts:/a/b" });
      const ids = [await fullRun(experimentId), await fullModel("0")];
      return {
        purge: () => deleteWorkspace(realm, name),
        check: async () => {
          await checkNothingLeft(ids, []);
          expect(await catalogOf()).toEqual([]);
        },
      };
    });
  });
});
