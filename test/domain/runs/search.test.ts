import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { View } from "../../../shared/domain/experiment-search.ts";
import { createExperiment, deleteExperiment, restoreExperiment } from "../../../shared/domain/experiments.ts";
import { fold } from "../../../shared/domain/metrics/fold.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { logBatch, logMetric } from "../../../shared/domain/runs/log.ts";
import { createRun, deleteRun, restoreRun, setTag } from "../../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../../shared/domain/runs/search.ts";
import type { OrderKey } from "../../../shared/domain/search/order.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import { modelLatest } from "../metrics/model.ts";
import { type DomainFixture, domainFixture, Power, survives, withColdMemory } from "../support.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let experiments = 0;
const power = new Power();

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const newExperiment = () => createExperiment(workspace, { name: `experiment ${++experiments}` });

interface ModelRun {
  readonly runId: string;
  readonly startMs: number;
  readonly logged: Point[];
  stage: "active" | "deleted";
  tag: string;
}

const byMetric = (descending: boolean): OrderKey[] => [
  { kind: "number", column: "metric.a", descending },
  { kind: "number", column: "attribute.start_time", descending: true },
];

const which = fc.nat({ max: 5 });
const someValue = fc.constantFrom(0, 1, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY);
const step = fc.oneof(
  fc.record({ do: fc.constant("create" as const), large: fc.boolean() }),
  { weight: 5, arbitrary: fc.record({ do: fc.constant("log" as const), which, value: someValue, step: fc.nat({ max: 3 }) }) },
  fc.record({ do: fc.constant("logMany" as const), which, values: fc.array(someValue, { minLength: 1, maxLength: 3 }) }),
  fc.record({ do: fc.constant("tag" as const), which, value: fc.constantFrom("x", "y") }),
  fc.record({ do: fc.constantFrom("delete" as const, "restore" as const, "purge" as const), which }),
  fc.record({ do: fc.constantFrom("deleteExperiment" as const, "restoreExperiment" as const) }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 100_000 }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fold" as const), which }) },
  fc.record({ do: fc.constant("dieFolding" as const), which, write: fc.constantFrom(1, 2), reachesStore: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const FILLING = Array.from({ length: 40 }, (_, i) => ({ key: `filling-${i}`, value: "f".repeat(8000) }));

class Scenario {
  private runs: ModelRun[] = [];
  private isDeleted = false;
  private readonly experimentId: string;

  constructor(experimentId: string) {
    this.experimentId = experimentId;
  }

  async take(next: Step): Promise<void> {
    if (next.do === "create") return this.create(next.large);
    if (next.do === "pass") return fixture.clock.pass(next.ms);
    if (!("which" in next)) return this.setExperimentDeleted(next.do === "deleteExperiment");
    const run = this.runs[next.which % Math.max(1, this.runs.length)];
    if (run) await this.change(run, next);
  }

  private async create(large: boolean): Promise<void> {
    if (this.isDeleted || this.runs.length > 5) return;
    const tags = large ? FILLING : [];
    const { view } = await createRun(workspace, { experimentId: this.experimentId, userId: "u", tags });
    const { runId, startMs } = view.attributes;
    this.runs.push({ runId, startMs, logged: [], stage: "active", tag: "" });
  }

  private async setExperimentDeleted(deleted: boolean): Promise<void> {
    if (deleted === this.isDeleted) return;
    this.isDeleted = deleted;
    await (deleted ? deleteExperiment : restoreExperiment)(workspace, this.experimentId);
    for (const run of this.runs) run.stage = deleted ? "deleted" : "active";
  }

  private async change(run: ModelRun, next: Extract<Step, { which: number }>): Promise<void> {
    const partition = runsPartition(workspace, run.runId);
    switch (next.do) {
      case "log":
      case "logMany":
      case "tag":
        if (run.stage === "active") await this.write(run, next);
        return;
      case "delete":
        run.stage = "deleted";
        return deleteRun(workspace, run.runId);
      case "restore":
        run.stage = "active";
        return restoreRun(workspace, run.runId);
      case "purge":
        if (run.stage !== "deleted") return;
        this.runs = this.runs.filter((other) => other !== run);
        return purgeRecord(workspace, "run", run.runId);
      case "fold":
        await fold(withColdMemory(workspace), partition);
        return;
      case "dieFolding":
        power.failAt(next.write, next.reachesStore);
        await survives(() => fold({ ...workspace, stores: power.feed(workspace.stores) }, partition));
        power.restart();
    }
  }

  private async write(run: ModelRun, next: Extract<Step, { do: "log" | "logMany" | "tag" }>): Promise<void> {
    if (next.do === "tag") {
      run.tag = next.value;
      return setTag(workspace, run.runId, { key: "t", value: next.value });
    }
    const point = (value: number, at: number): Point => ({ key: "a", value, timestamp: 1, step: at });
    const points = next.do === "log" ? [point(next.value, next.step)] : next.values.map((value) => point(value, 2));
    run.logged.push(...points);
    if (next.do === "log") await logMetric(workspace, run.runId, points[0]!);
    else await logBatch(workspace, run.runId, { metrics: points, params: [], tags: [] });
  }

  async check(size: number): Promise<void> {
    for (const reader of [workspace, withColdMemory(workspace)]) {
      for (const view of ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] as const) {
        const shown = this.runs.filter(({ stage }) => view === "ALL" || (view === "ACTIVE_ONLY") === (stage === "active"));
        const descending = view !== "ALL";
        expect(await this.search(reader, { view, descending, size, positive: false })).toEqual(sorted(shown, descending));
        const positive = shown.filter((run) => (latestOf(run) ?? Number.NaN) > 0);
        expect(await this.search(reader, { view, descending, size, positive: true })).toEqual(sorted(positive, descending));
      }
    }
    await this.checkBodies();
  }

  private async search(
    reader: Workspace,
    { view, descending, size, positive }: { view: View; descending: boolean; size: number; positive: boolean },
  ): Promise<string[]> {
    const clauses = positive ? [{ kind: "number" as const, column: "metric.a", op: ">" as const, value: 0 }] : [];
    const ids: string[] = [];
    let pageToken: string | undefined;
    do {
      const request = { clauses, orderBy: byMetric(descending), limit: size, view, pageToken };
      const page = await searchRuns(reader, [this.experimentId], request);
      ids.push(...page.runs.map(({ runId }) => runId));
      pageToken = page.nextPageToken;
      if (pageToken) expect(page.runs.length).toBe(size);
    } while (pageToken);
    return ids;
  }

  /** What a found run shows once it is loaded. */
  private async checkBodies(): Promise<void> {
    const request = { clauses: [], orderBy: [], limit: 100, view: "ALL" as const };
    const { runs } = await searchRuns(workspace, [this.experimentId], request);
    for (const found of runs) {
      const run = this.runs.find(({ runId }) => runId === found.runId)!;
      const loaded = (await found.load())!;
      expect([loaded.stage, loaded.view.section("tags").get("t") ?? ""]).toEqual([run.stage, run.tag]);
      expect(loaded.latest.get("a")?.value).toEqual(latestOf(run));
    }
  }
}

const latestOf = (run: ModelRun): number | undefined => modelLatest(run.logged).a?.[0];

/** Numbers, NaN, none; then newest first; then by id. */
function sorted(runs: readonly ModelRun[], descending: boolean): string[] {
  const rank = (run: ModelRun): number => {
    const value = latestOf(run);
    return value === undefined ? 2 : Number.isNaN(value) ? 1 : 0;
  };
  const order = (left: ModelRun, right: ModelRun): number => {
    if (rank(left) !== rank(right)) return rank(left) - rank(right);
    const [a, b] = [latestOf(left)!, latestOf(right)!];
    if (rank(left) === 0 && a !== b) return a < b === descending ? 1 : -1;
    return right.startMs - left.startMs || (left.runId < right.runId ? -1 : 1);
  };
  return [...runs].sort(order).map(({ runId }) => runId);
}

describe("search of runs", () => {
  it("finds what was written, with a warm index and a cold one, whatever happened to the runs", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 22 }), fc.integer({ min: 1, max: 4 }), async (steps, size) => {
        const scenario = new Scenario(await newExperiment());
        await scenario.take({ do: "create", large: false });
        for (const next of steps) {
          await scenario.take(next);
          await scenario.check(size);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("pages: show each run that did not change exactly once, whatever others do between them", async () => {
    const meddling = fc.array(
      fc.record({ do: fc.constantFrom("add", "log", "delete", "purge"), which: fc.nat(), value: fc.integer({ min: 0, max: 30 }) }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(meddling, { minLength: 6, maxLength: 6 }), fc.boolean(), async (rounds, descending) => {
        const experimentId = await newExperiment();
        const start = async (value: number) => {
          const { view } = await createRun(workspace, { experimentId, userId: "u", tags: [] });
          const { runId } = view.attributes;
          await logMetric(workspace, runId, { key: "a", value, timestamp: 1, step: 1 });
          return runId;
        };
        const still = await Promise.all(Array.from({ length: 15 }, (_, i) => start(i * 2)));
        const restless = await Promise.all(Array.from({ length: 10 }, (_, i) => start(i * 3)));
        const seen: string[] = [];
        let pageToken: string | undefined;
        for (let round = 0; round === 0 || pageToken; round++) {
          const request = { clauses: [], orderBy: byMetric(descending), limit: 4, view: "ACTIVE_ONLY" as const, pageToken };
          const page = await searchRuns(workspace, [experimentId], request);
          seen.push(...page.runs.map(({ runId }) => runId));
          pageToken = page.nextPageToken;
          for (const { do: what, which, value } of rounds[round] ?? []) {
            const at = which % Math.max(1, restless.length);
            const runId = restless[at];
            if (what === "add") restless.push(await start(value));
            else if (runId === undefined) continue;
            else if (what === "log") await logMetric(workspace, runId, { key: "a", value, timestamp: 1, step: 2 + round });
            else {
              restless.splice(at, 1);
              await deleteRun(workspace, runId);
              if (what === "purge") await purgeRecord(workspace, "run", runId);
            }
          }
        }
        const ordered = descending ? [...still].reverse() : still;
        expect(seen.filter((runId) => still.includes(runId))).toEqual(ordered);
      }),
      { numRuns: 25 },
    );
  });

  it("finds, for each of 30 clients at once, what it was just told is written", async () => {
    const experimentId = await newExperiment();
    const findsItsOwn = async (i: number): Promise<boolean> => {
      const { view } = await createRun(workspace, { experimentId, userId: "u", tags: [] });
      const { runId } = view.attributes;
      for (let round = 1; round <= 5; round++) {
        const value = i * 100 + round;
        await logMetric(workspace, runId, { key: "a", value, timestamp: 1, step: round });
        const clauses = [{ kind: "number" as const, column: "metric.a", op: "=" as const, value }];
        const request = { clauses, orderBy: [], limit: 5, view: "ACTIVE_ONLY" as const };
        const { runs } = await searchRuns(workspace, [experimentId], request);
        if (runs.map((run) => run.runId).join() !== runId) return false;
      }
      return true;
    };
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, i) => findsItsOwn(i)));
    expect(outcomes.every(Boolean)).toBe(true);
  });

  it("searches several experiments together, knows no unknown ones, and binds a page token to its search", async () => {
    const [first, second] = [await newExperiment(), await newExperiment()];
    const ids = [];
    for (const experimentId of [first, second, first]) {
      fixture.clock.pass(1);
      ids.push((await createRun(workspace, { experimentId, userId: "u", tags: [] })).view.attributes.runId);
    }
    const request = { clauses: [], orderBy: byMetric(true), limit: 2, view: "ACTIVE_ONLY" as const };
    const page = await searchRuns(workspace, [first, second, "123", first], request);
    expect(page.runs.map(({ runId }) => runId)).toEqual([ids[2], ids[1]]);
    const pageToken = page.nextPageToken!;
    const rest = await searchRuns(workspace, [second, first, "123", first], { ...request, pageToken });
    expect([rest.runs.map(({ runId }) => runId), rest.nextPageToken]).toEqual([[ids[0]], undefined]);
    for (const other of [{ view: "ALL" as const }, { orderBy: byMetric(false) }, { pageToken: `${pageToken}x` }]) {
      await expect(searchRuns(workspace, [first, second, "123", first], { ...request, pageToken, ...other })).rejects.toThrow(
        "Invalid page token",
      );
    }
    await expect(searchRuns(workspace, [first], { ...request, pageToken })).rejects.toThrow("Invalid page token");
  });
});
