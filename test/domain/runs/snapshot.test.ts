import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createExperiment, deleteExperiment } from "../../../shared/domain/experiments.ts";
import { fold } from "../../../shared/domain/metrics/fold.ts";
import { handlePurge } from "../../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { PURGE_QUEUE, SNAPSHOT_QUEUE } from "../../../shared/domain/queues.ts";
import { logMetric } from "../../../shared/domain/runs/log.ts";
import { writeRunSnapshot } from "../../../shared/domain/runs/run-snapshot.ts";
import { createRun, deleteRun, setTag } from "../../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../../shared/domain/runs/search.ts";
import { runsSnapshotBlob } from "../../../shared/domain/search/snapshot-blob.ts";
import { openSnapshot } from "../../../shared/domain/search/table-snapshot.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import { deleteWorkspace } from "../../../shared/domain/workspaces.ts";
import type { BlobProperties, ByteStream } from "../../../shared/stores/blob-store.ts";
import type { Stores } from "../../../shared/stores/stores.ts";
import { DAY, type DomainFixture, domainFixture, Power, SECOND, survives, withColdMemory } from "../support.ts";
import { byMetric, Scenario, step } from "./search-scenario.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let experiments = 0;

beforeAll(() => {
  fixture = domainFixture();
});
beforeEach(async () => {
  workspace = await fixture.freshWorkspace();
  for (const queue of [SNAPSHOT_QUEUE.name, PURGE_QUEUE.name]) await messages(queue);
});
afterAll(() => fixture.close());

const newExperiment = () => createExperiment(workspace, { name: `experiment ${++experiments}` });
const REQUEST = { clauses: [], orderBy: byMetric(true), limit: 1000, view: "ALL" as const };

async function newRun(experimentId: string, value = 1): Promise<string> {
  const { view } = await createRun(workspace, { experimentId, userId: "u", tags: [] });
  const { runId } = view.attributes;
  await logMetric(workspace, runId, { key: "a", value, timestamp: 1, step: 1 });
  return runId;
}

async function found(reader: Workspace, experimentId: string): Promise<string[]> {
  return (await searchRuns(reader, [experimentId], REQUEST)).runs.map(({ runId }) => runId);
}

async function bytesOf(blob: string): Promise<Buffer | undefined> {
  const content = await fixture.stores.blobs.get(blob);
  if (!content) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a process that has just started reads of the container `runs` through this workspace. */
function countingReads(): { reader: Workspace; reads: { documents: number } } {
  const reads = { documents: 0 };
  const { runs } = workspace.stores.documents;
  const counting = new Proxy(runs, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
      if (name !== "changes") {
        reads.documents++;
        return method.bind(target);
      }
      return async (...values: Parameters<typeof runs.changes>) => {
        const changes = await target.changes(...values);
        reads.documents += changes.items.length;
        return changes;
      };
    },
  });
  const stores = { ...workspace.stores, documents: { ...workspace.stores.documents, runs: counting } };
  return { reader: { ...withColdMemory(workspace), stores }, reads };
}

/** Ten runs in a snapshot. */
async function savedExperiment(): Promise<{ experimentId: string; blob: string; runIds: string[] }> {
  const experimentId = await newExperiment();
  const runIds = [];
  for (let value = 10; value > 0; value--) runIds.push(await newRun(experimentId, value));
  fixture.clock.pass(61 * SECOND);
  expect(await writeRunSnapshot(workspace, experimentId)).toBe(true);
  return { experimentId, blob: runsSnapshotBlob(workspace, experimentId), runIds };
}

async function messages(queue: string): Promise<unknown[]> {
  const bodies = [];
  for (;;) {
    const [message] = await fixture.stores.queue.receive(queue, 1, 30);
    if (!message) return bodies;
    bodies.push(JSON.parse(message.body));
    await fixture.stores.queue.remove(queue, message);
  }
}

describe("a cold search with a snapshot", () => {
  it("finds what one without would, whatever happened before the snapshot and after it", async () => {
    const anyStep = fc.oneof({ weight: 5, arbitrary: step }, fc.constant("snapshot" as const));
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 3, maxLength: 18 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, size) => {
          const experimentId = await newExperiment();
          const scenario = new Scenario(fixture, workspace, experimentId);
          await scenario.take({ do: "create", large: false });
          for (const next of steps) {
            if (next !== "snapshot") await scenario.take(next);
            else {
              fixture.clock.pass(61 * SECOND);
              await writeRunSnapshot(workspace, experimentId);
            }
            await scenario.check(size);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it("reads no run documents, and afterwards only what has changed", async () => {
    const { experimentId, runIds } = await savedExperiment();
    const { reader, reads } = countingReads();
    expect(await found(reader, experimentId)).toEqual(runIds);
    expect(reads.documents).toBe(0);
    await setTag(workspace, runIds[3]!, { key: "t", value: "x" });
    expect(await found(reader, experimentId)).toEqual(runIds);
    expect(reads.documents).toBeGreaterThan(0);
    expect(reads.documents).toBeLessThan(5);
  });

  it("knows points that were folded, and points that are folded later", async () => {
    const experimentId = await newExperiment();
    const [first, second] = [await newRun(experimentId, 1), await newRun(experimentId, 2)];
    fixture.clock.pass(120 * SECOND);
    await fold(workspace, runsPartition(workspace, first));
    await writeRunSnapshot(workspace, experimentId);
    const reader = withColdMemory(workspace);
    expect(await found(reader, experimentId)).toEqual([second, first]);
    await fold(workspace, runsPartition(workspace, second));
    await logMetric(workspace, first, { key: "a", value: 3, timestamp: 1, step: 2 });
    expect(await found(reader, experimentId)).toEqual([first, second]);
    expect(await found(withColdMemory(workspace), experimentId)).toEqual([first, second]);
  });

  it("is none the wiser from one that is damaged, of another version, too old, from the future or of another store", async () => {
    const { experimentId, blob, runIds } = await savedExperiment();
    const whole = (await bytesOf(blob))!;
    const checked = (body: Buffer) => Buffer.concat([body, new Uint8Array(Uint32Array.of(crc32(body)).buffer)]);
    const replaced = (...changes: [from: string, to: string][]) => {
      const body = whole.subarray(0, -4).toString("latin1");
      return checked(
        Buffer.from(
          changes.reduce((changed, [from, to]) => changed.replace(from, to), body),
          "latin1",
        ),
      );
    };
    const later = await newRun(experimentId, 99);
    const mark = /"mark":"(\d+)"/.exec(whole.toString("latin1"))![1]!;
    const bad: Record<string, Buffer> = {
      "cut off": whole.subarray(0, -1),
      empty: Buffer.alloc(0),
      garbage: Buffer.from("garbage".repeat(1000)),
      "of other contents": replaced(['"runs-1"', '"runs-0"']),
      "of another store": replaced(
        [`"mark":"${mark}"`, `"mark":"${"x".repeat(mark.length)}"`],
        [runIds[0]!, "f".repeat(32)],
      ),
    };
    for (const [what, content] of Object.entries(bad)) {
      await fixture.stores.blobs.put(blob, content);
      const { reader, reads } = countingReads();
      expect([what, await found(reader, experimentId)]).toEqual([what, [later, ...runIds]]);
      expect(reads.documents).toBeGreaterThan(20);
    }
    await fixture.stores.blobs.put(blob, whole);
    for (const [passMs, isUsed] of [
      [0, true],
      [6 * DAY, true],
      [2 * DAY, false],
      [-16 * DAY, false],
    ] as const) {
      fixture.clock.pass(passMs);
      const { reader, reads } = countingReads();
      expect(await found(reader, experimentId)).toEqual([later, ...runIds]);
      expect(reads.documents < 20).toBe(isUsed);
    }
    fixture.clock.pass(8 * DAY);
  });

  it("goes on without one while blobs cannot be read", async () => {
    const { experimentId, runIds } = await savedExperiment();
    const blobs = new Proxy(workspace.stores.blobs, {
      get: () => async () => {
        throw new Error("The store does not answer.");
      },
    });
    const reader = { ...withColdMemory(workspace), stores: { ...workspace.stores, blobs } };
    expect(await found(reader, experimentId)).toEqual(runIds);
  });
});

describe("writing a snapshot", () => {
  function withPut(put: (name: string, body: ByteStream) => Promise<BlobProperties>): Workspace {
    const blobs = new Proxy(workspace.stores.blobs, {
      get: (target, name) => (name === "put" ? put : (Reflect.get(target, name) as () => unknown).bind(target)),
    });
    return { ...workspace, stores: { ...workspace.stores, blobs } };
  }

  it("keeps the state it began with, though its index goes on before the first byte is taken", async () => {
    const { experimentId, blob, runIds } = await savedExperiment();
    const before = openSnapshot((await bytesOf(blob))!)!;
    fixture.clock.pass(61 * SECOND);
    const slow = withPut(async (name, body) => {
      await setTag(workspace, runIds[0]!, { key: "later", value: "x" });
      await newRun(experimentId, 50);
      expect(await found(workspace, experimentId)).toHaveLength(11);
      return fixture.stores.blobs.put(name, body);
    });
    expect(await writeRunSnapshot(slow, experimentId)).toBe(true);
    const after = openSnapshot((await bytesOf(blob))!)!;
    expect(after.header.mark).toBe(before.header.mark);
    const { table } = after.decode();
    expect([...table.ids()].sort()).toEqual([...runIds].sort());
    expect(table.stringColumn("tag.later")).toBeUndefined();
  });

  it("beside searches and other writers hides nothing from anybody", async () => {
    const { experimentId, blob } = await savedExperiment();
    for (let round = 0; round < 5; round++) {
      fixture.clock.pass(61 * SECOND);
      const writers = [workspace, withColdMemory(workspace)].map((each) => writeRunSnapshot(each, experimentId));
      const meddlers = Array.from({ length: 5 }, async (_, i) => {
        const runId = await newRun(experimentId, 100 * round + i);
        expect(await found(workspace, experimentId)).toContain(runId);
      });
      await Promise.all([...writers, ...meddlers]);
      const { reader, reads } = countingReads();
      expect(await found(reader, experimentId)).toEqual(await found(workspace, experimentId));
      expect(reads.documents).toBeLessThan(20);
      await fixture.stores.blobs.remove(blob);
      expect(await found(withColdMemory(workspace), experimentId)).toEqual(await found(reader, experimentId));
    }
  });

  it("is not done again within a minute, nor for an experiment that is not there", async () => {
    const { experimentId, blob } = await savedExperiment();
    const before = await fixture.stores.blobs.head(blob);
    await newRun(experimentId);
    expect(await writeRunSnapshot(workspace, experimentId)).toBe(false);
    expect(await fixture.stores.blobs.head(blob)).toEqual(before);
    expect(await writeRunSnapshot(workspace, "123")).toBe(false);
    expect(await fixture.stores.blobs.head(runsSnapshotBlob(workspace, "123"))).toBeUndefined();
  });

  it("that is killed leaves the old one or the new one whole, and none where there was none", async () => {
    const power = new Power();
    for (const reachesStore of [false, true]) {
      for (const hadOne of [false, true]) {
        const experimentId = hadOne ? (await savedExperiment()).experimentId : await newExperiment();
        const expected = [await newRun(experimentId, 50), ...(await found(workspace, experimentId)).slice(1)];
        fixture.clock.pass(61 * SECOND);
        const dying = { ...withColdMemory(workspace), stores: power.feed(workspace.stores) };
        power.failAt(1, reachesStore);
        expect(await survives(() => writeRunSnapshot(dying, experimentId))).toBe(false);
        power.restart();
        const { reader, reads } = countingReads();
        expect(await found(reader, experimentId)).toEqual(expected);
        if (hadOne || reachesStore) expect(reads.documents).toBeLessThan(5);
        fixture.clock.pass(61 * SECOND);
        expect(await writeRunSnapshot(withColdMemory(workspace), experimentId)).toBe(true);
        expect(await found(withColdMemory(workspace), experimentId)).toEqual(expected);
      }
    }
  });

  it("is tried again when the connection breaks in the middle", async () => {
    const { experimentId, blob, runIds } = await savedExperiment();
    const before = await bytesOf(blob);
    fixture.clock.pass(61 * SECOND);
    const breaking = async function* (body: ByteStream) {
      for await (const chunk of body) {
        yield chunk.subarray(0, 100);
        throw new Error("The connection broke.");
      }
    };
    const writer = withPut((name, body) => fixture.stores.blobs.put(name, breaking(body)));
    await expect(writeRunSnapshot(writer, experimentId)).rejects.toThrow("The connection broke.");
    expect(await bytesOf(blob)).toEqual(before);
    expect(await writeRunSnapshot(workspace, experimentId)).toBe(true);
    expect(await found(withColdMemory(workspace), experimentId)).toEqual(runIds);
  });
});

describe("asking for a snapshot", () => {
  const THRESHOLD = 2000;

  /** Equal points of one moment would be one document. */
  let lastStep = 1;

  async function changeOften(runId: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      await logMetric(workspace, runId, { key: "a", value: 1, timestamp: 1, step: ++lastStep });
    }
  }

  it("is done by a search that meets more than 2,000 changes, once a minute at most", async () => {
    const experimentId = await newExperiment();
    const message = { workspaceId: workspace.id, experimentId };
    const runId = await newRun(experimentId);
    await changeOften(runId, THRESHOLD - 2);
    await found(workspace, experimentId);
    expect(await messages(SNAPSHOT_QUEUE.name)).toEqual([]);
    await changeOften(runId, 1);
    await found(workspace, experimentId);
    await found(workspace, experimentId);
    expect(await messages(SNAPSHOT_QUEUE.name)).toEqual([message]);
    await changeOften(runId, THRESHOLD + 1);
    await found(workspace, experimentId);
    expect(await messages(SNAPSHOT_QUEUE.name)).toEqual([]);
    fixture.clock.pass(60 * SECOND);
    await found(workspace, experimentId);
    expect(await messages(SNAPSHOT_QUEUE.name)).toEqual([message]);
    expect(await writeRunSnapshot(workspace, experimentId)).toBe(true);
    fixture.clock.pass(60 * SECOND);
    await found(withColdMemory(workspace), experimentId);
    await found(workspace, experimentId);
    expect(await messages(SNAPSHOT_QUEUE.name)).toEqual([]);
  });

  it("does not make a search fail", async () => {
    const experimentId = await newExperiment();
    const runId = await newRun(experimentId);
    await changeOften(runId, THRESHOLD);
    const power = new Power();
    const reader = { ...withColdMemory(workspace), stores: power.feed(workspace.stores) };
    power.failAt(1, false);
    expect(await found(reader, experimentId)).toEqual([runId]);
    expect(power.writes).toBe(1);
    power.restart();
    fixture.clock.pass(60 * SECOND);
    expect(await found(reader, experimentId)).toEqual([runId]);
    expect(await messages(SNAPSHOT_QUEUE.name)).toHaveLength(1);
  });
});

describe("purge", () => {
  async function anHour(): Promise<void> {
    for (let i = 0; i < 12; i++) {
      for (const message of await messages(PURGE_QUEUE.name)) await handlePurge(realmOf(), message as never);
      fixture.clock.pass(300 * SECOND);
    }
  }
  const realmOf = () => ({ ...fixture.realm, stores: fixture.stores as Stores });

  it("of an experiment takes its snapshot along, one that is written late too", async () => {
    const { experimentId, blob } = await savedExperiment();
    const content = (await bytesOf(blob))!;
    await deleteExperiment(workspace, experimentId);
    await purgeExperiment(workspace, experimentId);
    for (const message of await messages(PURGE_QUEUE.name)) await handlePurge(realmOf(), message as never);
    expect(await bytesOf(blob)).toBeUndefined();
    await fixture.stores.blobs.put(blob, content);
    await anHour();
    expect(await bytesOf(blob)).toBeUndefined();
    expect(await writeRunSnapshot(workspace, experimentId)).toBe(false);
  });

  it("of a workspace takes its snapshots along, and none is written afterwards", async () => {
    const { experimentId, blob } = await savedExperiment();
    const content = (await bytesOf(blob))!;
    await deleteWorkspace(realmOf(), workspace.name);
    for (const message of await messages(PURGE_QUEUE.name)) await handlePurge(realmOf(), message as never);
    expect(await bytesOf(blob)).toBeUndefined();
    await fixture.stores.blobs.put(blob, content);
    await anHour();
    expect(await writeRunSnapshot(withColdMemory(workspace), experimentId)).toBe(false);
    expect(await bytesOf(blob)).toBeUndefined();
  });

  it("of a run takes it out of the snapshot", async () => {
    const { experimentId, blob, runIds } = await savedExperiment();
    await deleteRun(workspace, runIds[0]!);
    await purgeRecord(workspace, "run", runIds[0]!);
    expect(await found(withColdMemory(workspace), experimentId)).toEqual(runIds.slice(1));
    await anHour();
    expect(await messages(SNAPSHOT_QUEUE.name)).toEqual([{ workspaceId: workspace.id, experimentId }]);
    await writeRunSnapshot(workspace, experimentId);
    expect((await bytesOf(blob))!.toString("latin1")).not.toContain(runIds[0]!);
    expect((await bytesOf(blob))!.toString("latin1")).toContain(runIds[1]!);
  });
});
