import { CosmosClient } from "@azure/cosmos";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { containerDefinitions } from "../../shared/drivers/cosmos/containers.ts";
import type { DocumentStore, Item } from "../../shared/stores/document-store.ts";
import { InvalidArgument } from "../../shared/stores/errors.ts";
import { freshName, refuses } from "../contract/support.ts";
import {
  type CosmosEmulator,
  type CosmosFixture,
  cosmosFixture,
  EMULATOR,
  KEY,
  startEmulator,
  WITHOUT_EMULATOR,
} from "./support/cosmos-emulator.ts";
import { type Fault, FaultyHttp } from "./support/cosmos-http.ts";

describe.skipIf(!EMULATOR)(`Cosmos DB: the store${WITHOUT_EMULATOR}`, () => {
  let emulator: CosmosEmulator;
  let fixture: CosmosFixture;
  const http = new FaultyHttp();
  let store: DocumentStore;
  let scope: string;

  beforeAll(async () => {
    emulator = await startEmulator();
    fixture = await cosmosFixture(emulator, { httpClient: http });
    store = fixture.stores.documents.runs;
  });
  beforeEach(() => {
    scope = freshName("s");
  });
  afterEach(() => http.reset());
  afterAll(async () => {
    await fixture?.close();
    emulator?.stop();
  });

  async function fill(ids: readonly string[]): Promise<void> {
    for (const id of ids) await store.create(scope, { id, scope });
  }

  async function changedIds(mark?: string, limit?: number) {
    const page = await store.changes(scope, mark, limit);
    return { ...page, ids: page.items.map(({ item }) => item.id) };
  }

  /** The service's answers to queries say that it is so many seconds later, or nothing about the time. */
  function tellTime(seconds: number | undefined): void {
    const fault: Fault = async (request, send) => {
      const response = await send(request);
      if (seconds === undefined) response.headers.delete("date");
      else response.headers.set("date", new Date(Date.now() + seconds * 1_000).toUTCString());
      return response;
    };
    http.reset();
    http.keepsMeeting("query", fault);
  }

  it("createContainers: makes what containerDefinitions says, and leaves what is there", async () => {
    await fixture.stores.documents.catalog.create("p", { id: "kept", scope: "s" });
    await fixture.stores.createContainers();
    expect(await fixture.stores.documents.catalog.get("p", "kept")).toBeDefined();
    const client = new CosmosClient({ endpoint: emulator.endpoint, key: KEY });
    const { resources } = await client.database(fixture.databaseName).containers.readAll().fetchAll();
    client.dispose();
    expect(resources).toHaveLength(3);
    for (const definition of containerDefinitions()) {
      expect(resources.find(({ id }) => id === definition.id)).toMatchObject(definition);
    }
  });

  it("containers: index the four things that the store asks for, and nothing else", () => {
    for (const { indexingPolicy, partitionKey, uniqueKeyPolicy, defaultTtl } of containerDefinitions()) {
      expect(indexingPolicy.includedPaths).toEqual([{ path: "/scope/?" }, { path: "/unique/?" }, { path: "/_ts/?" }]);
      expect(indexingPolicy.excludedPaths).toEqual([{ path: "/*" }]);
      expect(partitionKey.paths).toEqual(["/partition"]);
      expect(uniqueKeyPolicy.uniqueKeys).toEqual([{ paths: ["/unique"] }]);
      expect(defaultTtl).toBe(-1);
    }
  });

  it("containers: runs, catalog and events are apart", async () => {
    const { runs, catalog, events } = fixture.stores.documents;
    await runs.create(scope, { id: "a", scope });
    await catalog.create(scope, { id: "b", scope });
    for (const [each, ids] of [
      [runs, ["a"]],
      [catalog, ["b"]],
      [events, []],
    ] as const) {
      expect((await each.changes(scope)).items.map(({ item }) => item.id)).toEqual(ids);
    }
  });

  it("items: may have members that are called like those of the service and of the driver", async () => {
    const item = {
      ...{ id: "a", scope, partition: "mine", data: { data: 1 }, writeId: "x", expiresMs: 1, _ts: 2 },
      ...{ _etag: "e", _rid: "r", _self: "s", _attachments: null, ...JSON.parse('{"__proto__": 3}') },
    } as Item;
    const etag = await store.create(scope, item);
    const found = await store.get(scope, "a");
    expect(JSON.stringify(found?.item)).toBe(JSON.stringify({ ...item }));
    expect(found?.etag).toBe(etag);
  });

  it("etags: * and texts that no header may have are those of nobody", async () => {
    await store.create(scope, { id: "a", scope });
    for (const etag of ["*", "", "a\nb", "é"]) {
      await expect(store.replace(scope, { id: "a", scope }, etag)).rejects.toThrow("has changed or is gone");
      await expect(store.remove(scope, "a", etag)).rejects.toThrow("has changed or is gone");
    }
    expect(await store.get(scope, "a")).toBeDefined();
  });

  it("get, remove: an id that no item can have is not there", async () => {
    for (const id of ["", "a/b", "a?b", "a#b", ".."]) {
      expect(await store.get(scope, id)).toBeUndefined();
      expect(await store.remove(scope, id)).toBe(false);
    }
    expect(http.count()).toBe(0);
  });

  it("changes: no page has more than was asked for, also of what was written in one second", async () => {
    const ids = Array.from({ length: 25 }, (_, i) => `i${i}`);
    await fill(ids);
    const seen: string[][] = [];
    for (let mark: string | undefined, more = true; more; ) {
      const page = await changedIds(mark, 10);
      seen.push(page.ids);
      ({ mark, more } = page);
    }
    expect(seen.map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(seen.flat()).toEqual(ids);
  });

  it("changes: sees a write whose stamp is some seconds behind the time at which the last round was", async () => {
    await fill(["a"]);
    tellTime(4);
    const { mark } = await changedIds();
    await fill(["late"]);
    expect((await changedIds(mark)).ids).toContain("late");
  });

  it("changes: after a round that took long there is more, as something may have been written behind it", async () => {
    await fill(["a", "b", "c", "d"]);
    const begun = await changedIds(undefined, 2);
    expect(begun.more).toBe(true);
    await fill(["0"]);
    tellTime(20);
    const ended = await changedIds(begun.mark);
    expect(ended.more).toBe(true);
    const again = await changedIds(ended.mark);
    expect(again.ids).toContain("0");
    expect(again.more).toBe(false);
  });

  it("changes: goes on where it was when the service does not tell the time", async () => {
    tellTime(undefined);
    const fresh = (await fixture.another({ httpClient: http })).documents.runs;
    await fill(["a"]);
    const { mark } = await fresh.changes(scope);
    await fill(["b"]);
    expect((await fresh.changes(scope, mark)).items.map(({ item }) => item.id)).toContain("b");
  });

  it("changes: what was seen long ago does not come again", async () => {
    await fill(["a", "b"]);
    tellTime(60);
    const { mark } = await changedIds();
    expect((await changedIds(mark)).ids).toEqual([]);
  });

  it.each([
    "",
    "x",
    "0",
    "[]",
    "[-1]",
    "[1.5]",
    '["1"]',
    "[1,2]",
    '[1,"2","a"]',
    '[1,2,"a",3]',
    "[1,2,3]",
    "{}",
    "null",
  ])("changes: the mark %j raises InvalidArgument", async (mark) => {
    await refuses(store.changes(scope, mark), InvalidArgument);
  });
});
