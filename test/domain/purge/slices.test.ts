import { describe, expect, it } from "vitest";
import { createExperiment, deleteExperiment, restoreExperiment } from "../../../shared/domain/experiments.ts";
import { handlePurge, watchPurges } from "../../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { Slice } from "../../../shared/domain/purge/slice.ts";
import { PURGE_QUEUE } from "../../../shared/domain/queues.ts";
import { deleteRun, getRun, restoreRun } from "../../../shared/domain/runs/runs.ts";
import { deleteWorkspace } from "../../../shared/domain/workspaces.ts";
import { survives } from "../support.ts";
import {
  anHour,
  blobs,
  catalogOf,
  documentsOf,
  fixture,
  fullModel,
  fullRun,
  MINUTE,
  newWorkspace,
  power,
  put,
  realm,
  setUpWorld,
  useNewWorkspace,
  workspace,
  writeLate,
} from "./world.ts";

setUpWorld();

/** Handles messages with slices of so many steps; how many writes each took. */
async function drainInSlices(steps: number): Promise<number[]> {
  const taken: number[] = [];
  for (;;) {
    const [message] = await fixture.stores.queue.receive(PURGE_QUEUE.name, 1, 30);
    if (!message) return taken;
    power.restart();
    await handlePurge(realm, JSON.parse(message.body), new Slice(steps));
    taken.push(power.writes);
    await fixture.stores.queue.remove(PURGE_QUEUE.name, message);
  }
}

describe("a purge that is too large for one message", () => {
  const STEPS = 8;

  it.each(["experiment", "workspace"] as const)(
    "of an %s goes on where it was, in both sweeps, each message doing a bounded share",
    async (what) => {
      const { name } = workspace;
      const experimentId = await createExperiment(workspace, { name: "e" });
      const ids: string[] = [];
      for (let i = 0; i < 12; i++) ids.push(await (i % 3 ? fullRun : fullModel)(experimentId));
      await createExperiment(workspace, { name: "empty" });
      if (what === "experiment") {
        await deleteExperiment(workspace, experimentId);
        await purgeExperiment(workspace, experimentId);
      } else await deleteWorkspace(realm, name);
      const first = await drainInSlices(STEPS);
      for (const id of ids) expect(await documentsOf(id)).toEqual([]);
      for (const id of ids) await writeLate(experimentId, id, `experiments/${experimentId}`);
      fixture.clock.pass(11 * MINUTE);
      const second = await drainInSlices(STEPS);
      for (const id of ids) expect(await documentsOf(id)).toEqual([]);
      expect([await blobs(), (await catalogOf()).filter((id) => id.startsWith("purge-"))]).toEqual([[], []]);
      if (what === "workspace") expect(await catalogOf()).toEqual([]);
      for (const taken of [first, second]) {
        expect(taken.length).toBeGreaterThan(4);
        // A step is a record's tombstone, a batch of documents or a blob; with what the message itself writes.
        expect(Math.max(...taken)).toBeLessThanOrEqual(STEPS * 2 + 3);
      }
      // Records are not swept again and again: the messages grow with what there is, not with its square.
      expect(second.length).toBeLessThan(ids.length * 3);
    },
  );

  it("of one run with many files goes on where it was", async () => {
    const runId = await fullRun("0");
    for (let i = 0; i < 40; i++) await put(`experiments/0/${runId}/artifacts/${i}`);
    await deleteRun(workspace, runId);
    await purgeRecord(workspace, "run", runId);
    expect((await drainInSlices(STEPS)).length).toBeGreaterThan(5);
    expect([await documentsOf(runId), await blobs()]).toEqual([[], []]);
  });
});

describe("a purge that died before it took hold", () => {
  it("does not take what was restored and deleted anew since then", async () => {
    for (const what of ["run", "experiment"] as const) {
      await useNewWorkspace();
      const experimentId = await createExperiment(workspace, { name: "e" });
      const runId = await fullRun(experimentId);
      const before = [await documentsOf(runId), await blobs()];
      const { deleting, restoring, purging } = {
        run: {
          deleting: () => deleteRun(workspace, runId),
          restoring: () => restoreRun(workspace, runId),
          purging: () => purgeRecord(workspace, "run", runId),
        },
        experiment: {
          deleting: () => deleteExperiment(workspace, experimentId),
          restoring: () => restoreExperiment(workspace, experimentId),
          purging: () => purgeExperiment(workspace, experimentId),
        },
      }[what];
      await deleting();
      power.failAt(1, true);
      expect(await survives(purging)).toBe(false);
      power.restart();
      await restoring();
      fixture.clock.pass(1);
      await deleting();
      for (let i = 0; i < 3; i++) {
        await anHour();
        await watchPurges(realm, 30);
      }
      await anHour();
      expect((await getRun(workspace, runId)).stage).toBe("deleted");
      expect([await documentsOf(runId), await blobs()]).toEqual(before);
      // Asked again, it goes.
      await purging();
      await anHour();
      expect([await documentsOf(runId), await blobs()]).toEqual([[], []]);
    }
  });

  it("or that was asked for twice, with a deletion in between, goes once", async () => {
    const kept = await newWorkspace(`kept-${workspace.name}`);
    const runId = await fullRun("0");
    await deleteRun(workspace, runId);
    power.failAt(1, true);
    expect(await survives(() => purgeRecord(workspace, "run", runId))).toBe(false);
    power.restart();
    await restoreRun(workspace, runId);
    fixture.clock.pass(1);
    await deleteRun(workspace, runId);
    await purgeRecord(workspace, "run", runId);
    await anHour();
    expect([await documentsOf(runId), await blobs(), await blobs(kept)]).toEqual([[], [], []]);
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual([]);
  });
});
