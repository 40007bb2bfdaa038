import { describe, expect, it } from "vitest";
import type { Item } from "../../../shared/stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../../../shared/stores/errors.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { collect, freshName, RACERS, ROUNDS, race, refuses } from "../support.ts";

interface Note extends Item {
  readonly text: string;
  readonly tags?: string[];
}

function note(id: string, text = "first", tags?: string[]): Note {
  return tags === undefined ? { id, scope: "notes", text } : { id, scope: "notes", text, tags };
}

export function itemLaws({ store }: DocumentStoreSuite): void {
  describe("get", () => {
    it("get: is undefined for an id that is not there", async () => {
      expect(await store().get(freshName("p"), "absent")).toBeUndefined();
    });

    it("get: does not find an item of another partition", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a"));
      expect(await store().get(`${partition}x`, "a")).toBeUndefined();
    });

    it("get: returns the known state itself while it is current", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a"));
      const known = await store().get<Note>(partition, "a");
      expect(await store().get(partition, "a", known)).toBe(known);
    });

    it("get: returns the known state itself, wherever it was read, and with a ttl too", async () => {
      const partition = freshName("p");
      await store().create(partition, { ...note("a"), ttl: 1_000 });
      const [known] = (await collect(store().list<Note>(partition))).flat();
      expect(await store().get(partition, "a", known)).toBe(known);
    });

    it("get: returns the new state when the known one was replaced", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      const known = await store().get<Note>(partition, "a");
      await store().replace(partition, note("a", "second"), etag);
      expect((await store().get(partition, "a", known))?.item.text).toBe("second");
    });

    it("get: is undefined when the known item was removed", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a"));
      const known = await store().get<Note>(partition, "a");
      await store().remove(partition, "a");
      expect(await store().get(partition, "a", known)).toBeUndefined();
    });

    it("get: never takes the known state of one item for another", async () => {
      const [partition, other] = [freshName("p"), freshName("p")];
      await store().create(partition, note("a", "a here"));
      await store().create(partition, note("b", "b here"));
      await store().create(other, note("a", "a there"));
      const known = await store().get<Note>(partition, "a");
      expect((await store().get(partition, "b", known))?.item.text).toBe("b here");
      expect((await store().get(other, "a", known))?.item.text).toBe("a there");
    });

    it("get: hands out values of their own", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a", "first", ["x"]));
      const first = await store().get<Note>(partition, "a");
      first?.item.tags?.push("y");
      expect((await store().get<Note>(partition, "a"))?.item.tags).toEqual(["x"]);
    });
  });

  describe("create", () => {
    it("create: reads back with its partition and the ETag that was returned", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      expect(await store().get(partition, "a")).toEqual({ item: note("a"), partition, etag });
    });

    it("create: takes the same id in another partition", async () => {
      const [partition, other] = [freshName("p"), freshName("p")];
      await store().create(partition, note("a", "here"));
      await store().create(other, note("a", "there"));
      expect((await store().get<Note>(partition, "a"))?.item.text).toBe("here");
      expect((await store().get<Note>(other, "a"))?.item.text).toBe("there");
    });

    it("create: tells ids apart that differ in case", async () => {
      const partition = freshName("p");
      await store().create(partition, note("run", "small"));
      await store().create(partition, note("RUN", "large"));
      expect((await store().get<Note>(partition, "run"))?.item.text).toBe("small");
    });

    it("create: raises AlreadyExists for a taken id and leaves the item as it is", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      await refuses(store().create(partition, note("a", "second")), AlreadyExists);
      expect(await store().get(partition, "a")).toEqual({ item: note("a"), partition, etag });
    });

    it("create: lets one of twenty racers win, in twenty rounds", async () => {
      const partition = freshName("p");
      for (let round = 0; round < ROUNDS; round++) {
        const id = `r${round}`;
        const winners = await race(
          RACERS,
          (racer) => store().create(partition, note(id, `by ${racer}`)),
          AlreadyExists,
        );
        expect(winners).toHaveLength(1);
        expect((await store().get<Note>(partition, id))?.item.text).toBe(`by ${winners[0]}`);
      }
    });

    it("create: is not changed by what happens to the argument afterwards", async () => {
      const partition = freshName("p");
      const item = { id: "a", scope: "notes", tags: ["x"] };
      const writing = store().create(partition, item);
      item.tags.push("y");
      item.id = "b";
      await writing;
      expect((await store().get<Note>(partition, "a"))?.item.tags).toEqual(["x"]);
      expect(await store().get(partition, "b")).toBeUndefined();
    });
  });

  describe("replace", () => {
    it("replace: stores the new value under a new ETag", async () => {
      const partition = freshName("p");
      const first = await store().create(partition, note("a"));
      const second = await store().replace(partition, note("a", "second"), first);
      expect(second).not.toBe(first);
      expect(await store().get(partition, "a")).toEqual({ item: note("a", "second"), partition, etag: second });
    });

    it("replace: changes the ETag even when the value stays the same", async () => {
      const partition = freshName("p");
      const first = await store().create(partition, note("a"));
      const second = await store().replace(partition, note("a"), first);
      expect(second).not.toBe(first);
    });

    it("replace: drops members that the new value does not have", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a", "first", ["x"]));
      await store().replace(partition, note("a"), etag);
      expect((await store().get(partition, "a"))?.item).toEqual(note("a"));
    });

    it("replace: raises PreconditionFailed on an old ETag and changes nothing", async () => {
      const partition = freshName("p");
      const first = await store().create(partition, note("a"));
      const second = await store().replace(partition, note("a", "second"), first);
      await refuses(store().replace(partition, note("a", "third"), first), PreconditionFailed);
      expect(await store().get(partition, "a")).toEqual({ item: note("a", "second"), partition, etag: second });
    });

    it("replace: raises PreconditionFailed on an ETag that nobody gave", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a"));
      await refuses(store().replace(partition, note("a", "second"), "nonsense"), PreconditionFailed);
    });

    it("replace: raises PreconditionFailed when the item is gone or never was", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      await store().remove(partition, "a");
      await refuses(store().replace(partition, note("a"), etag), PreconditionFailed);
      await refuses(store().replace(partition, note("never"), etag), PreconditionFailed);
      expect(await store().get(partition, "a")).toBeUndefined();
    });

    it("replace: does not take the ETag of an earlier item of the same id", async () => {
      const partition = freshName("p");
      const before = await store().create(partition, note("a"));
      await store().remove(partition, "a");
      await store().create(partition, note("a"));
      await refuses(store().replace(partition, note("a", "late"), before), PreconditionFailed);
    });

    it("replace: lets one of twenty racers win, in twenty rounds", async () => {
      const partition = freshName("p");
      let etag = await store().create(partition, note("a"));
      for (let round = 0; round < ROUNDS; round++) {
        const text = (racer: number) => `round ${round} by ${racer}`;
        const attempt = (racer: number) => store().replace(partition, note("a", text(racer)), etag);
        const winners = await race(RACERS, attempt, PreconditionFailed);
        expect(winners).toHaveLength(1);
        const now = await store().get<Note>(partition, "a");
        expect(now?.item.text).toBe(text(winners[0]!));
        etag = now!.etag;
      }
    });

    it("replace: is not changed by what happens to the argument afterwards", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      const item = { ...note("a"), tags: ["x"] };
      const writing = store().replace(partition, item, etag);
      item.tags.push("y");
      await writing;
      expect((await store().get<Note>(partition, "a"))?.item.tags).toEqual(["x"]);
    });
  });

  describe("remove", () => {
    it("remove: is true when it was there, false when not", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a"));
      expect(await store().remove(partition, "a")).toBe(true);
      expect(await store().get(partition, "a")).toBeUndefined();
      expect(await store().remove(partition, "a")).toBe(false);
    });

    it("remove: leaves items of the same id in other partitions", async () => {
      const [partition, other] = [freshName("p"), freshName("p")];
      await store().create(partition, note("a"));
      await store().create(other, note("a"));
      await store().remove(partition, "a");
      expect(await store().get(other, "a")).toBeDefined();
    });

    it("remove: takes the current ETag", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      expect(await store().remove(partition, "a", etag)).toBe(true);
      expect(await store().get(partition, "a")).toBeUndefined();
    });

    it("remove: raises PreconditionFailed on an old ETag and leaves the item", async () => {
      const partition = freshName("p");
      const first = await store().create(partition, note("a"));
      await store().replace(partition, note("a", "second"), first);
      await refuses(store().remove(partition, "a", first), PreconditionFailed);
      expect((await store().get<Note>(partition, "a"))?.item.text).toBe("second");
    });

    it("remove: raises PreconditionFailed with an ETag when the item is gone", async () => {
      const partition = freshName("p");
      const etag = await store().create(partition, note("a"));
      await store().remove(partition, "a");
      await refuses(store().remove(partition, "a", etag), PreconditionFailed);
    });

    it("remove: frees the id", async () => {
      const partition = freshName("p");
      await store().create(partition, note("a"));
      await store().remove(partition, "a");
      await store().create(partition, note("a", "again"));
      expect((await store().get<Note>(partition, "a"))?.item.text).toBe("again");
    });
  });
}
