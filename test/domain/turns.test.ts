import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { removeBelow } from "../../shared/domain/artifacts.ts";
import { searchExperiments } from "../../shared/domain/experiment-search.ts";
import { createExperiment, deleteExperiment } from "../../shared/domain/experiments.ts";
import { createLoggedModel } from "../../shared/domain/logged-models/models.ts";
import { searchLoggedModels } from "../../shared/domain/logged-models/search.ts";
import { handlePurge, watchPurges } from "../../shared/domain/purge/background.ts";
import { purgeExperiment } from "../../shared/domain/purge/purge.ts";
import { createModelVersion } from "../../shared/domain/registry/create-version.ts";
import { createRegisteredModel, deleteRegisteredModel } from "../../shared/domain/registry/models.ts";
import { searchModelVersions } from "../../shared/domain/registry/registry-index.ts";
import { createRun, deleteRun } from "../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../shared/domain/runs/search.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import type { Realm } from "../../shared/domain/workspaces.ts";
import type { Stores } from "../../shared/stores/stores.ts";
import { work as handled } from "../host/apps/work-state.ts";
import { startTestHost } from "../host/support.ts";
import { DAY, domainFixture, withColdMemory } from "./support.ts";

/*
 * Embedded stores answer at once, so whoever works through many things would hold the event loop until all are done. Time is the work itself here: each
 * answer of a store is a millisecond, and so is each row that a search table is told of.
 */

const COUNT = 400;
/** Five ms are held at most; what is under way side by side may each add an answer, or look at an item more than once. */
const MOST_WORK = 5 + 25;

const fixture = domainFixture();
afterAll(() => fixture.close());

let work = 0;
let most = 0;
let isWatching = false;

beforeEach(() => {
  vi.spyOn(performance, "now").mockImplementation(() => work);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The most work between two turns of the event loop while `act` runs. */
async function mostBetweenTurns(act: () => Promise<unknown>): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  const start = work;
  let before = work;
  [most, isWatching] = [0, true];
  const look = () => {
    most = Math.max(most, work - before);
    before = work;
    if (isWatching) setImmediate(look);
  };
  setImmediate(look);
  try {
    await act();
  } finally {
    isWatching = false;
  }
  look();
  expect(work - start).toBeGreaterThan(COUNT / 2);
  return most;
}

/** Stores that count what they are asked. */
function counted(stores: Stores): Stores {
  const count = <T extends object>(store: T): T =>
    new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          work++;
          return member.apply(target, args);
        };
      },
    });
  const { runs, catalog, events } = stores.documents;
  return {
    ...stores,
    documents: { runs: count(runs), catalog: count(catalog), events: count(events) },
    blobs: count(stores.blobs),
    queue: count(stores.queue),
  };
}

async function fresh(): Promise<{ realm: Realm; workspace: Workspace; experimentId: string }> {
  const stores = counted(fixture.stores);
  const workspace = await fixture.freshWorkspace(stores);
  const experimentId = await createExperiment(workspace, { name: "many" });
  return { realm: { ...fixture.realm, stores, memory: workspace.memory }, workspace, experimentId };
}

async function newRuns(workspace: Workspace, experimentId: string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    const { view } = await createRun(workspace, { experimentId, userId: "u", tags: [] });
    ids.push(view.attributes.runId);
  }
  return ids;
}

describe("others have their turn", () => {
  const all = { clauses: [], orderBy: [], limit: 10 };
  const allModels = { filter: { clauses: [], metricClauses: [] }, order: [], datasets: [], limit: 10 };

  test("while an experiment is purged", async () => {
    const { realm, workspace, experimentId } = await fresh();
    await newRuns(workspace, experimentId);
    await deleteExperiment(workspace, experimentId);
    const most = await mostBetweenTurns(async () => {
      await purgeExperiment(workspace, experimentId);
      await handlePurge(realm, { kind: "experiment", workspaceId: workspace.id, id: experimentId });
    });
    expect(most).toBeLessThanOrEqual(MOST_WORK);
  });

  test("while a workspace is purged", async () => {
    const { realm, workspace, experimentId } = await fresh();
    await newRuns(workspace, experimentId);
    const { catalog } = realm.stores.documents;
    const gone = { id: `gone-${workspace.id}`, scope: "workspaces-gone", kind: "workspace-gone", name: "x" };
    await catalog.create("workspaces", gone);
    const most = await mostBetweenTurns(() => handlePurge(realm, { kind: "workspace", workspaceId: workspace.id }));
    expect(most).toBeLessThanOrEqual(MOST_WORK);
  });

  test("while the watchdog looks through what was deleted long ago", async () => {
    const { realm, workspace, experimentId } = await fresh();
    for (const id of await newRuns(workspace, experimentId)) await deleteRun(workspace, id);
    fixture.clock.pass(31 * DAY);
    expect(await mostBetweenTurns(() => watchPurges(realm, 30))).toBeLessThanOrEqual(MOST_WORK);
  });

  test("while a registered model goes with its versions, and before, while they are found", async () => {
    const { workspace } = await fresh();
    await createRegisteredModel(workspace, { name: "m", tags: [] });
    for (let i = 0; i < COUNT; i++) {
      await createModelVersion(workspace, { name: "m", source: "s3://bucket/model", tags: [] });
    }
    const perItem = withWorkPerItem(workspace);
    expect(await mostBetweenTurns(() => searchModelVersions(perItem, all))).toBeLessThanOrEqual(MOST_WORK);
    await deleteRegisteredModel(workspace, "m");
  });

  test("while the first search learns of runs, models and experiments", async () => {
    const { workspace, experimentId } = await fresh();
    await newRuns(workspace, experimentId);
    for (let i = 0; i < COUNT; i++) {
      await createLoggedModel(workspace, { experimentId, params: [], tags: [] });
      await createExperiment(workspace, { name: `e${i}` });
    }
    const searches = [
      (of: Workspace) => searchRuns(of, [experimentId], { ...all, view: "ALL" }),
      (of: Workspace) => searchLoggedModels(of, [experimentId], allModels),
      (of: Workspace) => searchExperiments(of, { ...all, view: "ALL" }),
    ];
    for (const search of searches) {
      const perItem = withWorkPerItem(workspace);
      expect(await mostBetweenTurns(() => search(perItem)), search.toString()).toBeLessThanOrEqual(MOST_WORK);
    }
  });

  test("while a folder of many files is listed and goes", async () => {
    const { workspace } = await fresh();
    const { blobs } = workspace.stores;
    const prefix = `artifacts/${workspace.id}/many/`;
    for (let i = 0; i < COUNT; i++) await blobs.put(`${prefix}${i}`, new Uint8Array());
    expect(await mostBetweenTurns(() => removeBelow(blobs, prefix))).toBeLessThanOrEqual(MOST_WORK);
  });

  test("while a laptop that has slept handles thousands of messages", async () => {
    const queue = counted(fixture.stores).queue;
    const clock = fixture.clock;
    for (let i = 0; i < COUNT; i++) await fixture.stores.queue.send("work-items", String(i));
    const done = Promise.withResolvers<void>();
    let left = COUNT;
    handled.handle = async () => {
      work++;
      if (--left === 0) done.resolve();
    };
    const most = await mostBetweenTurns(async () => {
      const host = await startTestHost({ loadApp: () => import("../host/apps/work.ts"), queue, clock });
      await done.promise;
      await host.close();
    });
    expect(most).toBeLessThanOrEqual(2 * MOST_WORK);
  });
});

/** Cold, and told of each change as if that were a ms of work. */
function withWorkPerItem(workspace: Workspace): Workspace {
  const { documents } = workspace.stores;
  const counting = <T extends object>(items: readonly T[]): T[] =>
    items.map(
      (item) =>
        new Proxy(item, {
          get: (target, name) => {
            if (name === "item") work++;
            return Reflect.get(target, name);
          },
        }),
    );
  const told = (store: typeof documents.runs): typeof documents.runs =>
    new Proxy(store, {
      get: (target, name) => {
        if (name !== "changes") return Reflect.get(target, name);
        return async (...args: Parameters<typeof store.changes>) => {
          const changes = await target.changes(...args);
          return { ...changes, items: counting(changes.items) };
        };
      },
    });
  const stores = {
    ...workspace.stores,
    documents: { ...documents, runs: told(documents.runs), catalog: told(documents.catalog) },
  };
  return withColdMemory({ ...workspace, stores });
}
