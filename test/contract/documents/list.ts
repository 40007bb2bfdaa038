import { describe, expect, it } from "vitest";
import type { DocumentStore, IdRange } from "../../../shared/stores/document-store.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { collect, freshName } from "../support.ts";

async function fill(store: DocumentStore, ids: readonly string[]): Promise<string> {
  const partition = freshName("p");
  for (const id of ids) await store.create(partition, { id, scope: "listed" });
  return partition;
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `i${String(i).padStart(4, "0")}`);
}

/** Reads page by page, doing `between` after the first one. */
async function idsWith(
  store: DocumentStore,
  partition: string,
  pageSize: number,
  between: (last: string) => Promise<unknown>,
) {
  const ids: string[] = [];
  let first = true;
  for await (const page of store.list(partition, undefined, pageSize)) {
    ids.push(...page.map(({ item }) => item.id));
    if (first) await between(ids.at(-1)!);
    first = false;
  }
  return ids;
}

export function listLaws({ store }: DocumentStoreSuite): void {
  describe("list", () => {
    it("list: gives whole items with partition and ETag", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, { id: "a", scope: "listed", text: "x" } as never);
      expect((await collect(store().list(partition))).flat()).toEqual([
        { item: { id: "a", scope: "listed", text: "x" }, partition, etag },
      ]);
    });

    it("list: goes in the order of the ids' bytes, whatever the order of writing", async () => {
      const ids = ["b", "-", "a", "A", "_", "0", "aa", "a-", "a_", "a0", "Z", "10", "9"];
      const partition = await fill(store(), ids);
      const listed = (await collect(store().list(partition))).flat().map(({ item }) => item.id);
      expect(listed).toEqual(["-", "0", "10", "9", "A", "Z", "_", "a", "a-", "a0", "a_", "aa", "b"]);
    });

    it.each<[string, IdRange, string[]]>([
      ["from, inclusive", { from: "b" }, ["b", "bb", "c", "d"]],
      ["to, exclusive", { to: "c" }, ["a", "b", "bb"]],
      ["both", { from: "b", to: "c" }, ["b", "bb"]],
      ["ids that are not there", { from: "aa", to: "bz" }, ["b", "bb"]],
      ["the same id twice", { from: "b", to: "b" }, []],
      ["ends in the wrong order", { from: "c", to: "a" }, []],
    ])("list: takes a range of %s", async (_, range, expected) => {
      const partition = await fill(store(), ["a", "b", "bb", "c", "d"]);
      expect((await collect(store().list(partition, range))).flat().map(({ item }) => item.id)).toEqual(expected);
    });

    it("list: has no page for a partition without items", async () => {
      expect(await collect(store().list(freshName("p")))).toEqual([]);
    });

    it("list: keeps partitions apart", async () => {
      const partition = await fill(store(), ["a"]);
      await store().create(`${partition}0`, { id: "b", scope: "listed" });
      expect((await collect(store().list(partition))).flat()).toHaveLength(1);
    });

    it.each([1, 2, 3, 4, 100])("list: gives seven items in pages of at most %i, none empty", async (pageSize) => {
      const partition = await fill(store(), numbered(7));
      const pages = await collect(store().list(partition, undefined, pageSize));
      for (const { length } of pages) expect(length > 0 && length <= pageSize).toBe(true);
      expect(pages.flat().map(({ item }) => item.id)).toEqual(numbered(7));
    });

    it("list: sees every other item once when items are inserted between pages", async () => {
      const partition = await fill(store(), numbered(9));
      const ids = await idsWith(store(), partition, 3, async (last) => {
        for (const id of ["a", `${last}-`, "z"]) await store().create(partition, { id, scope: "listed" });
      });
      expect(ids.filter((id) => numbered(9).includes(id))).toEqual(numbered(9));
      expect(new Set(ids).size).toBe(ids.length);
    });

    it("list: goes on when the item that a page stopped at is removed", async () => {
      const partition = await fill(store(), numbered(9));
      const ids = await idsWith(store(), partition, 3, (last) => store().remove(partition, last));
      expect(ids).toEqual(numbered(9));
    });

    it("list: sees every other item once when items of all pages are removed", async () => {
      const partition = await fill(store(), numbered(9));
      const removed = ["i0000", "i0001", "i0005"];
      const ids = await idsWith(store(), partition, 3, () =>
        Promise.all(removed.map((id) => store().remove(partition, id))),
      );
      expect(ids.filter((id) => !removed.includes(id))).toEqual(numbered(9).filter((id) => !removed.includes(id)));
    });

    it("list: sees items once that are replaced between pages", async () => {
      const partition = await fill(store(), numbered(6));
      const ids = await idsWith(store(), partition, 2, async () => {
        for (const id of numbered(6)) {
          const { item, etag } = (await store().get(partition, id))!;
          await store().replace(partition, item, etag);
        }
      });
      expect(ids).toEqual(numbered(6));
    });

    it("list: may be left before its end", async () => {
      const partition = await fill(store(), numbered(4));
      for await (const page of store().list(partition, undefined, 1)) {
        expect(page).toHaveLength(1);
        break;
      }
      await store().create(partition, { id: "later", scope: "listed" });
      expect((await collect(store().list(partition))).flat()).toHaveLength(5);
    });

    it("list: gives heavy items, too many for one answer of the service", async () => {
      const partition = freshName("p");
      const text = "x".repeat(900_000);
      for (const id of numbered(6)) await store().create(partition, { id, scope: "listed", text } as never);
      expect((await collect(store().list(partition))).flat().map(({ item }) => item.id)).toEqual(numbered(6));
    });

    it("list: is not changed by what happens to its range afterwards", async () => {
      const partition = await fill(store(), ["a", "b", "c"]);
      const range = { from: "b", to: "c" };
      const pages = store().list(partition, range);
      range.from = "a";
      expect((await collect(pages)).flat().map(({ item }) => item.id)).toEqual(["b"]);
    });
  });
}
