import { describe, expect, it } from "vitest";
import type { BatchOperation, DocumentStore, Item } from "../../../shared/stores/document-store.ts";
import { AlreadyExists, InvalidArgument, PreconditionFailed, TooLarge } from "../../../shared/stores/errors.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { collect, type ErrorClass, freshName, RACERS, ROUNDS, race, refuses } from "../support.ts";

interface Page extends Item {
  readonly text: string;
}

function page(id: string, text = "first"): Page {
  return { id, scope: "pages", text };
}

function create(id: string, text?: string): BatchOperation {
  return { kind: "create", item: page(id, text) };
}

/** An item of about so many bytes of JSON. */
function heavy(id: string, bytes: number): BatchOperation {
  return create(id, "x".repeat(bytes));
}

async function idsIn(store: DocumentStore, partition: string): Promise<string[]> {
  return (await collect(store.list(partition))).flat().map(({ item }) => item.id);
}

export function batchLaws({ store }: DocumentStoreSuite): void {
  describe("batch", () => {
    it("batch: creates, replaces and removes in one, and returns the new ETags in order", async () => {
      const partition = freshName("p");
      const a = await store().create(partition, page("a"));
      const b = await store().create(partition, page("b"));
      await store().create(partition, page("c"));
      const etags = await store().batch(partition, [
        create("d"),
        { kind: "replace", item: page("a", "second"), etag: a },
        { kind: "remove", id: "b", etag: b },
        { kind: "remove", id: "c" },
      ]);
      expect(etags).toEqual([expect.any(String), expect.any(String), undefined, undefined]);
      expect(await idsIn(store(), partition)).toEqual(["a", "d"]);
      expect(await store().get(partition, "a")).toEqual({ item: page("a", "second"), partition, etag: etags[1] });
      expect((await store().get(partition, "d"))?.etag).toBe(etags[0]);
    });

    it("batch: returns ETags that are current", async () => {
      const partition = freshName("p");
      const [etag] = await store().batch(partition, [create("a")]);
      await store().replace(partition, page("a", "second"), etag!);
      expect((await store().get<Page>(partition, "a"))?.item.text).toBe("second");
    });

    it.each<[string, BatchOperation, ErrorClass]>([
      ["a taken id", { kind: "create", item: page("there") }, AlreadyExists],
      ["a taken unique", { kind: "create", item: { ...page("new"), unique: "taken" } }, AlreadyExists],
      ["an old ETag", { kind: "replace", item: page("there"), etag: "nonsense" }, PreconditionFailed],
      ["a replacement of nothing", { kind: "replace", item: page("absent"), etag: "nonsense" }, PreconditionFailed],
      ["a removal under an old ETag", { kind: "remove", id: "there", etag: "nonsense" }, PreconditionFailed],
      ["a removal of nothing", { kind: "remove", id: "absent" }, PreconditionFailed],
      ["a value that cannot be stored", create("nan", "\ud800"), InvalidArgument],
    ])("batch: writes nothing when one operation has %s", async (_, failing, error) => {
      for (const position of [0, 1, 2]) {
        const partition = freshName("p");
        const etag = await store().create(partition, page("there"));
        await store().create(partition, { ...page("owner"), unique: "taken" });
        const operations = [create("a"), create("b")];
        operations.splice(position, 0, failing);
        await refuses(store().batch(partition, operations), error);
        expect(await idsIn(store(), partition)).toEqual(["owner", "there"]);
        expect((await store().get(partition, "there"))?.etag).toBe(etag);
      }
    });

    it("batch: gives a unique value from a removed item to a created one", async () => {
      const partition = freshName("p");
      await store().create(partition, { ...page("a"), unique: "name" });
      await store().batch(partition, [
        { kind: "remove", id: "a" },
        { kind: "create", item: { ...page("b"), unique: "name" } },
      ]);
      expect(await idsIn(store(), partition)).toEqual(["b"]);
    });

    it("batch: lets one of twenty racers win whole, in twenty rounds", async () => {
      const partition = freshName("p");
      let etag = await store().create(partition, page("head"));
      const expected = ["head"];
      for (let round = 0; round < ROUNDS; round++) {
        const attempt = (racer: number) =>
          store().batch(partition, [
            create(`page-${round}-${racer}`),
            { kind: "replace", item: page("head", `${round} ${racer}`), etag },
          ]);
        const winners = await race(RACERS, attempt, PreconditionFailed);
        expect(winners).toHaveLength(1);
        expected.push(`page-${round}-${winners[0]}`);
        etag = (await store().get(partition, "head"))!.etag;
      }
      expect(await idsIn(store(), partition)).toEqual(expected.sort());
    });

    it("batch: raises InvalidArgument when empty", async () => {
      await refuses(store().batch(freshName("p"), []), InvalidArgument);
    });

    it("batch: raises InvalidArgument when an id occurs twice", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, page("a"));
      await refuses(store().batch(partition, [create("b"), create("b")]), InvalidArgument);
      const removeAndCreate: BatchOperation[] = [{ kind: "remove", id: "a", etag }, create("a", "second")];
      await refuses(store().batch(partition, removeAndCreate), InvalidArgument);
      expect(await idsIn(store(), partition)).toEqual(["a"]);
    });

    it("batch: takes 100 operations, and raises TooLarge for 101", async () => {
      const partition = freshName("p");
      const many = (count: number) => Array.from({ length: count }, (_, i) => create(`i${i}`));
      await refuses(store().batch(partition, many(101)), TooLarge);
      expect(await idsIn(store(), partition)).toEqual([]);
      expect(await store().batch(partition, many(100))).toHaveLength(100);
      expect(await idsIn(store(), partition)).toHaveLength(100);
    });

    it("batch: takes 1.8 MB, and raises TooLarge for more than 2 MB", async () => {
      const partition = freshName("p");
      const items = (count: number) => Array.from({ length: count }, (_, i) => heavy(`i${i}`, 300_000));
      await refuses(store().batch(partition, items(7)), TooLarge);
      expect(await idsIn(store(), partition)).toEqual([]);
      await store().batch(partition, items(6));
      expect(await idsIn(store(), partition)).toHaveLength(6);
    });

    it("batch: is not changed by what happens to the arguments afterwards", async () => {
      const partition = freshName("p");
      const item = { ...page("a"), tags: ["x"] };
      const operations: BatchOperation[] = [{ kind: "create", item }];
      const writing = store().batch(partition, operations);
      item.tags.push("y");
      operations.push(create("b"));
      await writing;
      expect(await idsIn(store(), partition)).toEqual(["a"]);
      expect((await store().get(partition, "a"))?.item).toEqual({ ...page("a"), tags: ["x"] });
    });
  });
}
