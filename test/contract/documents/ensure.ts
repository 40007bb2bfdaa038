import { describe, expect, it } from "vitest";
import { AlreadyExists, InvalidArgument, TooLarge } from "../../../shared/stores/errors.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { collect, freshName, RACERS, refuses } from "../support.ts";

const note = (id: string, text: string, scope = "notes") => ({ id, scope, text });

export function ensureLaws({ store }: DocumentStoreSuite): void {
  describe("ensure", () => {
    it("ensure: makes the item, for every way of reading and writing that comes next", async () => {
      const [partition, scope] = [freshName("p"), freshName("s")];
      const texts: unknown[] = [];
      for (const id of ["a", "b", "c", "d", "e"]) {
        await store().ensure(partition, note(id, id, scope));
        if (id === "a") texts.push((await store().get<ReturnType<typeof note>>(partition, id))?.item.text);
        if (id === "b") texts.push((await collect(store().list(partition))).flat().length);
        if (id === "c") texts.push((await store().changes(scope)).items.length);
        if (id === "d") texts.push(await store().remove(partition, id));
        if (id === "e") await refuses(store().create(partition, note(id, "other", scope)), AlreadyExists);
      }
      expect(texts).toEqual(["a", 2, 3, true]);
    });

    it("ensure: leaves an item of that id as it is, whoever has made it", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a", "first"));
      await store().ensure(partition, note("a", "second"));
      const found = await store().get(partition, "a");
      expect(found).toMatchObject({ item: { text: "first" }, etag });
      await Promise.all(Array.from({ length: RACERS }, (_, i) => store().ensure(partition, note("b", String(i)))));
      expect((await collect(store().list(partition))).flat()).toHaveLength(2);
    });

    it("ensure: its item can be replaced and removed as any other", async () => {
      const partition = freshName("p");
      await store().ensure(partition, note("a", "first"));
      const { etag } = (await store().get(partition, "a"))!;
      await store().replace(partition, note("a", "second"), etag);
      await store().ensure(partition, note("a", "third"));
      expect(await store().get(partition, "a")).toMatchObject({ item: { text: "second" } });
      expect(await store().remove(partition, "a")).toBe(true);
      await store().ensure(partition, note("a", "fourth"));
      expect(await store().get(partition, "a")).toMatchObject({ item: { text: "fourth" } });
    });

    it("ensure: refuses what it could not promise, and what cannot be stored", async () => {
      const partition = freshName("p");
      await refuses(store().ensure(partition, { ...note("a", ""), unique: "u" }), InvalidArgument);
      await refuses(store().ensure(partition, { ...note("a", ""), ttl: 10 }), InvalidArgument);
      await refuses(store().ensure(partition, note("no id", "")), InvalidArgument);
      await refuses(store().ensure(partition, note("a", "x".repeat(2 * 1024 * 1024))), TooLarge);
      expect(await store().get(partition, "a")).toBeUndefined();
    });
  });
}
