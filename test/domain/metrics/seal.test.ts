import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendPoints, pointsItem } from "../../../shared/domain/metrics/append.ts";
import { EVERY_STEP, sampleHistories } from "../../../shared/domain/metrics/charts.ts";
import { SETTLED_AFTER_MS } from "../../../shared/domain/metrics/fold.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { readWholeHistory } from "../../../shared/domain/metrics/read.ts";
import { foldAndSeal, seal, segmentsPrefix } from "../../../shared/domain/metrics/seal.ts";
import { handlePurge } from "../../../shared/domain/purge/background.ts";
import { purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { SEAL_QUEUE } from "../../../shared/domain/queues.ts";
import { getHead } from "../../../shared/domain/record.ts";
import { logBatch, logMetric } from "../../../shared/domain/runs/log.ts";
import { createRun, deleteRun, getRun, runsScope, updateRun } from "../../../shared/domain/runs/runs.ts";
import type { RunAttributes } from "../../../shared/domain/runs/types.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import type { BlobStore } from "../../../shared/stores/blob-store.ts";
import { PreconditionFailed } from "../../../shared/stores/errors.ts";
import { type DomainFixture, domainFixture, Power, survives, withColdMemory } from "../support.ts";
import { modelHistory, modelLatest, readAll, shape, shapes } from "./model.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(async () => {
  fixture = domainFixture(7);
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const KEYS = ["loss", "acc", "NaN"];

/** Documents of a few points each, unordered in step and time, some of them exact copies of others. */
function somePoints(documents: number): Point[][] {
  return Array.from({ length: documents }, (_, d) =>
    KEYS.map((key, k) => ({
      key,
      value: key === "NaN" ? Number.NaN : ((d * 7919 + k) % 101) / 10,
      timestamp: 1_000 + ((d * 31) % 17),
      step: (d * 13) % 29,
    })),
  );
}

async function newRun(documents: readonly Point[][]): Promise<string> {
  const run = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
  const { runId } = run.view.attributes;
  for (const metrics of documents) {
    fixture.clock.pass(5);
    await logBatch(workspace, runId, { metrics, params: [], tags: [] });
  }
  return runId;
}

async function expectEverything(runId: string, logged: readonly Point[]): Promise<void> {
  for (const memory of [workspace, withColdMemory(workspace)]) {
    for (const key of KEYS) {
      expect(await readAll(memory, runId, key)).toEqual(modelHistory(logged, key));
      expect(await readAll(memory, runId, key, 7)).toEqual(modelHistory(logged, key));
    }
    expect(shapes((await getRun(memory, runId)).latest)).toEqual(modelLatest(logged));
  }
}

async function countOf(runId: string): Promise<{ documents: number; blobs: number; segments: number }> {
  let documents = 0;
  let blobs = 0;
  const partition = runsPartition(workspace, runId);
  for await (const page of workspace.stores.documents.runs.list(partition, { from: "p-", to: "p." })) {
    documents += page.length;
  }
  for await (const page of workspace.stores.blobs.list(segmentsPrefix(workspace, runId))) blobs += page.blobs.length;
  const head = await getHead<RunAttributes>(withColdMemory(workspace), partition);
  return { documents, blobs, segments: head?.item.attributes.segments?.length ?? 0 };
}

async function logAgain(runId: string, metrics: readonly Point[]): Promise<void> {
  fixture.clock.pass(5);
  await logBatch(workspace, runId, { metrics, params: [], tags: [] });
}

async function sealSettled(runId: string): Promise<void> {
  fixture.clock.pass(SETTLED_AFTER_MS + 1000);
  await seal(withColdMemory(workspace), runId);
}

async function blobsOf(runId: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of workspace.stores.blobs.list(segmentsPrefix(workspace, runId))) {
    names.push(...page.blobs.map(({ name }) => name));
  }
  return names;
}

/** Of a blob of Azure that is not there any more when the connection is to be made anew. */
async function* brokenOff(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("{");
  throw new PreconditionFailed("It was replaced or removed while it was being read.");
}

describe("seal", () => {
  it("moves settled points into one segment; history and latest values stay the same", async () => {
    const points = somePoints(40);
    const runId = await newRun(points);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await expectEverything(runId, points.flat());
    expect(await seal(workspace, runId)).toBe(40);
    expect(await countOf(runId)).toEqual({ documents: 0, blobs: 1, segments: 1 });
    await expectEverything(runId, points.flat());
  });

  it("leaves what may still be joined by a late writer, and a run of few documents", async () => {
    const few = await newRun(somePoints(19));
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    expect(await seal(workspace, few)).toBe(0);
    const fresh = await newRun(somePoints(40));
    expect(await seal(workspace, fresh)).toBe(0);
    expect((await countOf(fresh)).documents).toBe(40);
  });

  it("merges what was logged afterwards into the segment, late and doubled points included", async () => {
    const points = somePoints(30);
    const runId = await newRun(points);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await seal(workspace, runId);
    const more = [
      ...somePoints(25).map((batch) => batch.map((point) => ({ ...point, step: (point.step as number) + 10 }))),
    ];
    for (const metrics of more) {
      fixture.clock.pass(5);
      const item = pointsItem(fixture.clock.now() - 30_000, runsScope(workspace, "0"), runId, metrics);
      await appendPoints(workspace, runsPartition(workspace, runId), item);
      await appendPoints(workspace, runsPartition(workspace, runId), item);
    }
    await expectEverything(runId, [...points.flat(), ...more.flat()]);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await seal(workspace, runId);
    expect(await countOf(runId)).toEqual({ documents: 0, blobs: 1, segments: 1 });
    await expectEverything(runId, [...points.flat(), ...more.flat()]);
  });

  it("dies at every write, before and after it reaches the store, and a second attempt finishes", async () => {
    for (const sealedBefore of [0, 24]) {
      for (const reachesStore of [false, true]) {
        for (let write = 1, survived = false; !survived; write++) {
          const points = somePoints(24 + sealedBefore);
          const runId = await newRun(points.slice(0, sealedBefore));
          if (sealedBefore > 0) await sealSettled(runId);
          for (const metrics of points.slice(sealedBefore)) await logAgain(runId, metrics);
          fixture.clock.pass(SETTLED_AFTER_MS + 1000);
          const power = new Power();
          power.failAt(write, reachesStore);
          const dying = { ...withColdMemory(workspace), stores: power.feed(workspace.stores) };
          survived = await survives(() => seal(dying, runId));
          power.restart();
          await expectEverything(runId, points.flat());
          await seal(withColdMemory(workspace), runId);
          await expectEverything(runId, points.flat());
          expect(await countOf(runId)).toEqual({ documents: 0, blobs: 1, segments: 1 });
        }
      }
    }
  });

  it("keeps few segments of a run that goes on for long, a little at a time", async () => {
    const points = somePoints(40 * 24).map((batch, i) => batch.map((point) => ({ ...point, step: i })));
    const runId = await newRun([]);
    for (let i = 0; i < points.length; i += 24) {
      for (const metrics of points.slice(i, i + 24)) await logAgain(runId, metrics);
      await sealSettled(runId);
      const { segments, blobs } = await countOf(runId);
      expect(segments).toBeLessThanOrEqual(6);
      expect(blobs).toBe(segments);
    }
    await expectEverything(runId, points.flat());
  });

  it("goes on reading a long history at the same point when its segments are merged meanwhile", async () => {
    const values = Array.from({ length: 12_000 }, (_, i) => ({ key: "loss", value: i % 7, timestamp: i, step: i }));
    const runId = await newRun(Array.from({ length: 24 }, (_, i) => values.slice(i * 500, (i + 1) * 500)));
    await sealSettled(runId);
    const whole = (await readWholeHistory(withColdMemory(workspace), runsPartition(workspace, runId), "loss"))!;
    const pieces = whole.pieces[Symbol.asyncIterator]();
    const read: Point[] = [...((await pieces.next()).value ?? [])];
    expect(read.length).toBeLessThan(values.length);
    const more = values.map((point) => ({ ...point, timestamp: 20_000 + point.step, step: 20_000 + point.step }));
    for (let i = 0; i < more.length; i += 500) await logAgain(runId, more.slice(i, i + 500));
    const [before] = await blobsOf(runId);
    await sealSettled(runId);
    expect(await blobsOf(runId)).not.toContain(before);
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) read.push(...next.value);
    expect(read.map(shape).slice(0, values.length)).toEqual(modelHistory(values, "loss"));
    expect(await readAll(workspace, runId, "loss", 5_000)).toEqual(modelHistory([...values, ...more], "loss"));
  });

  it("reads on when a segment goes while its bytes are on their way", async () => {
    const points = somePoints(30);
    const runId = await newRun(points);
    await sealSettled(runId);
    const { blobs } = workspace.stores;
    let broken = 0;
    const breaking: BlobStore = Object.assign(Object.create(blobs), {
      get: async (...blob: Parameters<BlobStore["get"]>) => {
        const found = await blobs.get(...blob);
        if (found && broken++ === 0) return { ...found, body: brokenOff() };
        return found;
      },
    });
    const cold = withColdMemory(workspace);
    const reader = { ...cold, stores: { ...cold.stores, blobs: breaking } };
    expect(await readAll(reader, runId, "loss")).toEqual(modelHistory(points.flat(), "loss"));
    expect(broken).toBeGreaterThan(1);
  });

  it("runs beside itself, writers and readers: nothing is lost, doubled or seen twice", async () => {
    const points = somePoints(60);
    const runId = await newRun(points);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    const logged = points.flat();
    const writing = (async () => {
      for (let step = 0; step < 40; step++) {
        const point = { key: "loss", value: step / 3, timestamp: 9_000 + step, step: 500 + step };
        logged.push(point);
        await logMetric(withColdMemory(workspace), runId, point);
      }
    })();
    const before = modelHistory(points.flat(), "acc");
    const reading = Promise.all(
      Array.from({ length: 12 }, async () => {
        expect(await readAll(withColdMemory(workspace), runId, "acc", 9)).toEqual(before);
      }),
    );
    await Promise.all([1, 2, 3].map(() => seal(withColdMemory(workspace), runId)));
    await Promise.all([writing, reading]);
    await expectEverything(runId, logged);
    const { blobs, segments } = await countOf(runId);
    expect(blobs).toBe(segments);
  });

  it("removes what it wrote for nothing, and not what another one has named meanwhile", async () => {
    const points = somePoints(30);
    const runId = await newRun(points);
    await updateRun(workspace, runId, { status: "FINISHED" });
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    const inVain = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const { blobs } = workspace.stores;
    const slowly: BlobStore = Object.assign(Object.create(blobs), {
      put: async (...blob: Parameters<BlobStore["put"]>) => {
        const written = await blobs.put(...blob);
        await updateRun(workspace, runId, { status: "RUNNING" });
        return written;
      },
      remove: async (name: string) => {
        inVain.resolve();
        await goOn.promise;
        return blobs.remove(name);
      },
      get: blobs.get.bind(blobs),
    });
    const cold = withColdMemory(workspace);
    const slow = seal({ ...cold, stores: { ...cold.stores, blobs: slowly } }, runId);
    await inVain.promise;
    expect(await seal(withColdMemory(workspace), runId)).toBe(30);
    goOn.resolve();
    expect(await slow).toBe(0);
    await expectEverything(runId, points.flat());
    expect(await countOf(runId)).toEqual({ documents: 0, blobs: 1, segments: 1 });
  });

  it("is asked for when a run grows long", async () => {
    const runId = await newRun(somePoints(200));
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await foldAndSeal(workspace, runId);
    const [message] = await workspace.stores.queue.receive(SEAL_QUEUE.name, 1, 30);
    expect(JSON.parse(message!.body)).toEqual({ workspaceId: workspace.id, recordId: runId });
  });

  it("follows when a run ends, and takes its segments along when the run is purged", async () => {
    const runId = await newRun(somePoints(30));
    await updateRun(workspace, runId, { status: "FINISHED" });
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await foldAndSeal(workspace, runId);
    expect((await countOf(runId)).blobs).toBe(1);
    await deleteRun(workspace, runId);
    await purgeRecord(workspace, "run", runId);
    await handlePurge(fixture.realm, { kind: "run", workspaceId: workspace.id, id: runId });
    expect(await countOf(runId)).toEqual({ documents: 0, blobs: 0, segments: 0 });
  });

  it("keeps many points of one metric readable from any position, and sampled", async () => {
    const values = Array.from({ length: 20_000 }, (_, i) => ({
      key: "loss",
      value: i === 7_777 ? 1000 : Math.sin(i / 500),
      timestamp: 1_000 + i,
      step: i,
    }));
    const documents = Array.from({ length: 20 }, (_, i) => values.slice(i * 1000, (i + 1) * 1000));
    const runId = await newRun(documents);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await seal(workspace, runId);
    expect(await readAll(workspace, runId, "loss", 6_000)).toEqual(modelHistory(values, "loss"));
    const partitions = [runsPartition(workspace, runId)];
    const [shown = []] = await sampleHistories(workspace, partitions, "loss", 320, EVERY_STEP);
    expect(shown).toHaveLength(320);
    expect(shown[0]!.step).toBe(0);
    expect(shown.at(-1)!.step).toBe(19_999);
    expect(Math.max(...shown.map(({ value }) => value))).toBe(1000);
    expect((await sampleHistories(workspace, partitions, "loss", 2500, EVERY_STEP))[0]).toHaveLength(2500);
    const [part = []] = await sampleHistories(workspace, partitions, "loss", 100, { from: 5, to: 14 });
    expect(part.map(({ step }) => step)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });
});
