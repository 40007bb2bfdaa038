import fc from "fast-check";
import { expect } from "vitest";
import type { View } from "../../../shared/domain/experiment-search.ts";
import { deleteExperiment, restoreExperiment } from "../../../shared/domain/experiments.ts";
import { fold } from "../../../shared/domain/metrics/fold.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { seal } from "../../../shared/domain/metrics/seal.ts";
import { purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { logBatch, logMetric } from "../../../shared/domain/runs/log.ts";
import { createRun, deleteRun, restoreRun, setTag } from "../../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../../shared/domain/runs/search.ts";
import type { OrderKey } from "../../../shared/domain/search/order.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import { modelLatest } from "../metrics/model.ts";
import { type DomainFixture, Power, survives, withColdMemory } from "../support.ts";

interface ModelRun {
  readonly runId: string;
  readonly startMs: number;
  readonly logged: Point[];
  stage: "active" | "deleted";
  tag: string;
}

export const byMetric = (descending: boolean): OrderKey[] => [
  { kind: "number", column: "metric.a", descending },
  { kind: "number", column: "attribute.start_time", descending: true },
];

const which = fc.nat({ max: 5 });
const someValue = fc.constantFrom(0, 1, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY);
/** What may happen to them. */
export const step = fc.oneof(
  fc.record({ do: fc.constant("create" as const), large: fc.boolean() }),
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("log" as const), which, value: someValue, step: fc.nat({ max: 3 }) }),
  },
  fc.record({
    do: fc.constant("logMany" as const),
    which,
    values: fc.array(someValue, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ do: fc.constant("tag" as const), which, value: fc.constantFrom("x", "y") }),
  fc.record({ do: fc.constantFrom("delete" as const, "restore" as const, "purge" as const), which }),
  fc.record({ do: fc.constantFrom("deleteExperiment" as const, "restoreExperiment" as const) }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 100_000 }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("fold" as const, "seal" as const), which }) },
  fc.record({ do: fc.constant("logOften" as const), which, value: someValue }),
  fc.record({
    do: fc.constant("dieFolding" as const),
    which,
    write: fc.constantFrom(1, 2),
    reachesStore: fc.boolean(),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const FILLING = Array.from({ length: 40 }, (_, i) => ({ key: `filling-${i}`, value: "f".repeat(8000) }));

/** Runs of one experiment, beside a model of what a search must show of them. */
export class Scenario {
  private runs: ModelRun[] = [];
  private isDeleted = false;
  private readonly fixture: DomainFixture;
  private readonly workspace: Workspace;
  private readonly experimentId: string;
  private readonly power = new Power();

  constructor(fixture: DomainFixture, workspace: Workspace, experimentId: string) {
    this.fixture = fixture;
    this.workspace = workspace;
    this.experimentId = experimentId;
  }

  async take(next: Step): Promise<void> {
    if (next.do === "create") return this.create(next.large);
    if (next.do === "pass") return this.fixture.clock.pass(next.ms);
    if (!("which" in next)) return this.setExperimentDeleted(next.do === "deleteExperiment");
    const run = this.runs[next.which % Math.max(1, this.runs.length)];
    if (run) await this.change(run, next);
  }

  private async create(large: boolean): Promise<void> {
    if (this.isDeleted || this.runs.length > 5) return;
    const tags = large ? FILLING : [];
    const { view } = await createRun(this.workspace, { experimentId: this.experimentId, userId: "u", tags });
    const { runId, startMs } = view.attributes;
    this.runs.push({ runId, startMs: startMs as number, logged: [], stage: "active", tag: "" });
  }

  private async setExperimentDeleted(deleted: boolean): Promise<void> {
    if (deleted === this.isDeleted) return;
    this.isDeleted = deleted;
    await (deleted ? deleteExperiment : restoreExperiment)(this.workspace, this.experimentId);
    for (const run of this.runs) run.stage = deleted ? "deleted" : "active";
  }

  private async change(run: ModelRun, next: Extract<Step, { which: number }>): Promise<void> {
    const partition = runsPartition(this.workspace, run.runId);
    switch (next.do) {
      case "log":
      case "logMany":
      case "logOften":
      case "tag":
        if (run.stage === "active") await this.write(run, next);
        return;
      case "delete":
        run.stage = "deleted";
        return deleteRun(this.workspace, run.runId);
      case "restore":
        if (this.isDeleted) return;
        run.stage = "active";
        return restoreRun(this.workspace, run.runId);
      case "purge":
        if (run.stage !== "deleted") return;
        this.runs = this.runs.filter((other) => other !== run);
        await purgeRecord(this.workspace, "run", run.runId);
        return;
      case "fold":
        await fold(withColdMemory(this.workspace), partition);
        return;
      case "seal":
        await seal(withColdMemory(this.workspace), run.runId);
        return;
      case "dieFolding":
        this.power.failAt(next.write, next.reachesStore);
        await survives(() => fold({ ...this.workspace, stores: this.power.feed(this.workspace.stores) }, partition));
        this.power.restart();
    }
  }

  private async write(
    run: ModelRun,
    next: Extract<Step, { do: "log" | "logMany" | "logOften" | "tag" }>,
  ): Promise<void> {
    if (next.do === "tag") {
      run.tag = next.value;
      return setTag(this.workspace, run.runId, { key: "t", value: next.value });
    }
    const point = (value: number, at: number): Point => ({ key: "a", value, timestamp: 1, step: at });
    if (next.do === "logMany") {
      const metrics = next.values.map((value) => point(value, 2));
      run.logged.push(...metrics);
      return logBatch(this.workspace, run.runId, { metrics, params: [], tags: [] });
    }
    const steps = next.do === "log" ? [next.step] : Array.from({ length: 20 }, (_, i) => -i);
    for (const at of steps) {
      run.logged.push(point(next.value, at));
      await logMetric(this.workspace, run.runId, point(next.value, at));
    }
  }

  async check(size: number): Promise<void> {
    for (const reader of [this.workspace, withColdMemory(this.workspace)]) {
      for (const view of ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] as const) {
        const shown = this.runs.filter(
          ({ stage }) => view === "ALL" || (view === "ACTIVE_ONLY") === (stage === "active"),
        );
        const descending = view !== "ALL";
        expect(await this.search(reader, { view, descending, size, positive: false })).toEqual(
          sorted(shown, descending),
        );
        const positive = shown.filter((run) => (latestOf(run) ?? Number.NaN) > 0);
        expect(await this.search(reader, { view, descending, size, positive: true })).toEqual(
          sorted(positive, descending),
        );
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
    const { runs } = await searchRuns(this.workspace, [this.experimentId], request);
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
