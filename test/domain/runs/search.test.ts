import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExperiment } from "../../../shared/domain/experiments.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { logBatch, logMetric } from "../../../shared/domain/runs/log.ts";
import { createRun, deleteRun } from "../../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../../shared/domain/runs/search.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, withColdMemory } from "../support.ts";
import { byMetric, Scenario, step } from "./search-scenario.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let experiments = 0;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const newExperiment = () => createExperiment(workspace, { name: `experiment ${++experiments}` });

describe("search of runs", () => {
  it("finds what was written, with a warm index and a cold one, whatever happened to the runs", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 22 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, size) => {
          const scenario = new Scenario(fixture, workspace, await newExperiment());
          await scenario.take({ do: "create", large: false });
          for (const next of steps) {
            await scenario.take(next);
            await scenario.check(size);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("pages: show each run that did not change exactly once, whatever others do between them", async () => {
    const meddling = fc.array(
      fc.record({
        do: fc.constantFrom("add", "log", "delete", "purge"),
        which: fc.nat(),
        value: fc.integer({ min: 0, max: 30 }),
      }),
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
          const request = {
            clauses: [],
            orderBy: byMetric(descending),
            limit: 4,
            view: "ACTIVE_ONLY" as const,
            pageToken,
          };
          const page = await searchRuns(workspace, [experimentId], request);
          seen.push(...page.runs.map(({ runId }) => runId));
          pageToken = page.nextPageToken;
          for (const { do: what, which, value } of rounds[round] ?? []) {
            const at = which % Math.max(1, restless.length);
            const runId = restless[at];
            if (what === "add") restless.push(await start(value));
            else if (runId === undefined) continue;
            else if (what === "log")
              await logMetric(workspace, runId, { key: "a", value, timestamp: 1, step: 2 + round });
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
      { numRuns: 20 },
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

  it("finds more latest values that are not folded yet than it keeps at hand", async () => {
    const experimentId = await newExperiment();
    const ids: string[] = [];
    const metrics = (value: number, step: number): Point[] =>
      Array.from({ length: 1000 }, (_, i) => ({ key: i === 0 ? "a" : `b${i}-${step}`, value, timestamp: 1, step }));
    for (let i = 0; i < 60; i++) {
      const { view } = await createRun(workspace, { experimentId, userId: "u", tags: [] });
      ids.push(view.attributes.runId);
    }
    const request = { clauses: [], orderBy: byMetric(false), limit: 100, view: "ACTIVE_ONLY" as const };
    for (const step of [1, 2]) {
      for (const [i, runId] of ids.entries()) {
        await logBatch(workspace, runId, { metrics: metrics(i * step, step), params: [], tags: [] });
      }
      for (const reader of [workspace, withColdMemory(workspace)]) {
        const { runs } = await searchRuns(reader, [experimentId], request);
        expect(runs.map(({ runId }) => runId)).toEqual(ids);
        for (const at of [1, 50]) {
          const { latest } = (await runs[at]!.load())!;
          expect([latest.get("a")!.value, latest.size]).toEqual([at * step, 1 + 999 * step]);
        }
      }
    }
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
      await expect(
        searchRuns(workspace, [first, second, "123", first], { ...request, pageToken, ...other }),
      ).rejects.toThrow("Invalid page token");
    }
    await expect(searchRuns(workspace, [first], { ...request, pageToken })).rejects.toThrow("Invalid page token");
  });
});
