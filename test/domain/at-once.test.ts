import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createExperiment } from "../../shared/domain/experiments.ts";
import { searchLoggedModels } from "../../shared/domain/logged-models/search.ts";
import { searchRuns } from "../../shared/domain/runs/search.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { inParallel, SIDE_BY_SIDE } from "../../shared/parallel.ts";
import type { Stores } from "../../shared/stores/stores.ts";
import { domainFixture } from "./support.ts";

/*
 * What a caller has sent, or a store holds, is worked on a few at a time: 100,000 reads at once are 100,000 sockets.
 */

const fixture = domainFixture();
afterAll(() => fixture.close());

const aTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("inParallel", () => {
  test("has a few under way at most, gives all results in order", async () => {
    let underWay = 0;
    let most = 0;
    const work = async (item: number) => {
      most = Math.max(most, ++underWay);
      await aTurn();
      if (item % 3 === 0) await aTurn();
      underWay--;
      return item * 2;
    };
    const items = Array.from({ length: 1000 }, (_, i) => i);
    expect(await inParallel(items, work)).toEqual(items.map((item) => item * 2));
    expect(most).toBe(SIDE_BY_SIDE);
    expect(await inParallel([], work)).toEqual([]);
  });

  test("throws the first fault when nothing is under way any more, and begins nothing after it", async () => {
    let begun = 0;
    let ended = 0;
    const work = async (item: number) => {
      begun++;
      for (let i = 0; i < 3; i++) await aTurn();
      ended++;
      if (item === 5) throw new Error("planted");
    };
    await expect(
      inParallel(
        Array.from({ length: 100 }, (_, i) => i),
        work,
      ),
    ).rejects.toThrow("planted");
    expect(ended).toBe(begun);
    expect(begun).toBeLessThan(2 * SIDE_BY_SIDE);
  });
});

/** The workspace over stores that take a turn to answer; `most` counts the calls that were under way together. */
async function slowWorkspace(): Promise<{ workspace: Workspace; calls: () => number; most: () => number }> {
  let calls = 0;
  let underWay = 0;
  let most = 0;
  const slow = <T extends object>(store: T): T =>
    new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (typeof member !== "function" || name === "list") return member;
        return async (...args: unknown[]) => {
          calls++;
          most = Math.max(most, ++underWay);
          await aTurn();
          try {
            return await member.apply(target, args);
          } finally {
            underWay--;
          }
        };
      },
    });
  const { documents, blobs } = fixture.stores;
  const stores: Stores = {
    ...fixture.stores,
    documents: { ...documents, runs: slow(documents.runs), catalog: slow(documents.catalog) },
    blobs: slow(blobs),
  };
  return { workspace: await fixture.freshWorkspace(stores), calls: () => calls, most: () => most };
}

describe("a search of many experiments", () => {
  const all = { clauses: [], orderBy: [], limit: 10, view: "ALL" } as const;
  const allModels = { filter: { clauses: [], metricClauses: [] }, order: [], datasets: [], limit: 10 };
  const unknown = Array.from({ length: 9_000 }, (_, i) => String(10_000 + i));

  test("has a few reads under way at a time", async () => {
    const { workspace, most } = await slowWorkspace();
    const known: string[] = [];
    for (let i = 0; i < 200; i++) known.push(await createExperiment(workspace, { name: `e${i}` }));
    await searchRuns(workspace, [...known, ...unknown], all);
    await searchLoggedModels(workspace, [...known, ...unknown], allModels);
    expect(most()).toBeGreaterThan(4);
    expect(most()).toBeLessThanOrEqual(SIDE_BY_SIDE);
  });

  test("costs a read or two for all that are unknown together", async () => {
    const { workspace, calls } = await slowWorkspace();
    const before = calls();
    await searchRuns(workspace, unknown, all);
    await searchLoggedModels(workspace, unknown, allModels);
    expect(calls() - before).toBeLessThanOrEqual(4);
  });

  test("is refused beyond 10,000, saying so", async () => {
    const { workspace } = await slowWorkspace();
    const tooMany = Array.from({ length: 10_001 }, (_, i) => String(i));
    for (const refused of [searchRuns(workspace, tooMany, all), searchLoggedModels(workspace, tooMany, allModels)]) {
      await expect(refused).rejects.toThrow(/'experiment_ids'.*10001 experiments.*at most 10000/);
    }
  });
});

/** Where `Promise.all` waits for a list all the same, and why that is bounded. */
const BOUNDED: Readonly<Record<string, string>> = {
  "shared/parallel.ts": "the workers, as many as were asked for",
  "shared/http/event-log.ts": "what is under way already, on stopping",
  "shared/http/store-probe.ts": "one question for each store",
  "shared/drivers/azure-blob/block-upload.ts": "three blocks",
  "shared/domain/artifacts.ts": "sixteen ancestors of a path",
  "shared/drivers/files/file-garbage.ts": "so many files as it forgets at once",
  "shared/drivers/embedded/backup.ts": "the workers that copy files",
  "host/host.ts": "the timers and queues of the app",
  "host/queues.ts": "a batch of messages, on stopping",
};

test("Promise.all waits for lists of a fixed length alone", () => {
  const root = join(import.meta.dirname, "../..");
  const unbounded = globSync("{shared,functions,host}/**/*.ts", { cwd: root }).filter((file) =>
    /Promise\.(?:all|allSettled|any|race)\((?!\[(?!\.\.\.))/.test(readFileSync(join(root, file), "utf8")),
  );
  expect(unbounded.sort()).toEqual(Object.keys(BOUNDED).sort());
});
