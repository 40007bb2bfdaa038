import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExperiment } from "../../../shared/domain/experiments.ts";
import { fold } from "../../../shared/domain/metrics/fold.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { logBatch, logParam } from "../../../shared/domain/runs/log.ts";
import { createRun, deleteTag, getRun, setTag, updateRun } from "../../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../../shared/domain/runs/search.ts";
import type { Clause } from "../../../shared/domain/search/clauses.ts";
import type { Tag } from "../../../shared/domain/tag.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import { MAX_ITEM_BYTES } from "../../../shared/stores/document-store.ts";
import { otherProcess } from "../other-process.ts";
import { type DomainFixture, domainFixture, Power, SECOND, survives, withColdMemory } from "../support.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

let experimentId: string;

/** In an experiment of its own, so that cold searches read this run only. */
async function newRun(tags: readonly Tag[] = []): Promise<string> {
  experimentId = await createExperiment(workspace, { name: `experiment ${fixture.clock.nowMs++}` });
  const run = await createRun(workspace, { experimentId, userId: "u", name: "large", tags });
  return run.view.attributes.runId;
}

const points = (count: number, nameOf: (i: number) => string, value = 1): Point[] =>
  Array.from({ length: count }, (_, i) => ({ key: nameOf(i), value: value + i, timestamp: 1, step: value }));

const pairs = (from: number, count: number, value: (i: number) => string): Tag[] =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: value(from + i) }));

async function logInBatches(
  runId: string,
  all: { metrics?: readonly Point[]; params?: readonly Tag[]; tags?: readonly Tag[] },
): Promise<void> {
  const { metrics = [], params = [], tags = [] } = all;
  for (let i = 0; i < metrics.length; i += 1000) {
    await logBatch(workspace, runId, { metrics: metrics.slice(i, i + 1000), params: [], tags: [] });
  }
  for (let i = 0; i < Math.max(params.length, tags.length); i += 100) {
    await logBatch(workspace, runId, { metrics: [], params: params.slice(i, i + 100), tags: tags.slice(i, i + 100) });
  }
}

async function settleAndFold(runId: string): Promise<void> {
  fixture.clock.pass(61 * SECOND);
  await fold(workspace, runsPartition(workspace, runId));
}

/** Tags and params as somebody reads them who has never seen the run. */
async function readCold(runId: string) {
  const { view, latest } = await getRun(withColdMemory(workspace), runId);
  return { params: view.section("params"), tags: view.section("tags"), latest, name: view.attributes.name };
}

async function found(clause: Clause): Promise<string[]> {
  const request = { clauses: [clause], orderBy: [], limit: 10, view: "ACTIVE_ONLY" as const };
  const { runs } = await searchRuns(withColdMemory(workspace), [experimentId], request);
  return runs.map(({ runId }) => runId);
}

async function largestItem(runId: string): Promise<number> {
  let largest = 0;
  for await (const page of workspace.stores.documents.runs.list(runsPartition(workspace, runId))) {
    for (const { item } of page) largest = Math.max(largest, Buffer.byteLength(JSON.stringify(item)));
  }
  return largest;
}

const tagIs = (key: string, value: string): Clause => ({ kind: "string", column: `tag.${key}`, op: "=", value });

describe("a run that outgrows one document", () => {
  it("metrics: 50,000 names read back, are found, and change one by one", async () => {
    const runId = await newRun();
    await logInBatches(runId, { metrics: points(50_000, (i) => `layer/${i}/gradient`) });
    await settleAndFold(runId);
    await logInBatches(runId, { metrics: points(3, (i) => `layer/${i * 20_000}/gradient`, 7) });
    await settleAndFold(runId);
    const { latest } = await readCold(runId);
    expect(latest.size).toBe(50_000);
    expect(["0", "20000", "40000", "49999"].map((i) => latest.get(`layer/${i}/gradient`)!.value)).toEqual([
      7, 8, 9, 50_000,
    ]);
    expect(await found({ kind: "number", column: "metric.layer/49999/gradient", op: "=", value: 50_000 })).toEqual([
      runId,
    ]);
    expect(await largestItem(runId)).toBeLessThan(MAX_ITEM_BYTES);
  });

  it("metrics: names of 250 characters of three bytes, all in one call and together with tags", async () => {
    const runId = await newRun(pairs(0, 31, () => "字".repeat(8000)));
    const name = (i: number) => `${"数".repeat(245)}${i}`;
    await logBatch(workspace, runId, { metrics: points(900, name), params: [], tags: pairs(40, 1, () => "x") });
    await logInBatches(runId, { metrics: points(6000, name) });
    await settleAndFold(runId);
    const { latest, tags } = await readCold(runId);
    expect(latest.size).toBe(6000);
    expect(latest.get(name(5999))!.value).toBe(6000);
    expect([tags.get("k30"), tags.get("k40")]).toEqual(["字".repeat(8000), "x"]);
    expect(await largestItem(runId)).toBeLessThan(MAX_ITEM_BYTES);
  });

  it("params: 3,000 of 500 characters read back, stay immutable and are found", async () => {
    const runId = await newRun();
    await logInBatches(runId, { params: pairs(0, 3000, (i) => `${i}`.padEnd(500, "é")) });
    const { params } = await readCold(runId);
    expect(params.size).toBe(3000);
    expect(params.get("k2999")).toBe("2999".padEnd(500, "é"));
    await logParam(workspace, runId, { key: "k7", value: "7".padEnd(500, "é") });
    await expect(logParam(workspace, runId, { key: "k7", value: "8" })).rejects.toThrow("already logged");
    const clause: Clause = { kind: "string", column: "param.k2999", op: "LIKE", value: "2999%" };
    expect(await found(clause)).toEqual([runId]);
  });

  it.each([
    ["ASCII", "x"],
    ["three bytes each", "字"],
    ["control characters, which JSON writes with six bytes each", "\u0001"],
    ["surrogate pairs", "😀"],
  ])("tags: 100 of 8,000 characters in one call, %s", async (_, character) => {
    const runId = await newRun();
    const value = character.repeat(8000 / character.length);
    await logInBatches(runId, { tags: pairs(0, 100, (i) => `${value.slice(8)}${i}`), metrics: points(10, String) });
    const { tags } = await readCold(runId);
    expect(tags.size).toBe(101);
    expect(tags.get("k99")).toBe(`${value.slice(8)}99`);
    expect(await found(tagIs("k50", `${value.slice(8)}50`))).toEqual([runId]);
    expect(await largestItem(runId)).toBeLessThan(MAX_ITEM_BYTES);
  });

  it("tags: what just fits into the head goes along with a large call", async () => {
    for (const character of ["字", "\u0001"]) {
      const runId = await newRun(pairs(0, 31, () => character.repeat(8000)));
      const call = { metrics: points(999, (i) => `${"数".repeat(240)}${i}`), params: pairs(0, 1, () => "v"), tags: [] };
      await logBatch(workspace, runId, call);
      expect((await readCold(runId)).latest.size).toBe(999);
      expect(await largestItem(runId)).toBeLessThan(MAX_ITEM_BYTES);
    }
  });

  it("create: takes 170 tags of 8,000 characters of three bytes at once", async () => {
    const runId = await newRun(pairs(0, 170, (i) => `${i}`.padEnd(8000, "字")));
    const { tags } = await readCold(runId);
    expect(tags.size).toBe(171);
    expect(tags.get("k169")).toBe("169".padEnd(8000, "字"));
  });

  it("tags: values change and go, also when few are left", async () => {
    const runId = await newRun(pairs(0, 100, () => "x".repeat(8000)));
    await setTag(workspace, runId, { key: "k3", value: "changed" });
    for (let i = 4; i < 100; i++) await deleteTag(workspace, runId, `k${i}`);
    await expect(deleteTag(workspace, runId, "k50")).rejects.toThrow("No tag with name: k50");
    const { tags } = await readCold(runId);
    expect([...tags.keys()].sort()).toEqual(["k0", "k1", "k2", "k3", "mlflow.runName"]);
    expect(await found(tagIs("k3", "changed"))).toEqual([runId]);
    expect(await found({ kind: "presence", column: "tag.k50", present: true })).not.toContain(runId);
  });

  it("two processes that write at once lose nothing, also while the run outgrows its document", async () => {
    const other = await otherProcess();
    const far: Workspace = { ...workspace, memory: new other.Memory() };
    const runId = await newRun();
    const partition = runsPartition(workspace, runId);
    const near = Array.from({ length: 40 }, (_, i) =>
      logBatch(workspace, runId, {
        metrics: points(2, (at) => `near-${i}-${at}`),
        params: [{ key: `near-${i}`, value: "n".repeat(6000) }],
        tags: [],
      }),
    );
    const distant = Array.from({ length: 40 }, (_, i) =>
      other.setTag(far, runId, { key: `far-${i}`, value: "f".repeat(8000) }),
    );
    await Promise.all([...near, ...distant, other.updateRun(far, runId, { name: "renamed" })]);
    fixture.clock.pass(61 * SECOND);
    await Promise.all([
      fold(workspace, partition),
      other.fold(far, partition),
      updateRun(workspace, runId, { endMs: 5 }),
    ]);
    const { params, tags, latest, name } = await readCold(runId);
    expect([params.size, tags.size, latest.size, name]).toEqual([40, 41, 80, "renamed"]);
    expect(tags.get("mlflow.runName")).toBe("renamed");
  });
});

describe("a large change that dies half-way", () => {
  const value = (letter: string) => letter.repeat(8000);
  const before = pairs(0, 20, () => value("a"));
  const change = { metrics: points(5, String), params: [], tags: pairs(10, 65, () => "字".repeat(8000)) };

  /** Dies at each write in turn, until the change survives. */
  async function dyingAtEachWrite(
    params: readonly Tag[],
    then: (runId: string, acknowledged: boolean) => Promise<void>,
  ): Promise<number> {
    for (let write = 1; ; write++) {
      for (const reachesStore of [false, true]) {
        const runId = await newRun(before);
        await logInBatches(runId, { params });
        const power = new Power();
        const dying = { ...withColdMemory(workspace), stores: power.feed(workspace.stores) };
        power.failAt(write, reachesStore);
        const acknowledged = await survives(() => logBatch(dying, runId, change));
        await then(runId, acknowledged);
        if (acknowledged) return write;
      }
    }
  }

  it("loses nothing that was acknowledged, and can be done again", async () => {
    const writes = await dyingAtEachWrite([], async (runId, acknowledged) => {
      const { tags } = await readCold(runId);
      for (let i = 0; i < 10; i++) expect(tags.get(`k${i}`)).toBe(value("a"));
      for (let i = 10; i < 20; i++) expect([value("a"), "字".repeat(8000)]).toContain(tags.get(`k${i}`));
      if (!acknowledged) await logBatch(workspace, runId, change);
      const after = await readCold(runId);
      expect(after.tags.size).toBe(76);
      expect(after.tags.get("k15")).toBe("字".repeat(8000));
      expect(after.latest.size).toBe(5);
    });
    expect(writes).toBeGreaterThan(2);
  });

  it.each([
    ["that fits into one document", []],
    ["whose params have outgrown it already", pairs(0, 60, () => "p".repeat(6000))],
  ])("leaves nothing behind that shows up in later changes of a run %s", async (_, params) => {
    await dyingAtEachWrite(params, async (runId, acknowledged) => {
      if (acknowledged) return;
      const seen = (await readCold(runId)).tags;
      for (const key of seen.keys()) if (key.startsWith("k")) await deleteTag(workspace, runId, key);
      expect([...(await readCold(runId)).tags.keys()]).toEqual(["mlflow.runName"]);
      const large = pairs(200, 34, () => value("b"));
      await logInBatches(runId, { tags: large });
      const after = await readCold(runId);
      expect([...after.tags.keys()].sort()).toEqual([...large.map(({ key }) => key), "mlflow.runName"]);
      expect(after.params.size).toBe(params.length);
    });
  });
});
