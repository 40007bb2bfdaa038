import { describe, expect, it } from "vitest";
import { ScopeIndex } from "../../shared/domain/scope-index.ts";
import { Memory } from "../../shared/domain/workspace.ts";
import type { DocumentStore, Item } from "../../shared/stores/document-store.ts";

/** A store in which every scope has one more item at each look, so that indexes grow. */
const growing = {
  changes: async (scope: string, mark = "0") => ({
    items: [{ item: { id: "a", scope }, partition: "p", etag: mark }],
    mark: String(Number(mark) + 1),
    more: false,
  }),
} as unknown as DocumentStore;

class FakeIndex extends ScopeIndex<Item> {
  looks = 0;

  protected apply(): void {
    this.looks++;
  }

  protected estimateBytes(): number {
    return 100 * 1024 * 1024;
  }
}

describe("memory of a process", () => {
  it("index: is kept and brought up to date at each use", async () => {
    const memory = new Memory();
    const create = () => new FakeIndex(growing, "a");
    const first = await memory.index("a", create);
    expect(await memory.index("a", create)).toBe(first);
    expect(first.looks).toBe(2);
  });

  it("index: the least recently used go when all together have grown too large", async () => {
    const memory = new Memory();
    const use = (key: string) => memory.index(key, () => new FakeIndex(growing, key));
    const [a, b] = [await use("a"), await use("b")];
    expect(await use("a")).toBe(a);
    await use("c");
    expect(await use("a")).toBe(a);
    expect(await use("b")).not.toBe(b);
  });

  it("index: uses at once share one index", async () => {
    const memory = new Memory();
    let created = 0;
    const create = () => {
      created++;
      return new FakeIndex(growing, "a");
    };
    const found = await Promise.all(Array.from({ length: 10 }, () => memory.index("a", create)));
    expect([created, new Set(found).size]).toEqual([1, 1]);
  });
});
