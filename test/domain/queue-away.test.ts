import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FOLD_WORTHWHILE } from "../../shared/domain/metrics/fold.ts";
import { logMetric } from "../../shared/domain/runs/log.ts";
import { createRun, getRun, updateRun } from "../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../shared/domain/runs/search.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { StoreFull, StoreUnavailable } from "../../shared/stores/errors.ts";
import { withSend } from "../../shared/stores/work-queue.ts";
import { type DomainFixture, domainFixture, withColdMemory } from "./support.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

/** As another process sees it, whose queue takes no message. */
function without(send: () => Promise<string>): { workspace: Workspace; asked: () => number } {
  let asked = 0;
  const counting = () => {
    asked++;
    return send();
  };
  const stores = { ...workspace.stores, queue: withSend(workspace.stores.queue, counting) };
  return { workspace: { ...withColdMemory(workspace), stores }, asked: () => asked };
}

const QUEUES: [string, () => Promise<string>][] = [
  ["is away", () => Promise.reject(new StoreUnavailable("away", 1))],
  ["is full", () => Promise.reject(new StoreFull("full"))],
  ["never answers", () => new Promise(() => {})],
];

describe.each(QUEUES)("a queue that %s", (_, send) => {
  it("get: shows a run all the same, though it asks for a fold", async () => {
    const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = view.attributes;
    for (let step = 0; step <= FOLD_WORTHWHILE; step++) {
      await logMetric(workspace, runId, { key: "a", value: step, timestamp: step, step });
    }
    const away = without(send);
    expect((await getRun(away.workspace, runId)).latest.get("a")?.value).toBe(FOLD_WORTHWHILE);
    expect(away.asked()).toBe(1);
  });

  it("search: finds runs all the same, though it asks for a snapshot", async () => {
    for (let n = 0; n < 3; n++) {
      const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
      for (let step = 0; step < 700; step++) {
        await logMetric(workspace, view.attributes.runId, { key: "b", value: step, timestamp: step, step });
      }
    }
    const away = without(send);
    const request = { clauses: [], orderBy: [], limit: 10, view: "ALL" as const };
    expect((await searchRuns(away.workspace, ["0"], request)).runs.length).toBeGreaterThan(2);
    expect(away.asked()).toBe(1);
  });
});

it.each(QUEUES.slice(0, 2))("update: ends a run, with a queue that %s", async (_, send) => {
  const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
  const away = without(send);
  expect(await updateRun(away.workspace, view.attributes.runId, { status: "FINISHED" })).toMatchObject({
    status: "FINISHED",
  });
});
