import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { artifactBlob } from "../../shared/domain/artifacts.ts";
import { searchExperiments } from "../../shared/domain/experiment-search.ts";
import {
  createExperiment,
  deleteExperiment,
  findExperiment,
  findExperimentByName,
  restoreExperiment,
} from "../../shared/domain/experiments.ts";
import { appendPoints, pointsItem } from "../../shared/domain/metrics/append.ts";
import { createLoggedModel, deleteLoggedModel, getLoggedModel } from "../../shared/domain/models/models.ts";
import { handlePurge, watchPurges } from "../../shared/domain/purge/background.ts";
import { PURGE_QUEUE } from "../../shared/domain/purge/messages.ts";
import { purgeExperiment, purgeRecord } from "../../shared/domain/purge/purge.ts";
import { createRegisteredModel } from "../../shared/domain/registry/models.ts";
import { createModelVersion } from "../../shared/domain/registry/versions.ts";
import { logInputs } from "../../shared/domain/runs/inputs.ts";
import { logBatch } from "../../shared/domain/runs/log.ts";
import { createRun, deleteRun, getRun, restoreRun, runsScope } from "../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../shared/domain/runs/search.ts";
import { Memory, runsPartition, type Workspace } from "../../shared/domain/workspace.ts";
import { createWorkspace, deleteWorkspace, openWorkspace, type Realm } from "../../shared/domain/workspaces.ts";
import { collect } from "../contract/support.ts";
import { DAY, type DomainFixture, domainFixture, Power, raceOf, refusal, SECOND, survives, withColdMemory } from "./support.ts";

let fixture: DomainFixture;
let realm: Realm;
let workspace: Workspace;
let workspaces = 0;
let power: Power;

beforeAll(() => {
  fixture = domainFixture();
});
beforeEach(async () => {
  power = new Power();
  realm = { ...fixture.realm, stores: power.feed(fixture.stores), memory: new Memory() };
  workspace = await newWorkspace(`purged-${++workspaces}`);
});
afterAll(() => fixture.close());

async function newWorkspace(name: string): Promise<Workspace> {
  await createWorkspace(realm, name, "");
  return openWorkspace(realm, name);
}

const MINUTE = 60 * SECOND;
const put = (path: string, of = workspace) => of.stores.blobs.put(artifactBlob(of, path), Buffer.from("content"));
/** Where a client's request for an address ends up. */
const pathOf = (uri: string) => decodeURIComponent(uri.replace("mlflow-artifacts:/", "").replace("% ", "%25 "));

/** A run with everything a run can have: params, metrics, pages, a long schema in a blob, artifacts. */
async function fullRun(experimentId: string, of = workspace): Promise<string> {
  const tags = Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, value: "x".repeat(8000) }));
  const { view } = await createRun(of, { experimentId, userId: "u", tags });
  const { runId, artifactUri } = view.attributes;
  const metrics = [{ key: "m", value: 1, timestamp: 1, step: 1 }];
  await logBatch(of, runId, { metrics, params: [{ key: "p", value: "v" }], tags: [] });
  const dataset = { name: "d", digest: "1", sourceType: "t", source: "s", schema: "s".repeat(70_000), tags: [] };
  await logInputs(of, runId, [dataset], []);
  await put(`${pathOf(artifactUri)}/model/file`, of);
  return runId;
}

async function fullModel(experimentId: string, of = workspace): Promise<string> {
  const { view } = await createLoggedModel(of, { experimentId, params: [], tags: [] });
  const { modelId, artifactUri } = view.attributes;
  const { view: run } = await createRun(of, { experimentId, userId: "u", tags: [] });
  const metrics = [{ key: "m", value: 1, timestamp: 1, step: 1, origin: { modelId } }];
  await logBatch(of, run.attributes.runId, { metrics, params: [], tags: [] });
  await put(`${pathOf(artifactUri)}/weights`, of);
  return modelId;
}

/** What the queue's handlers do until nothing is left to do now; a handler that dies leaves its message for later. */
async function drain(): Promise<void> {
  for (;;) {
    const [message] = await fixture.stores.queue.receive(PURGE_QUEUE, 1, 30);
    if (!message) return;
    if (await survives(() => handlePurge(realm, JSON.parse(message.body)))) {
      await fixture.stores.queue.remove(PURGE_QUEUE, message);
    }
  }
}

/** Lets an hour pass in which messages are handled. */
async function anHour(): Promise<void> {
  for (let i = 0; i < 12; i++) {
    await drain();
    fixture.clock.pass(5 * MINUTE);
  }
}

async function loseMessages(): Promise<void> {
  for (;;) {
    const [message] = await fixture.stores.queue.receive(PURGE_QUEUE, 1, 30);
    if (!message) return;
    await fixture.stores.queue.remove(PURGE_QUEUE, message);
  }
}

/** Everything stored about a record but its tombstone. */
async function documentsOf(id: string, of = workspace): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of fixture.stores.documents.runs.list(runsPartition(of, id))) {
    ids.push(...page.filter(({ item }) => !("kind" in item && item.kind === "tombstone")).map(({ item }) => item.id));
  }
  return ids;
}

async function blobs(of = workspace): Promise<string[]> {
  const names: string[] = [];
  for (const container of ["artifacts", "values", "metrics"]) {
    for await (const page of fixture.stores.blobs.list(`${container}/${of.id}/`)) names.push(...page.blobs.map(({ name }) => name));
  }
  return names;
}

async function catalogOf(of = workspace): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of fixture.stores.documents.catalog.list(of.id)) {
    ids.push(...page.filter(({ item }) => !("kind" in item && item.kind === "tombstone")).map(({ item }) => item.id));
  }
  return ids;
}

async function foundRuns(experimentId: string, of = workspace): Promise<string[]> {
  const request = { clauses: [], orderBy: [], limit: 100, view: "ALL" as const };
  const [warm, cold] = await Promise.all(
    [of, withColdMemory(of)].map((reader) => searchRuns(reader, [experimentId], request)),
  );
  const ids = warm!.runs.map(({ runId }) => runId);
  expect(cold!.runs.map(({ runId }) => runId)).toEqual(ids);
  return ids;
}

const LOCATIONS: [string, string | undefined][] = [
  ["its default location", undefined],
  ["a location of its own", "mlflow-artifacts:/shared/place"],
  ["a location with characters that URIs encode", "mlflow-artifacts:/shared/an%20odd%C3%A9 place"],
  ["a location with a per cent sign", "mlflow-artifacts:/shared/100% sure"],
];

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

  it("the second sweep finds what late writers left", async () => {
    const experimentId = await createExperiment(workspace, { name: "e" });
    const runId = await fullRun(experimentId);
    await deleteRun(workspace, runId);
    await purgeRecord(workspace, "run", runId);
    await drain();
    await writeLate(experimentId, runId, `experiments/${experimentId}`);
    expect(await documentsOf(runId)).not.toEqual([]);
    expect(await foundRuns(experimentId)).toEqual([]);
    await anHour();
    expect(await documentsOf(runId)).toEqual([]);
    expect((await blobs()).filter((name) => name.includes(runId))).toEqual([]);
  });

  it.each(["mlflow-artifacts:/a//b", "mlflow-artifacts:/a/./b", "mlflow-artifacts:/", "mlflow-artifacts:/a\tb", "s3://bucket/x"])(
    "is not stopped by a location where no artifact can lie or that is not ours: %j",
    async (artifactLocation) => {
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
    },
  );

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

async function writeLate(experimentId: string, runId: string, folder: string): Promise<void> {
  const points = [{ key: "late", value: 1, timestamp: 1, step: 1 }];
  const item = pointsItem(fixture.clock.now(), runsScope(workspace, experimentId), runId, points);
  await appendPoints(workspace, runsPartition(workspace, runId), item);
  await put(`${folder}/${runId}/artifacts/late`);
  await workspace.stores.blobs.put(`values/${runsPartition(workspace, runId)}/late`, Buffer.from("late"));
}

describe("purge of an experiment", () => {
  it.each(LOCATIONS)("removes its runs and models with their blobs in %s, and frees its name", async (_, artifactLocation) => {
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
  });

  it("the Default experiment stays", async () => {
    await deleteExperiment(workspace, "0");
    await expect(purgeExperiment(workspace, "0")).rejects.toEqual(refusal("InvalidParameter"));
    fixture.clock.pass(31 * DAY);
    await watchPurges(realm, 30);
    await anHour();
    expect((await findExperiment(workspace, "0"))!.stage).toBe("deleted");
    await restoreExperiment(workspace, "0");
  });
});

describe("a workspace that is deleted", () => {
  it("takes everything along; a new one of its name sees nothing of it, and the others stay", async () => {
    const kept = await newWorkspace(`kept-${workspaces}`);
    const keptRun = await fullRun("0", kept);
    const keptState = [await documentsOf(keptRun, kept), await blobs(kept), await catalogOf(kept)];
    const name = `purged-${workspaces}`;
    const runId = await fullRun("0");
    const modelId = await fullModel(await createExperiment(workspace, { name: "e", artifactLocation: "mlflow-artifacts:/a/b" }));
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
    expect([await documentsOf(runId), await documentsOf(modelId), await blobs(), await catalogOf()]).toEqual([[], [], [], []]);
    expect([await documentsOf(keptRun, kept), await blobs(kept), await catalogOf(kept)]).toEqual(keptState);
    const all = fixture.stores.documents.catalog.list("workspaces", { from: "gone-", to: "gone." });
    expect(await collect(all)).toEqual([]);
  });

  it("delete: of ten at once one does it, the others are told that it is gone", async () => {
    const { winners, refusals } = await raceOf(Array.from({ length: 10 }, () => deleteWorkspace(realm, `purged-${workspaces}`)));
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["NotFound"])]);
    await expect(deleteWorkspace(realm, "default")).rejects.toEqual(refusal("InvalidParameter"));
  });
});

describe("a purge that is killed", () => {
  /** Dies at each write in turn and comes back, by its message or by the watchdog, until it gets through. */
  async function dyingAtEachWrite(
    prepare: () => Promise<{ purge: () => Promise<unknown>; check: () => Promise<void> }>,
    resume: "message" | "watchdog",
  ): Promise<void> {
    let write = 0;
    for (let survived = false; !survived; ) {
      write++;
      for (const reachesStore of [false, true]) {
        workspace = await newWorkspace(`killed-${++workspaces}`);
        const { purge, check } = await prepare();
        power.failAt(write, reachesStore);
        const asked = await survives(purge);
        await drain();
        fixture.clock.pass(11 * MINUTE);
        await drain();
        survived = power.writes < write;
        power.restart();
        if (!asked) await purge().catch((error: { code?: string }) => expect(error.code).toBe("NotFound"));
        if (resume === "watchdog") await loseMessages();
        for (let i = 0; i < 4; i++) {
          fixture.clock.pass(15 * MINUTE);
          await watchPurges(realm, 0);
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

  it.each(["message", "watchdog"] as const)("of a run: is finished by its %s", async (resume) => {
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
    }, resume);
  });

  it.each(["message", "watchdog"] as const)("of an experiment: is finished by its %s", async (resume) => {
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
    }, resume);
  });

  it.each(["message", "watchdog"] as const)("of a workspace: is finished by its %s", async (resume) => {
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
    }, resume);
  });
});

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
    return [(await findExperiment(workspace, experimentId)) !== undefined, ...found.map(({ status }) => status === "fulfilled")];
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
});
