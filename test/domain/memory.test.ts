import { describe, expect, it } from "vitest";
import { Memory } from "../../shared/domain/memory.ts";
import { ScopeIndex } from "../../shared/domain/scope-index.ts";
import { memoryBudget } from "../../shared/memory-budget.ts";
import type { DocumentStore, Item } from "../../shared/stores/document-store.ts";
import { DAY, SettableClock } from "./support.ts";

/** A store in which every scope has one more item at each look, so that indexes grow. */
const growing = {
  changes: async (scope: string, mark = "0") => ({
    items: [{ item: { id: "a", scope }, partition: "p", etag: mark }],
    mark: String(Number(mark) + 1),
    more: false,
  }),
} as unknown as DocumentStore;

const MB = 1024 * 1024;
const clock = new SettableClock();

class FakeIndex extends ScopeIndex<Item> {
  looks = 0;

  protected apply(): void {
    this.looks++;
  }

  protected estimateBytes(): number {
    return 100 * MB;
  }
}

describe("memory of a process", () => {
  it("index: is kept and brought up to date at each use", async () => {
    const memory = new Memory();
    const create = () => new FakeIndex(growing, "a", clock);
    const first = await memory.index("a", create);
    expect(await memory.index("a", create)).toBe(first);
    expect(first.looks).toBe(2);
  });

  it("index: the least recently used go when all together have grown too large", async () => {
    const memory = new Memory();
    const use = (key: string) => memory.index(key, () => new FakeIndex(growing, key, clock));
    const [a, b] = [await use("a"), await use("b")];
    expect(await use("a")).toBe(a);
    await use("c");
    expect(await use("a")).toBe(a);
    expect(await use("b")).not.toBe(b);
  });

  it("index: one that is larger than everything may be is kept all the same, and so is a quarter of the rest", async () => {
    const memory = new Memory(4 * MB);
    const create = () => new FakeIndex(growing, "a", clock);
    const first = await memory.index("a", create);
    for (let i = 0; i < 100; i++) memory.keep(`body/${i}`, "x", 100_000);
    expect(await memory.index("a", create)).toBe(first);
    expect(memory.bytes).toBeLessThanOrEqual(101 * MB);
    expect(memory.recallValue("body/99")).toBe("x");
    expect(memory.recallValue("body/80")).toBeUndefined();
  });

  it("whatever is kept stays within one budget, tables included where they are small", async () => {
    const memory = new Memory(200 * MB);
    for (let i = 0; i < 1_000; i++) memory.keep(`segment/${i}`, i, MB);
    expect(memory.bytes).toBeLessThanOrEqual(200 * MB);
    await memory.index("a", () => new FakeIndex(growing, "a", clock));
    expect(memory.bytes).toBeLessThanOrEqual(200 * MB);
    expect(memory.recallValue("segment/999")).toBe(999);
    expect(memory.recallValue("segment/850")).toBeUndefined();
  });

  it("the budget: what the settings say, else a part of the memory there is", () => {
    expect(memoryBudget(100, 512 * MB)).toBe(100 * MB);
    expect(memoryBudget(undefined, 512 * MB)).toBe(32 * MB);
    expect(memoryBudget(undefined, 128 * MB)).toBe(16 * MB);
    expect(memoryBudget(undefined, 24_576 * MB)).toBe(64 * MB);
  });

  it("index: one that was not looked at for so long that it may have missed what is gone is begun anew", async () => {
    const memory = new Memory();
    const create = () => new FakeIndex(growing, "a", clock);
    const first = await memory.index("a", create);
    clock.pass(14 * DAY);
    expect(await memory.index("a", create)).toBe(first);
    clock.pass(16 * DAY);
    const second = await memory.index("a", create);
    expect(second).not.toBe(first);
    expect(await memory.index("a", create)).toBe(second);
  });

  it("index: uses at once share one index", async () => {
    const memory = new Memory();
    let created = 0;
    const create = () => {
      created++;
      return new FakeIndex(growing, "a", clock);
    };
    const found = await Promise.all(Array.from({ length: 10 }, () => memory.index("a", create)));
    expect([created, new Set(found).size]).toEqual([1, 1]);
  });
});
