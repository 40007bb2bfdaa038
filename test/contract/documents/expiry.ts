import { describe, expect, it } from "vitest";
import type { Item } from "../../../shared/stores/document-store.ts";
import { InvalidArgument, PreconditionFailed } from "../../../shared/stores/errors.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { collect, freshName, itNeeding, refuses } from "../support.ts";

const TTL_SECONDS = 10;

function brief(id: string, more: Partial<Item> = {}): Item {
  return { id, scope: "brief", ttl: TTL_SECONDS, ...more };
}

export function expiryLaws({ store, pass, unsupported }: DocumentStoreSuite): void {
  const expiring = itNeeding(unsupported)("ttl-expiry");
  const expire = () => pass(TTL_SECONDS + 2);

  describe("ttl", () => {
    it("ttl: an item with one reads back with it", async () => {
      const partition = freshName("p");
      await store().create(partition, brief("a", { ttl: 86_400 }));
      expect((await store().get(partition, "a"))?.item.ttl).toBe(86_400);
    });

    it.each([0, -1, 1.5, 2 ** 31, Number.NaN])("ttl: %d raises InvalidArgument", async (ttl) => {
      await refuses(store().create(freshName("p"), brief("a", { ttl })), InvalidArgument);
    });

    expiring("ttl: an expired item is not found, listed or shown among changes", async () => {
      const [partition, scope] = [freshName("p"), freshName("s")];
      await store().create(partition, brief("a", { scope }));
      await store().create(partition, { id: "b", scope });
      const known = await store().get(partition, "a");
      await expire();
      expect(await store().get(partition, "a")).toBeUndefined();
      expect(await store().get(partition, "a", known)).toBeUndefined();
      expect((await collect(store().list(partition))).flat().map(({ item }) => item.id)).toEqual(["b"]);
      expect((await store().changes(scope)).items.map(({ item }) => item.id)).toEqual(["b"]);
    });

    expiring("ttl: an item is there until its time is over, counted from its last write", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, brief("a"));
      await pass(TTL_SECONDS - 3);
      await store().replace(partition, brief("a"), etag);
      await pass(TTL_SECONDS - 3);
      expect(await store().get(partition, "a")).toBeDefined();
      await pass(5);
      expect(await store().get(partition, "a")).toBeUndefined();
    });

    expiring("ttl: a replacement without one makes the item stay", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, brief("a"));
      await store().replace(partition, { id: "a", scope: "brief" }, etag);
      await expire();
      expect(await store().get(partition, "a")).toBeDefined();
    });

    expiring("ttl: an expired item frees its id and its unique value", async () => {
      const partition = freshName("p");
      await store().create(partition, brief("a", { unique: "name" }));
      await expire();
      await store().create(partition, brief("b", { unique: "name" }));
      await store().create(partition, brief("a"));
      expect((await collect(store().list(partition))).flat().map(({ item }) => item.id)).toEqual(["a", "b"]);
    });

    expiring("ttl: one new item may take the id of one expired item and the unique value of another", async () => {
      const partition = freshName("p");
      await store().create(partition, brief("a", { unique: "one" }));
      await store().create(partition, brief("b", { unique: "two" }));
      await expire();
      await store().batch(partition, [{ kind: "create", item: { id: "a", scope: "brief", unique: "two" } }]);
      expect((await store().get(partition, "a"))?.item.unique).toBe("two");
    });

    expiring("ttl: an expired item is gone for replace, remove and batch", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, brief("a"));
      await expire();
      await refuses(store().replace(partition, brief("a"), etag), PreconditionFailed);
      await refuses(store().remove(partition, "a", etag), PreconditionFailed);
      await refuses(store().batch(partition, [{ kind: "remove", id: "a" }]), PreconditionFailed);
      expect(await store().remove(partition, "a")).toBe(false);
    });
  });
}
