import { describe, expect, it } from "vitest";
import type { Item } from "../../../shared/stores/document-store.ts";
import { AlreadyExists } from "../../../shared/stores/errors.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { freshName, RACERS, ROUNDS, race, refuses } from "../support.ts";

function named(id: string, unique?: string): Item {
  return unique === undefined ? { id, scope: "named" } : { id, scope: "named", unique };
}

export function uniqueLaws({ store }: DocumentStoreSuite): void {
  describe("unique", () => {
    it("unique: create raises AlreadyExists when another item of the partition has it", async () => {
      const partition = freshName("p");
      await store().create(partition, named("a", "name"));
      await refuses(store().create(partition, named("b", "name")), AlreadyExists);
      expect(await store().get(partition, "b")).toBeUndefined();
    });

    it("unique: may be had by one item in each partition", async () => {
      const [partition, other] = [freshName("p"), freshName("p")];
      await store().create(partition, named("a", "name"));
      await store().create(other, named("a", "name"));
      expect(await store().get(other, "a")).toBeDefined();
    });

    it("unique: does not bind items that have none", async () => {
      const partition = freshName("p");
      await store().create(partition, named("a"));
      await store().create(partition, named("b"));
      expect(await store().get(partition, "b")).toBeDefined();
    });

    it("unique: is no id, and no id is unique's", async () => {
      const partition = freshName("p");
      await store().create(partition, named("a"));
      await store().create(partition, named("b", "a"));
      await store().create(partition, named("c", "d"));
      await store().create(partition, named("d"));
      expect((await store().get(partition, "b"))?.item).toEqual(named("b", "a"));
    });

    it.each([
      ["case", "name", "Name"],
      ["a blank at the end", "name", "name "],
      ["a NUL", "name", "name\0"],
      ["composition", "é", "e\u0301"],
      ["nothing at all", "", "x"],
    ])("unique: tells values apart that differ in %s", async (_, first, second) => {
      const partition = freshName("p");
      await store().create(partition, named("a", first));
      await store().create(partition, named("b", second));
      expect((await store().get(partition, "b"))?.item.unique).toBe(second);
    });

    it("unique: is freed by removal", async () => {
      const partition = freshName("p");
      await store().create(partition, named("a", "name"));
      await store().remove(partition, "a");
      await store().create(partition, named("b", "name"));
      expect(await store().get(partition, "b")).toBeDefined();
    });

    it("unique: is freed by changing it, and by dropping it", async () => {
      const partition = freshName("p");
      const first = await store().create(partition, named("a", "one"));
      const second = await store().replace(partition, named("a", "two"), first);
      await store().create(partition, named("b", "one"));
      await store().replace(partition, named("a"), second);
      await store().create(partition, named("c", "two"));
      expect(await store().get(partition, "c")).toBeDefined();
    });

    it("unique: is kept by a replacement of its own item", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, named("a", "name"));
      await store().replace(partition, named("a", "name"), etag);
      await refuses(store().create(partition, named("b", "name")), AlreadyExists);
    });

    it("unique: replace raises AlreadyExists when another item has it, and changes nothing", async () => {
      const partition = freshName("p");
      await store().create(partition, named("a", "one"));
      const etag = await store().create(partition, named("b", "two"));
      await refuses(store().replace(partition, named("b", "one"), etag), AlreadyExists);
      expect(await store().get(partition, "b")).toEqual({ item: named("b", "two"), partition, etag });
    });

    it("unique: goes to one of twenty racers, in twenty rounds", async () => {
      const partition = freshName("p");
      for (let round = 0; round < ROUNDS; round++) {
        const attempt = (racer: number) => store().create(partition, named(`r${round}-${racer}`, `round ${round}`));
        expect(await race(RACERS, attempt, AlreadyExists)).toHaveLength(1);
      }
    });
  });
}
