import { describe, expect, it } from "vitest";
import type { DocumentStore, Item, Stored } from "../../../shared/stores/document-store.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { freshName, itNeeding } from "../support.ts";

interface Run extends Item {
  readonly status: string;
}

function run(id: string, scope: string, status = "Running"): Run {
  return { id, scope, status };
}

interface Drained {
  /** The last state of each item seen, by partition and id. */
  readonly states: Map<string, Stored<Run>>;
  readonly mark: string;
  readonly pages: number;
}

/** Reads until there is no more; `between` runs after each page. */
async function drain(
  store: DocumentStore,
  scope: string,
  mark?: string,
  limit?: number,
  between?: () => Promise<unknown>,
) {
  const states = new Map<string, Stored<Run>>();
  for (let pages = 1; ; pages++) {
    const page = await store.changes<Run>(scope, mark, limit);
    for (const each of page.items) states.set(`${each.partition} ${each.item.id}`, each);
    mark = page.mark;
    if (!page.more) return { states, mark, pages } satisfies Drained;
    expect(pages).toBeLessThan(100);
    await between?.();
  }
}

/** What is new: states whose ETag was not in `seen`. */
function news(now: Drained, seen: Drained): Run[] {
  return [...now.states].filter(([key, { etag }]) => seen.states.get(key)?.etag !== etag).map(([, { item }]) => item);
}

function idsOf({ states }: Drained): string[] {
  return [...states.values()].map(({ item }) => item.id).sort();
}

export function changesLaws({ store, unsupported }: DocumentStoreSuite): void {
  const needing = itNeeding(unsupported);

  describe("changes", () => {
    it("changes: gives the items of the scope from all partitions, whole", async () => {
      const [scope, one, two] = [freshName("s"), freshName("p"), freshName("p")];
      const etag = await store().create(one, run("a", scope));
      await store().create(two, run("b", scope));
      await store().create(one, run("other", `${scope}x`));
      const { states } = await drain(store(), scope);
      expect(states.size).toBe(2);
      expect(states.get(`${one} a`)).toEqual({ item: run("a", scope), partition: one, etag });
      expect(states.get(`${two} b`)?.item).toEqual(run("b", scope));
    });

    it("changes: gives nothing new when nothing was written since the mark", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      await store().create(partition, run("a", scope));
      const seen = await drain(store(), scope);
      expect(news(await drain(store(), scope, seen.mark), seen)).toEqual([]);
    });

    it("changes: gives what was created and replaced since the mark", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      const etag = await store().create(partition, run("a", scope));
      await store().create(partition, run("b", scope));
      const seen = await drain(store(), scope);
      await store().create(partition, run("c", scope));
      await store().replace(partition, run("a", scope, "Completed"), etag);
      const now = news(await drain(store(), scope, seen.mark), seen);
      expect(now).toHaveLength(2);
      expect(now).toContainEqual(run("c", scope));
      expect(now).toContainEqual(run("a", scope, "Completed"));
    });

    it("changes: gives what a batch wrote", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      const seen = await drain(store(), scope);
      await store().batch(partition, [
        { kind: "create", item: run("a", scope) },
        { kind: "create", item: run("b", scope) },
      ]);
      expect(idsOf(await drain(store(), scope, seen.mark))).toEqual(["a", "b"]);
    });

    it("changes: takes the mark of a scope that was empty", async () => {
      const scope = freshName("s");
      const empty = await store().changes(scope);
      expect(empty).toEqual({ items: [], mark: expect.any(String), more: false });
      await store().create(freshName("p"), run("a", scope));
      expect(idsOf(await drain(store(), scope, empty.mark))).toEqual(["a"]);
    });

    it("changes: shows an item in its newest state only", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      let etag = await store().create(partition, run("a", scope, "0"));
      for (let i = 1; i <= 5; i++) etag = await store().replace(partition, run("a", scope, String(i)), etag);
      const { items } = await store().changes<Run>(scope);
      expect(items.map(({ item }) => item.status)).toEqual(["5"]);
    });

    it("changes: does not show what was removed", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      await store().create(partition, run("a", scope));
      await store().create(partition, run("b", scope));
      await store().remove(partition, "a");
      expect(idsOf(await drain(store(), scope))).toEqual(["b"]);
    });

    it("changes: shows an item in the scope it moved to, and no more in the one it left", async () => {
      const [from, to, partition] = [freshName("s"), freshName("s"), freshName("p")];
      const etag = await store().create(partition, run("a", from));
      const seen = await drain(store(), to);
      await store().replace(partition, run("a", to), etag);
      expect(idsOf(await drain(store(), from))).toEqual([]);
      expect(idsOf(await drain(store(), to, seen.mark))).toEqual(["a"]);
    });

    it("changes: goes on in pages until there is no more", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      const ids = Array.from({ length: 25 }, (_, i) => `i${String(i).padStart(2, "0")}`);
      for (const id of ids) await store().create(partition, run(id, scope));
      const all = await drain(store(), scope, undefined, 10);
      expect(all.pages).toBeGreaterThan(1);
      expect(idsOf(all)).toEqual(ids);
    });

    it("changes: misses nothing that is written or removed between pages", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      const ids = Array.from({ length: 20 }, (_, i) => `i${String(i).padStart(2, "0")}`);
      for (const id of ids) await store().create(partition, run(id, scope));
      let page = 0;
      const seen = await drain(store(), scope, undefined, 5, async () => {
        page++;
        if (page > 3) return;
        await store().remove(partition, `i${String(page * 5 - 1).padStart(2, "0")}`);
        await store().create(partition, run(`late${page}`, scope));
      });
      const late = await drain(store(), scope, seen.mark);
      const found = new Set([...idsOf(seen), ...idsOf(late)]);
      const removed = ["i04", "i09", "i14"];
      for (const id of ids) if (!removed.includes(id)) expect(found).toContain(id);
      for (const id of ["late1", "late2", "late3"]) expect(found).toContain(id);
    });

    it("changes: misses none of the writes that race with it", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      const found = new Set<string>();
      let mark: string | undefined;
      for (let round = 0; round < 10; round++) {
        const writing = Array.from({ length: 5 }, (_, i) => store().create(partition, run(`r${round}-${i}`, scope)));
        const [seen] = await Promise.all([drain(store(), scope, mark), ...writing]);
        for (const id of idsOf(seen)) found.add(id);
        mark = seen.mark;
      }
      for (const id of idsOf(await drain(store(), scope, mark))) found.add(id);
      expect(found.size).toBe(50);
    });

    needing("order-within-a-second")("changes: gives the oldest write first", async () => {
      const [scope, partition] = [freshName("s"), freshName("p")];
      const etag = await store().create(partition, run("c", scope));
      await store().create(freshName("p"), run("b", scope));
      await store().create(partition, run("a", scope));
      await store().replace(partition, run("c", scope), etag);
      const { items } = await store().changes<Run>(scope);
      expect(items.map(({ item }) => item.id)).toEqual(["b", "a", "c"]);
    });

    it.each([
      ["quotes", `it's "quoted"`],
      ["wildcards", "%_*?"],
      ["unicode", "größe 🦆 \u2028"],
      ["nothing", ""],
      ["255 characters", "s".repeat(255)],
    ])("changes: finds a scope of %s", async (_, text) => {
      const [scope, partition] = [text, freshName("p")];
      await store().create(partition, run("a", scope));
      expect((await drain(store(), scope)).states.get(`${partition} a`)?.item.scope).toBe(scope);
    });
  });
}
