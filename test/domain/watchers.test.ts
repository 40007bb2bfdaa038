import { afterAll, beforeAll, expect, test } from "vitest";
import { createExperiment, deleteExperiment, getExperiment } from "../../shared/domain/experiments.ts";
import { WATCHERS, type Watcher, watchAll } from "../../shared/domain/watchers.ts";
import { createWorkspace, deleteWorkspace, openWorkspace } from "../../shared/domain/workspaces.ts";
import { StoreUnavailable } from "../../shared/stores/errors.ts";
import { DAY, type DomainFixture, domainFixture } from "./support.ts";

let fixture: DomainFixture;

beforeAll(() => {
  fixture = domainFixture();
});
afterAll(() => fixture.close());

const settings = { retentionDays: 30, tell: () => {} };

test("watchers: one that fails, even at once, keeps none of the others from its end", async () => {
  const ended: string[] = [];
  const fails = (name: string, error: Error): Watcher => ({
    name,
    watch: () => {
      throw error;
    },
  });
  const slow: Watcher = {
    name: "slow",
    watch: async () => {
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      ended.push("slow");
    },
  };
  const errors = [new Error("one"), new Error("two")];
  const watching = watchAll(fixture.realm, settings, [fails("first", errors[0]!), slow, fails("last", errors[1]!)]);
  await expect(watching).rejects.toMatchObject({
    errors,
    message: "Not everything could be looked after: first, last.",
  });
  expect(ended).toEqual(["slow"]);
});

test("watchers: what is overdue is purged although the purge of a workspace cannot be asked for", async () => {
  const { realm, clock } = fixture;
  await createWorkspace(realm, "going", "");
  await deleteWorkspace(realm, "going");
  const workspace = await openWorkspace(realm, "default");
  const id = await createExperiment(workspace, { name: "old" });
  await deleteExperiment(workspace, id);
  clock.pass(31 * DAY);
  const away = new StoreUnavailable("away", 1);
  const queue = {
    ...realm.stores.queue,
    send: async (name: string, body: string, delaySeconds?: number) => {
      if (body.includes('"workspace"')) throw away;
      return realm.stores.queue.send(name, body, delaySeconds);
    },
  };
  const limping = { ...realm, stores: { ...realm.stores, queue } };
  await expect(watchAll(limping as never, settings)).rejects.toMatchObject({
    message: "Not everything could be looked after: purges.",
  });
  await expect(getExperiment(workspace, id)).rejects.toMatchObject({ code: "NotFound" });
});

test("watchers: each has a name of its own", () => {
  expect(new Set(WATCHERS.map(({ name }) => name)).size).toBe(WATCHERS.length);
});
