import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DocumentStore, Item } from "../../shared/stores/document-store.ts";
import { collect, freshName } from "../contract/support.ts";
import {
  type CosmosEmulator,
  type CosmosFixture,
  cosmosFixture,
  EMULATOR,
  SERVICE_PARTITIONS,
  startEmulator,
  WITHOUT_EMULATOR,
} from "./support/cosmos-emulator.ts";
import { PricedHttp } from "./support/cosmos-prices.ts";

function sized(id: string, bytes: number): Item & { readonly packed: string } {
  return { id, scope: "ws-0123456789ab/exp-0123456789ab/points", packed: "x".repeat(bytes) };
}

describe.skipIf(!EMULATOR)(`Cosmos DB: costs${WITHOUT_EMULATOR}`, () => {
  let emulator: CosmosEmulator;
  let fixture: CosmosFixture;
  const http = new PricedHttp();
  let store: DocumentStore;
  let partition: string;

  beforeAll(async () => {
    emulator = await startEmulator();
    fixture = await cosmosFixture(emulator, { httpClient: http });
    store = fixture.stores.documents.runs;
    await store.create("warm", { id: "a", scope: "warm" });
    await store.changes("warm");
  });
  beforeEach(() => {
    partition = freshName("p");
    http.take();
  });
  afterAll(async () => {
    await fixture?.close();
    emulator?.stop();
  });

  it("get: one request, 5 RU at most for a run of 2 KB", async () => {
    await store.create(partition, sized("run", 1_800));
    http.take();
    await store.get(partition, "run");
    const { kinds, units } = http.take();
    expect(kinds).toEqual(["read"]);
    expect(units).toBeLessThanOrEqual(5);
  });

  it("get: one request that carries no item when the known state is current", async () => {
    await store.create(partition, sized("run", 200_000));
    const known = await store.get(partition, "run");
    http.take();
    expect(await store.get(partition, "run", known)).toBe(known);
    expect(http.take().kinds).toEqual(["read"]);
  });

  it("get: one request for what is not there", async () => {
    await store.get(partition, "absent");
    expect(http.take().kinds).toEqual(["read"]);
  });

  it("create: one request, 8 RU at most for a single point", async () => {
    await store.create(partition, sized("p-1767225600000-0123456789abcdef", 120));
    const { kinds, units } = http.take();
    expect(kinds).toEqual(["create"]);
    expect(units).toBeLessThanOrEqual(8);
  });

  it("create: one request, 12 RU at most for a thousand packed points of 13 KB", async () => {
    await store.create(partition, sized("p-1767225600000-0123456789abcdef", 13_200));
    const { kinds, units } = http.take();
    expect(kinds).toEqual(["create"]);
    expect(units).toBeLessThanOrEqual(12);
  });

  it("create: a request more when the name is taken, to see whether the other has expired", async () => {
    await store.create(partition, sized("a", 100));
    http.take();
    await store.create(partition, sized("a", 100)).catch(() => undefined);
    expect(http.take().kinds).toEqual(["create", "query"]);
  });

  it("replace: one request, 15 RU at most for a run of 2 KB", async () => {
    const etag = await store.create(partition, sized("run", 1_800));
    http.take();
    await store.replace(partition, sized("run", 1_800), etag);
    const { kinds, units } = http.take();
    expect(kinds).toEqual(["replace"]);
    expect(units).toBeLessThanOrEqual(15);
  });

  it("replace: one request under an ETag that is not current", async () => {
    await store.create(partition, sized("run", 100));
    http.take();
    await store.replace(partition, sized("run", 100), "old").catch(() => undefined);
    expect(http.take().kinds).toEqual(["replace"]);
  });

  it("remove: one request, with an ETag and without", async () => {
    const etag = await store.create(partition, sized("a", 100));
    await store.create(partition, sized("b", 100));
    http.take();
    await store.remove(partition, "a", etag);
    expect(http.take().kinds).toEqual(["remove"]);
    await store.remove(partition, "b");
    expect(http.take().kinds).toEqual(["batch"]);
  });

  it("batch: one request, and one more when it removes without an ETag", async () => {
    const etag = await store.create(partition, sized("a", 100));
    http.take();
    await store.batch(partition, [
      { kind: "replace", item: sized("a", 100), etag },
      { kind: "create", item: sized("b", 100) },
    ]);
    expect(http.take().kinds).toEqual(["batch"]);
    await store.batch(partition, [
      { kind: "remove", id: "a" },
      { kind: "remove", id: "b" },
    ]);
    expect(http.take().kinds).toEqual(["query", "batch"]);
  });

  it("list: one request for each page, and none for a plan", async () => {
    for (const id of ["a", "b", "c", "d", "e"]) await store.create(partition, sized(id, 100));
    http.take();
    await collect(store.list(partition));
    expect(http.take().kinds).toEqual(["query"]);
    await collect(store.list(partition, undefined, 2));
    expect(http.take().kinds).toEqual(["query", "query", "query"]);
  });

  it("changes: that finds nothing is one request for each of the service's partitions, 10 RU at most each", async () => {
    const { mark } = await store.changes(partition);
    http.take();
    const { items, more } = await store.changes(partition, mark);
    expect([items, more]).toEqual([[], false]);
    const { kinds, units } = http.take();
    expect(kinds).toEqual(Array.from({ length: SERVICE_PARTITIONS }, () => "query"));
    expect(units / SERVICE_PARTITIONS).toBeLessThanOrEqual(10);
  });

  it("a process asks once for what it must know of a container, and for nothing before it is used", async () => {
    const fresh = await fixture.another({ httpClient: http });
    expect(http.take().kinds).toEqual([]);
    await fresh.documents.runs.get(partition, "a");
    expect(http.take().kinds).toEqual(["read"]);
    await fresh.documents.runs.create(partition, sized("a", 100));
    expect(http.take().kinds).toEqual(["metadata", "create"]);
    await fresh.documents.runs.create(partition, sized("b", 100));
    expect(http.take().kinds).toEqual(["create"]);
  });
});
