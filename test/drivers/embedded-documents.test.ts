import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { InvalidArgument } from "../../shared/stores/errors.ts";
import { refuses } from "../contract/support.ts";
import { type EmbeddedFixture, embeddedFixture } from "./embedded-fixture.ts";

let fixture: EmbeddedFixture;

beforeEach(() => {
  fixture = embeddedFixture();
});
afterEach(() => fixture.close());

/** What lies on the disk, expired or not. */
async function storedIds(): Promise<string[]> {
  await fixture.reopen();
  const database = new DatabaseSync(join(fixture.folder, "cairn.db"), { readOnly: true });
  const ids = database
    .prepare("SELECT id FROM runs ORDER BY id")
    .all()
    .map(({ id }) => String(id));
  database.close();
  return ids;
}

it("sweep: expired items leave the disk", async () => {
  const { runs } = fixture.stores.documents;
  await runs.create("p", { id: "brief", scope: "s", ttl: 10 });
  await runs.create("p", { id: "long", scope: "s", ttl: 100 });
  await runs.create("p", { id: "forever", scope: "s" });
  fixture.clock.pass(10);
  await fixture.stores.sweep();
  expect(await storedIds()).toEqual(["forever", "long"]);
});

it("writes: remove expired items from the disk now and then", async () => {
  const { runs } = fixture.stores.documents;
  await runs.create("p", { id: "brief", scope: "s", ttl: 10 });
  fixture.clock.pass(10);
  for (let i = 0; i < 1_000; i++) await runs.create("p", { id: `i${i}`, scope: "s" });
  expect(await storedIds()).not.toContain("brief");
});

it("ttl: an item is there for the last millisecond of its time, and not for the next", async () => {
  const { runs } = fixture.stores.documents;
  await runs.create("p", { id: "a", scope: "s", ttl: 10 });
  fixture.clock.pass(9.999);
  expect(await runs.get("p", "a")).toBeDefined();
  fixture.clock.pass(0.001);
  expect(await runs.get("p", "a")).toBeUndefined();
});

it("documents: runs, catalog and events are containers of their own", async () => {
  const { runs, catalog, events } = fixture.stores.documents;
  for (const store of [runs, catalog, events]) await store.create("p", { id: "a", scope: "s", unique: "u" });
  await catalog.remove("p", "a");
  expect((await runs.changes("s")).items).toHaveLength(1);
  expect((await catalog.changes("s")).items).toHaveLength(0);
  expect((await events.changes("s")).items).toHaveLength(1);
});

it("etags: none comes again, even when the newest item is removed and the process starts anew", async () => {
  const before = fixture.stores.documents.runs;
  const etag = await before.create("p", { id: "a", scope: "s" });
  await before.remove("p", "a");
  const after = (await fixture.reopen()).documents.runs;
  expect(await after.create("p", { id: "a", scope: "s" })).not.toBe(etag);
});

it.each(["x", "-1", "1.5", "", "1 OR 1=1"])("changes: the mark %j raises InvalidArgument", async (mark) => {
  await refuses(fixture.stores.documents.runs.changes("s", mark), InvalidArgument);
});

it.each<[string, unknown]>([
  ["a date", new Date(0)],
  ["a map", new Map()],
  ["bytes", new Uint8Array(1)],
  ["a bigint", 1n],
  ["a function", () => 1],
  ["undefined in an array", [undefined]],
])("create: %s raises InvalidArgument, as JSON would change it", async (_, value) => {
  await refuses(fixture.stores.documents.runs.create("p", { id: "a", scope: "s", value } as never), InvalidArgument);
});

it("checkpoints: a load of writes starts the log again and again instead of making it grow", async () => {
  const { runs } = fixture.stores.documents;
  const logSize = () => statSync(join(fixture.folder, "cairn.db-wal")).size;
  const text = "x".repeat(20_000);
  let written = 0;
  for (let before = 0; logSize() >= before; written++) {
    expect(written).toBeLessThan(500);
    before = logSize();
    for (let i = 0; i < 64; i++) await runs.create("p", { id: `i${written}-${i}`, scope: "s", text } as never);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(statSync(join(fixture.folder, "cairn.db")).size).toBeGreaterThan(2 * 1024 * 1024);
});
