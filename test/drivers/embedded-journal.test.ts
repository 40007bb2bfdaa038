import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { Database } from "../../shared/drivers/sqlite/database.ts";
import { SqliteDocumentStore } from "../../shared/drivers/sqlite/document-store.ts";
import { prepareSchema } from "../../shared/drivers/sqlite/schema.ts";
import type { Item } from "../../shared/stores/document-store.ts";
import { collect } from "../contract/support.ts";
import { type EmbeddedFixture, embeddedFixture, ManualClock, temporaryFolder } from "./embedded-fixture.ts";

const COMMITTED_AFTER_MS = 60;
const FILES = ["cairn.db", "cairn.db-wal", "cairn.journal"];

let fixture: EmbeddedFixture;
const folders: string[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  fixture = embeddedFixture();
});
afterEach(async () => {
  vi.useRealTimers();
  await fixture.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderOfTest(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}

/** The data folder as it would be found if the process died now. */
function left(files = FILES): string {
  const folder = folderOfTest();
  copy(folder, files);
  return folder;
}

function copy(folder: string, files: readonly string[]): void {
  for (const file of files) copyFileSync(join(fixture.folder, file), join(folder, file));
}

async function inStores<T>(folder: string, read: (stores: EmbeddedStores) => Promise<T>, durable = false): Promise<T> {
  const stores = openEmbedded({ folder, clock: fixture.clock, baseUrl: () => "", durable });
  try {
    return await read(stores);
  } finally {
    await stores.close();
  }
}

/** Every document with its ETag, and how many messages wait. */
async function contents({ documents, queue }: EmbeddedStores) {
  const found = await Promise.all([documents.runs, documents.catalog].map((store) => collect(store.list("p"))));
  return { documents: found.flat(2), messages: await queue.count("waiting") };
}

const idsIn = (folder: string) =>
  inStores(folder, async (stores) => (await contents(stores)).documents.map(({ item }) => item.id));

const id = fc.constantFrom("a", "b", "c", "d");
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.constant("x".repeat(200_000)));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("create", "ensure", "replace", "remove", "pair"), id, text }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("send"), id, text: fc.constant("") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("commit"), id, text: fc.constant("") }) },
);

/** Does a step, which may be refused: what was refused must leave nothing. */
async function take(
  { documents: { runs }, queue }: EmbeddedStores,
  { kind, id, text }: { kind: string; id: string; text: string },
) {
  const item = { id, scope: "s", text: text.toWellFormed() };
  const etag = (await runs.get("p", id))?.etag ?? "0";
  const operations = {
    create: () => runs.create("p", item),
    ensure: () => runs.ensure("p", item),
    replace: () => runs.replace("p", item, etag),
    remove: () => runs.remove("p", id),
    pair: () =>
      runs.batch("p", [
        { kind: "create", item: { ...item, id: `${id}2` } },
        { kind: "replace", item, etag },
      ]),
    send: () => queue.send("waiting", id),
    commit: async () => vi.advanceTimersByTime(COMMITTED_AFTER_MS),
  };
  await operations[kind as keyof typeof operations]().catch(() => undefined);
}

it("journal: whenever the process dies, its successor finds everything acknowledged, down to the ETags", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      for (const it of steps) await take(fixture.stores, it);
      const folder = left();
      expect(await inStores(folder, contents)).toEqual(await contents(fixture.stores));
      expect(await inStores(folder, contents), "a second time").toEqual(await contents(fixture.stores));
    }),
    { numRuns: 40 },
  );
});

it("journal: of a transaction that was refused in its middle nothing is there", async () => {
  const { runs } = fixture.stores.documents;
  const half = { id: "half", scope: "s" };
  const refused = runs.batch("p", [
    { kind: "create", item: half },
    { kind: "remove", id: "absent" },
  ]);
  await expect(refused).rejects.toThrow("absent");
  await runs.create("p", { id: "whole", scope: "s" });
  expect(await idsIn(left())).toEqual(["whole"]);
});

it("journal: a line that is torn or damaged ends it; what stands before it is there", async () => {
  const { runs } = fixture.stores.documents;
  for (let i = 0; i < 12; i++) await runs.create("p", { id: `i${i + 10}`, scope: "s" });
  const ids = Array.from({ length: 12 }, (_, i) => `i${i + 10}`);
  const journal = readFileSync(join(fixture.folder, "cairn.journal"));
  let before = 0;
  for (let length = 0; length <= journal.length; length += 53) {
    const folder = left();
    writeFileSync(join(folder, "cairn.journal"), journal.subarray(0, length));
    const found = await idsIn(folder);
    expect(found).toEqual(ids.slice(0, found.length));
    expect(found.length).toBeGreaterThanOrEqual(before);
    before = found.length;
    const damaged = left();
    writeFileSync(join(damaged, "cairn.journal"), journal.with(Math.min(length, journal.length - 1), 1));
    const spared = await idsIn(damaged);
    expect(spared).toEqual(ids.slice(0, spared.length));
    expect(spared.length).toBeLessThan(12);
  }
  expect(await idsIn(left())).toEqual(ids);
});

it("journal: lines of an older group behind those of the current one mean nothing", async () => {
  const { runs } = fixture.stores.documents;
  for (let i = 0; i < 5; i++) await runs.create("p", { id: `i${i}`, scope: "s" });
  vi.advanceTimersByTime(COMMITTED_AFTER_MS);
  const size = statSync(join(fixture.folder, "cairn.journal")).size;
  await runs.remove("p", "i4");
  expect(statSync(join(fixture.folder, "cairn.journal")).size).toBe(size);
  expect(await idsIn(left())).toEqual(["i0", "i1", "i2", "i3"]);
});

it("journal: goes on behind what the database has, where a commit came through that seemed to fail", async () => {
  const { runs } = fixture.stores.documents;
  const journal = join(fixture.folder, "cairn.journal");
  for (const id of ["a", "b", "c"]) await runs.create("p", { id, scope: "s" });
  const committed = readFileSync(journal);
  vi.advanceTimersByTime(COMMITTED_AFTER_MS);
  const folder = left();
  for (const id of ["d", "e", "f"]) await runs.create("p", { id, scope: "s" });
  writeFileSync(join(folder, "cairn.journal"), Buffer.concat([committed, readFileSync(journal)]));
  expect(await inStores(folder, contents)).toEqual(await contents(fixture.stores));
});

it("journal: is emptied by the next process, since a loss of power makes numbers come again", async () => {
  await fixture.stores.documents.runs.create("p", { id: "a", scope: "s" });
  const folder = left();
  const size = await inStores(folder, async () => statSync(join(folder, "cairn.journal")).size);
  expect(size).toBe(0);
});

it("journal: one that a loss of power has left ahead of the database is not used", async () => {
  const { runs } = fixture.stores.documents;
  await runs.create("p", { id: "a", scope: "s" });
  vi.advanceTimersByTime(COMMITTED_AFTER_MS);
  const folder = left(["cairn.db", "cairn.db-wal"]);
  for (const id of ["b", "c"]) {
    await runs.create("p", { id, scope: "s" });
    if (id === "b") vi.advanceTimersByTime(COMMITTED_AFTER_MS);
  }
  copy(folder, ["cairn.journal"]);
  expect(await idsIn(folder)).toEqual(["a"]);
});

it("journal: one of another incarnation means nothing: an older copy of the database comes back as it was", async () => {
  const { runs } = fixture.stores.documents;
  await runs.create("p", { id: "a", scope: "s" });
  await fixture.stores.close();
  const folder = folderOfTest();
  copy(folder, ["cairn.db"]);
  await fixture.open().documents.runs.create("p", { id: "b", scope: "s" });
  copy(folder, ["cairn.journal"]);
  expect(statSync(join(folder, "cairn.journal")).size).toBeGreaterThan(0);
  expect(await idsIn(folder)).toEqual(["a"]);
});

it("journal: a fresh folder whose first group nobody committed, and whose database is taken away, starts empty", async () => {
  await fixture.stores.documents.runs.create("p", { id: "a", scope: "s" });
  expect(await idsIn(left(["cairn.journal"])), "without its database").toEqual([]);
  expect(await idsIn(left(["cairn.journal", "cairn.db"])), "without what is written ahead").toEqual([]);
});

it("journal: one that a version without incarnations has left is taken in", async () => {
  await fixture.stores.close();
  const database = new DatabaseSync(join(fixture.folder, "cairn.db"));
  database.exec(
    "ALTER TABLE journaled DROP COLUMN incarnation; UPDATE journaled SET committed = 7; PRAGMA user_version = 2",
  );
  database.close();
  const insert = "INSERT INTO runs (partition, id, scope, body) VALUES (?, ?, ?, ?)";
  const line = JSON.stringify([8, [[insert, "p", "a", "s", '{"id":"a","scope":"s"}']]]);
  const checksum = crc32(line).toString(16).padStart(8, "0");
  writeFileSync(join(fixture.folder, "cairn.journal"), `${checksum}${line}\n`);
  expect(await fixture.open().documents.runs.get("p", "a")).toBeDefined();
});

it("journal: is gone when the stores are closed in peace, and what was in it is not", async () => {
  await fixture.stores.documents.runs.create("p", { id: "a", scope: "s" });
  await fixture.stores.close();
  expect(existsSync(join(fixture.folder, "cairn.journal"))).toBe(false);
  expect(await fixture.open().documents.runs.get("p", "a")).toBeDefined();
});

it("durable: every write is in the database when it is acknowledged; a journal that was left is taken in first", async () => {
  await fixture.stores.documents.runs.create("p", { id: "a", scope: "s" });
  const folder = left();
  const read = async ({ documents: { runs } }: EmbeddedStores) => {
    await runs.create("p", { id: "b", scope: "s" });
    const other = new DatabaseSync(join(folder, "cairn.db"), { readOnly: true });
    const ids = other.prepare("SELECT id FROM runs ORDER BY id").all();
    other.close();
    return ids.map(({ id }) => id);
  };
  expect(await inStores(folder, read, true)).toEqual(["a", "b"]);
  expect(existsSync(join(folder, "cairn.journal"))).toBe(false);
});

it("full disk: a write that finds no room is refused, and those acknowledged before stay, now and for the successor", async () => {
  const folder = folderOfTest();
  const files = { databaseFile: join(folder, "cairn.db"), journalFile: join(folder, "cairn.journal") };
  const open = () => {
    const database = new Database({ ...files, durable: false });
    prepareSchema(database, folder);
    return { database, store: new SqliteDocumentStore(database, "runs", new ManualClock()) };
  };
  const { database, store } = open();
  await store.create("p", { id: "a", scope: "s" });
  const { page_count } = database.prepare<{ page_count: number }>("PRAGMA page_count").get()!;
  database.prepare(`PRAGMA max_page_count = ${page_count + 2}`).get();
  const large = { id: "large", scope: "s", text: "x".repeat(100_000) };
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(store.create("p", large)).rejects.toThrow(/full/);
    await expect(store.batch("p", [{ kind: "create", item: large }])).rejects.toThrow(/full/);
    expect(await store.get("p", "large")).toBeUndefined();
    expect(await store.get("p", "a")).toBeDefined();
  }
  await store.create("p", { id: "b", scope: "s" });
  vi.advanceTimersByTime(COMMITTED_AFTER_MS);
  database.prepare("PRAGMA max_page_count = 100000").get();
  await store.create("p", large);
  await database.close();
  const after = open();
  expect((await collect(after.store.list("p"))).flat().map(({ item }) => item.id)).toEqual(["a", "b", "large"]);
  await after.database.close();
});

it("full disk: what was ensured without a look at the database is there once there is room, and for the successor", async () => {
  const folder = folderOfTest();
  const files = { databaseFile: join(folder, "cairn.db"), journalFile: join(folder, "cairn.journal") };
  const database = new Database({ ...files, durable: false });
  prepareSchema(database, folder);
  const store = new SqliteDocumentStore(database, "runs", new ManualClock());
  await store.ensure("p", { id: "a", scope: "s" });
  const { page_count } = database.prepare<{ page_count: number }>("PRAGMA page_count").get()!;
  database.prepare(`PRAGMA max_page_count = ${page_count}`).get();
  for (let i = 0; i < 100; i++) await store.ensure("p", { id: `i${i}`, scope: "s", text: "x".repeat(1_000) } as Item);
  await expect(collect(store.list("p"))).rejects.toThrow(/full/);
  await expect(store.get("p", "i7")).rejects.toThrow(/full/);
  vi.advanceTimersByTime(COMMITTED_AFTER_MS);
  await expect(store.create("p", { id: "b", scope: "s" })).rejects.toThrow(/full/);
  const successor = folderOfTest();
  for (const name of FILES) copyFileSync(join(folder, name), join(successor, name));
  expect(await idsIn(successor)).toHaveLength(101);
  database.execute("PRAGMA max_page_count = 100000");
  await store.create("p", { id: "b", scope: "s" });
  expect((await collect(store.list("p"))).flat()).toHaveLength(102);
  await database.close();
});

it("writing statements: are refused outside a transaction, which the journal would not see", () => {
  const folder = folderOfTest();
  const database = new Database({
    databaseFile: join(folder, "cairn.db"),
    journalFile: join(folder, "cairn.journal"),
    durable: false,
  });
  prepareSchema(database, folder);
  const statement = database.prepare("DELETE FROM runs");
  expect(() => statement.run()).toThrow("within a transaction");
  expect(() => statement.all()).toThrow("run() or get()");
  return database.close();
});
