import { beforeAll, describe, expect, test } from "vitest";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import type { Item } from "../../shared/stores/document-store.ts";
import { useInProcess } from "./in-process.ts";
import { BODIES, COUNTS, LENGTHS, letters, NUMBERS, times } from "./limit-table.ts";
import { ok } from "./support.ts";
import { callRest } from "./valid-rest.ts";
import { createRun, createWorld, type World } from "./world.ts";

/*
 * Every documented limit at its very value: so much is taken, and one more is refused with the number, or cut where MLflow cuts. What a limit is good
 * for, and its words, stand in the suites of the operations.
 */

const app = useInProcess();
let world: World;

beforeAll(async () => {
  world = await createWorld(app.client);
});

describe.each([
  ["how many", COUNTS],
  ["how long", LENGTHS],
  ["how much", NUMBERS],
  ["how large", BODIES],
])("%s", (_, limits) => {
  beforeAll(() => ok(callRest(app.client, "members_put", { path: { member: "namer" }, json: { role: "owner" } })));

  test.each(limits)(
    "%s: %i is taken, one more is refused with the number, and nothing written",
    async (_, limit, ask) => {
      const taken = await ask(limit, { client: app.client, world });
      expect(taken.status, taken.text.slice(0, 500)).toBeLessThan(300);
      const before = app.writes();
      const { status, text } = await ask(limit + 1, { client: app.client, world });
      expect([400, 413], text.slice(0, 500)).toContain(status);
      expect(text).toContain(String(limit));
      expect(app.writes()).toBe(before);
    },
  );
});

describe("what a workspace holds", () => {
  const full = useInProcess();
  let workspaceId: string;

  beforeAll(async () => {
    await ok(putMember("member-1"));
    await ok(setSecret("secret-1"));
    workspaceId = (await openWorkspace(full.realm, "default")).id;
  });

  const putMember = (member: string) =>
    callRest(full.client, "members_put", { path: { member }, json: { role: "owner" } });
  const setSecret = (secret: string) =>
    callRest(full.client, "secrets_set", { path: { secret }, json: { value: "v" } });

  /** Writes what is there once so often that it is there `count` times, behind the workspace's back: one by one it takes half a minute. */
  async function fillMembers(count: number): Promise<void> {
    const { catalog } = full.realm.stores.documents;
    const { item, etag } = (await catalog.get<Item & { members: { id: string }[] }>(workspaceId, "members"))!;
    const members = times(count, (i) => ({ ...item.members[0]!, id: `member-${i + 1}` }));
    await catalog.replace(workspaceId, { ...item, members } as Item, etag);
  }

  async function fillSecrets(count: number): Promise<void> {
    const { catalog } = full.realm.stores.documents;
    for await (const [first] of catalog.list(workspaceId, { from: "secret-", to: "secret." })) {
      for (let i = 2; i <= count; i++) await catalog.create(workspaceId, { ...first!.item, id: `secret-${i}` });
      return;
    }
  }

  test.each([
    ["members", 2000, fillMembers, putMember],
    ["secrets", 1000, fillSecrets, setSecret],
  ])("%s: %i are taken, one more is refused with the number, and nothing written", async (_, limit, fill, add) => {
    await fill(limit - 1);
    await ok(add("last"));
    const before = full.writes();
    const { status, text } = await add("beyond");
    expect(status, text).toBe(409);
    expect(text).toContain(String(limit));
    expect(full.writes()).toBe(before);
    await ok(add("last"));
  });
});

describe("what is cut instead", () => {
  test.each([
    ["a param", "params", 6000],
    ["a run's tag", "tags", 8000],
  ])("%s, of %s, keeps its first %i characters", async (_, kind, limit) => {
    const runId = await createRun(app.client, world.experimentId);
    const values = [letters(limit), `${letters(limit)}y`].map((value, i) => ({ key: `k${i}`, value }));
    await ok(app.client.call("runs_log_batch", { run_id: runId, [kind]: values }));
    const { run } = await ok(app.client.call("runs_get", { run_id: runId }));
    const kept = run.data[kind].filter(({ key }: { key: string }) => key.startsWith("k"));
    expect(kept.map(({ value }: { value: string }) => value)).toEqual([letters(limit), letters(limit)]);
  });
});
