import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { appendPoints, pointsItem } from "../../../shared/domain/metrics/append.ts";
import { fold, SETTLED_AFTER_MS } from "../../../shared/domain/metrics/fold.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { readWithLatest } from "../../../shared/domain/metrics/read.ts";
import { foldAndSeal, seal } from "../../../shared/domain/metrics/seal.ts";
import { FOLD_QUEUE } from "../../../shared/domain/queues.ts";
import { getHead } from "../../../shared/domain/record.ts";
import { logBatch, logMetric } from "../../../shared/domain/runs/log.ts";
import { createRun, getRun, runsScope, updateRun } from "../../../shared/domain/runs/runs.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import type { DocumentStore } from "../../../shared/stores/document-store.ts";
import { type DomainFixture, domainFixture, Power, SECOND, survives, withColdMemory } from "../support.ts";
import { KEYS, modelHistory, modelLatest, readAll, shapes, somePoint } from "./model.ts";

const HOUR = 3600 * SECOND;

let fixture: DomainFixture;
let workspace: Workspace;
const power = new Power();

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const somePoints = fc.array(somePoint, { minLength: 1, maxLength: 4 });

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("log" as const), points: somePoints, twice: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("logWithParam" as const), points: somePoints }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("writeLate" as const),
      points: somePoints,
      ageMs: fc.oneof(fc.integer({ min: 0, max: SETTLED_AFTER_MS }), fc.constantFrom(0, SETTLED_AFTER_MS)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 150_000 }) }) },
  fc.record({ do: fc.constant("logOften" as const), points: fc.array(somePoint, { minLength: 20, maxLength: 30 }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant("seal" as const), at: fc.constantFrom(1, 2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fold" as const), at: fc.constantFrom(1, 2, 3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("dieFolding" as const, "dieSealing" as const, "dieInBackground" as const),
      write: fc.constantFrom(1, 2, 3, 4),
      reachesStore: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("read" as const), pageSize: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("end" as const) }) },
  fc.record({ do: fc.constant("goOn" as const) }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("setClock" as const), byMs: fc.integer({ min: -2 * HOUR, max: HOUR }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("background" as const), at: fc.constantFrom(1, 2) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Scenario {
  readonly logged: Point[] = [];
  readonly runId: string;
  private params = 0;
  isClockSet = false;

  constructor(runId: string) {
    this.runId = runId;
  }

  async take(next: Step): Promise<void> {
    const partition = runsPartition(workspace, this.runId);
    switch (next.do) {
      case "log":
        for (let i = 0; i < (next.twice ? 2 : 1); i++) await this.log(next.points);
        return;
      case "logOften":
        for (const point of next.points) await this.log([point]);
        return;
      case "logWithParam":
        this.logged.push(...next.points);
        await logBatch(workspace, this.runId, {
          metrics: next.points,
          params: [{ key: `p${this.params++}`, value: "v" }],
          tags: [{ key: "t", value: String(this.params) }],
        });
        return;
      case "setClock":
        fixture.clock.nowMs += next.byMs;
        this.isClockSet = true;
        return;
      case "writeLate": {
        // How late a writer may be is a matter of time that passes.
        if (this.isClockSet) return this.log(next.points);
        // Who begins when the run is quiet already sees that.
        const quiet = (await getHead(workspace, partition))!.item.attributes.quiet;
        if (quiet && fixture.clock.now() - next.ageMs >= quiet.sinceMs) return this.log(next.points);
        this.logged.push(...next.points);
        const item = pointsItem(fixture.clock.now() - next.ageMs, runsScope(workspace, "0"), this.runId, next.points);
        await appendPoints(workspace, partition, item);
        await appendPoints(workspace, partition, item);
        return;
      }
      case "pass":
        fixture.clock.pass(next.ms);
        return;
      case "fold":
        await Promise.all(Array.from({ length: next.at }, () => fold(withColdMemory(workspace), partition)));
        return;
      case "seal":
        await Promise.all(Array.from({ length: next.at }, () => seal(withColdMemory(workspace), this.runId)));
        return;
      case "background":
        await Promise.all(Array.from({ length: next.at }, () => foldAndSeal(withColdMemory(workspace), this.runId)));
        return;
      case "end":
        await updateRun(workspace, this.runId, { status: "FINISHED" });
        return;
      case "goOn":
        await updateRun(workspace, this.runId, { status: "RUNNING" });
        return;
      case "dieFolding":
      case "dieSealing":
      case "dieInBackground": {
        power.failAt(next.write, next.reachesStore);
        const dying = { ...withColdMemory(workspace), stores: power.feed(workspace.stores) };
        const work = { dieFolding: fold, dieSealing: seal, dieInBackground: foldAndSeal }[next.do];
        await survives(() => work(dying, next.do === "dieFolding" ? partition : this.runId));
        power.restart();
        return;
      }
      case "read":
        await this.check(next.pageSize);
    }
  }

  private async log(points: readonly Point[]): Promise<void> {
    this.logged.push(...points);
    const [first] = points;
    if (points.length === 1) await logMetric(workspace, this.runId, first!);
    else await logBatch(workspace, this.runId, { metrics: points, params: [], tags: [] });
  }

  async check(pageSize?: number): Promise<void> {
    for (const reader of [workspace, withColdMemory(workspace)]) {
      const { latest } = await getRun(reader, this.runId);
      expect(shapes(latest)).toEqual(modelLatest(this.logged));
    }
    for (const key of KEYS) {
      expect(await readAll(workspace, this.runId, key, pageSize)).toEqual(modelHistory(this.logged, key));
    }
  }
}

/** The workspace of a process in which something happens elsewhere just before it lists documents. */
function beforeEachList(of: Workspace, happens: () => Promise<void>): Workspace {
  const { runs } = of.stores.documents;
  const disturbed: DocumentStore = Object.create(runs, {
    ...Object.fromEntries(
      (["get", "create", "replace", "batch", "remove", "changes"] as const).map((name) => [
        name,
        { value: (...values: never[]) => (runs[name] as (...values: never[]) => unknown)(...values) },
      ]),
    ),
  });
  disturbed.list = async function* (...range: Parameters<typeof runs.list>) {
    await happens();
    yield* runs.list(...range);
  } as typeof runs.list;
  return { ...withColdMemory(of), stores: { ...of.stores, documents: { ...of.stores.documents, runs: disturbed } } };
}

describe("metrics of a run", () => {
  it("latest and history: are what was logged, whatever was folded, sealed, killed, repeated or late in between", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
        const scenario = new Scenario(view.attributes.runId);
        for (const next of steps) await scenario.take(next);
        await scenario.check();
        fixture.clock.pass(SETTLED_AFTER_MS + 1);
        if (scenario.isClockSet) fixture.clock.pass(3 * HOUR * steps.length);
        await fold(workspace, runsPartition(workspace, scenario.runId));
        expect(await fold(workspace, runsPartition(workspace, scenario.runId))).toBe(0);
        await scenario.check(2);
      }),
      { numRuns: 100 },
    );
  });

  it("get: shows what is logged after the clock was set back, in a run that had ended and been folded, and by models", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    const model = await createLoggedModel(workspace, { experimentId: "0", sourceRunId: runId, params: [], tags: [] });
    const { modelId } = model.view.attributes;
    const log = (step: number) =>
      logMetric(workspace, runId, { key: "a", value: step, timestamp: step, step, origin: { modelId } });
    const partitions = [runId, modelId].map((id) => runsPartition(workspace, id));
    for (let step = 1; step <= 5; step++) await log(step);
    await updateRun(workspace, runId, { status: "FINISHED" });
    for (let round = 0; round < 2; round++) {
      fixture.clock.pass(SETTLED_AFTER_MS + 1000);
      for (const partition of partitions) await fold(workspace, partition);
    }
    fixture.clock.nowMs -= 600 * SECOND;
    await updateRun(workspace, runId, { status: "RUNNING" });
    for (const [step, resumed] of [
      [6, "RUNNING"],
      [7, "FINISHED"],
    ] as const) {
      await updateRun(workspace, runId, { status: resumed });
      await log(step);
      expect((await getRun(workspace, runId)).latest.get("a")?.value).toBe(step);
      const model = await readWithLatest(workspace, runsPartition(workspace, modelId));
      expect(model?.latest.get("a")?.value).toBe(step);
    }
  });

  it("fold and seal: take what was logged under a clock that ran ahead a year when the run has ended", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    const partition = runsPartition(workspace, runId);
    const logged = Array.from({ length: 30 }, (_, i) => ({ key: "a", value: i, timestamp: i, step: i }));
    const year = 365 * 24 * HOUR;
    fixture.clock.nowMs += year;
    for (const point of logged.slice(0, 25)) await logMetric(workspace, runId, point);
    await updateRun(workspace, runId, { status: "FINISHED" });
    fixture.clock.nowMs -= year;
    for (const point of logged.slice(25)) await logMetric(workspace, runId, point);
    for (let round = 0; round < 3; round++) {
      await foldAndSeal(workspace, runId);
      fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    }
    const { quiet, segments } = (await getHead(workspace, partition))!.item.attributes;
    expect([quiet?.isFolded, segments?.map(({ count }) => count)]).toEqual([true, [30]]);
    expect(await readAll(workspace, runId, "a")).toEqual(modelHistory(logged, "a"));
  });

  it("fold: the last one of a run finds what a machine wrote whose clock was behind", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    const partition = runsPartition(workspace, runId);
    const behind = fixture.clock.now() - 600 * SECOND;
    await logMetric(workspace, runId, { key: "a", value: 1, timestamp: 1, step: 1 });
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await fold(workspace, partition);
    const points = [{ key: "a", value: 2, timestamp: 2, step: 2 }];
    await appendPoints(workspace, partition, pointsItem(behind, runsScope(workspace, "0"), runId, points));
    await updateRun(workspace, runId, { status: "FINISHED" });
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await fold(workspace, partition);
    expect((await getRun(withColdMemory(workspace), runId)).latest.get("a")?.value).toBe(2);
  });

  it("fold: leaves what is younger than a minute to a later fold", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const partition = runsPartition(workspace, view.attributes.runId);
    await logMetric(workspace, view.attributes.runId, { key: "a", value: 1, timestamp: 1, step: 1 });
    fixture.clock.pass(SETTLED_AFTER_MS);
    expect(await fold(workspace, partition)).toBe(0);
    fixture.clock.pass(1);
    expect(await fold(workspace, partition)).toBe(1);
    expect((await getHead(workspace, partition))!.item.sections.metrics).toEqual([["a", [1, 1, 1]]]);
  });

  it("fold: folds what came since the last one and no more", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < round; i++) {
        await logMetric(workspace, runId, { key: `m${i}`, value: round, timestamp: round, step: round });
      }
      fixture.clock.pass(61 * SECOND);
      expect(await fold(workspace, runsPartition(workspace, runId))).toBe(round);
    }
    const { latest } = await getRun(workspace, runId);
    expect([...latest.values()].map(({ key, value }) => [key, value])).toEqual([
      ["m0", 3],
      ["m1", 3],
      ["m2", 3],
    ]);
  });

  it("get: of a run that has ended and is folded looks for no points documents, until somebody logs to it again", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    const partition = runsPartition(workspace, runId);
    let lists = 0;
    const counted = beforeEachList(workspace, async () => void lists++);
    const listsOfGet = async () => {
      // A process learns with one reading that it need not look in the next.
      await getRun(counted, runId);
      const before = lists;
      const { latest } = await getRun(counted, runId);
      return [latest.get("a")?.value, lists - before];
    };
    await logMetric(workspace, runId, { key: "a", value: 1, timestamp: 1, step: 1 });
    await updateRun(workspace, runId, { status: "FINISHED" });
    expect(await listsOfGet()).toEqual([1, 1]);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await foldAndSeal(workspace, runId);
    expect(await listsOfGet()).toEqual([1, 0]);
    await logMetric(workspace, runId, { key: "a", value: 2, timestamp: 2, step: 2 });
    expect(await listsOfGet()).toEqual([2, 1]);
    for (let round = 0; round < 2; round++) {
      fixture.clock.pass(SETTLED_AFTER_MS + 1000);
      await foldAndSeal(workspace, runId);
    }
    expect(await listsOfGet()).toEqual([2, 0]);
    expect((await getHead(workspace, partition))!.item.attributes.quiet?.isFolded).toBe(true);
  });

  it("get: of a run that has ended asks for its fold once more when the first message was lost", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    const messages = async () => {
      let ours = 0;
      for (;;) {
        const received = await workspace.stores.queue.receive(FOLD_QUEUE.name, 32, 30);
        if (received.length === 0) return ours;
        for (const message of received) await workspace.stores.queue.remove(FOLD_QUEUE.name, message);
        ours += received.filter(({ body }) => JSON.parse(body).recordId === runId).length;
      }
    };
    await updateRun(workspace, runId, { status: "FINISHED" });
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    expect(await messages()).toBe(1);
    await getRun(workspace, runId);
    expect(await messages()).toBe(0);
    fixture.clock.pass(SETTLED_AFTER_MS);
    await getRun(workspace, runId);
    await getRun(workspace, runId);
    expect(await messages()).toBe(1);
    await foldAndSeal(workspace, runId);
    fixture.clock.pass(SETTLED_AFTER_MS + 1000);
    await getRun(workspace, runId);
    expect(await messages()).toBe(0);
  });

  it("get: shows what a call logged that had begun before the run ended", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    const point = { key: "a", value: 1, timestamp: 1, step: 1 };
    const item = pointsItem(fixture.clock.now(), runsScope(workspace, "0"), runId, [point]);
    await updateRun(workspace, runId, { status: "FINISHED" });
    await foldAndSeal(workspace, runId);
    await appendPoints(workspace, runsPartition(workspace, runId), item);
    expect(shapes((await getRun(workspace, runId)).latest)).toEqual(modelLatest([point]));
  });

  it.each(["that sees it first", "that has seen it before"])(
    "get: in a process %s, shows every metric when the run is folded and sealed between its steps",
    async (which) => {
      const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
      const { runId } = view.attributes;
      const logged = Array.from({ length: 30 }, (_, i) => ({ key: `m${i}`, value: i, timestamp: 1, step: 1 }));
      for (const point of logged) await logMetric(workspace, runId, point);
      fixture.clock.pass(SETTLED_AFTER_MS + 1);
      let disturbances = which === "that sees it first" ? 0 : -1;
      const disturbed = beforeEachList(workspace, async () => {
        if (disturbances++ !== 0) return;
        await fold(withColdMemory(workspace), runsPartition(workspace, runId));
        expect(await seal(withColdMemory(workspace), runId)).toBe(30);
      });
      if (disturbances < 0) await getRun(disturbed, runId);
      expect(shapes((await getRun(disturbed, runId)).latest)).toEqual(modelLatest(logged));
      expect(disturbances).toBeGreaterThan(0);
    },
  );

  it("fold: of a run that is not there does nothing", async () => {
    expect(await fold(workspace, runsPartition(workspace, "nobody"))).toBe(0);
  });
});
