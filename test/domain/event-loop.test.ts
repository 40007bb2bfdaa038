import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Turns } from "../../shared/turns.ts";

/*
 * How callers share the event loop. Time is the work itself here.
 */

let workMs = 0;
beforeEach(() => {
  vi.spyOn(performance, "now").mockImplementation(() => workMs);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const names = (of: string, count: number) => Array.from({ length: count }, (_, i) => `${of}${i}`);

/** Somebody's requests, and what has begun so far. */
function serving() {
  const turns = new Turns();
  const begun: string[] = [];
  const request = (name: string, takesMs: number) =>
    turns.workFor({ caller: name[0] }, async () => {
      await turns.begin();
      begun.push(name);
      workMs += takesMs;
    });
  /** Work in the background, one item after the other. */
  const scan = async (items: number) => {
    for (let i = 0; i < items; i++) {
      await turns.turn();
      begun.push("scan");
      workMs++;
    }
  };
  return { turns, begun, request, scan };
}

describe("callers share the event loop", () => {
  test("who comes alone begins at once", async () => {
    const { turns } = serving();
    for (let i = 0; i < 3; i++) {
      expect(turns.begin()).toBeUndefined();
      await nextTurn();
      await nextTurn();
    }
  });

  test("of many long pieces one is done in a turn; another caller is soon next, whenever it comes", async () => {
    const { begun, request } = serving();
    const all = names("a", 20).map((name) => request(name, 300));
    while (begun.length < 2) await nextTurn();
    expect(begun).toEqual(["a0", "a1"]);
    all.push(request("b0", 300));
    await Promise.all(all);
    expect(begun.indexOf("b0")).toBeLessThanOrEqual(3);
    expect(begun.filter((name) => name !== "b0")).toEqual(names("a", 20));
  });

  test("short pieces go on side by side in one turn, one caller's and then the next one's", async () => {
    const { begun, request } = serving();
    const all = [...names("a", 4), ...names("b", 2)].map((name) => request(name, 0.5));
    await nextTurn();
    expect(begun).toEqual(["a0", "a1", "a2", "a3", "b0", "b1"]);
    await Promise.all(all);
  });

  test("work that goes on for long in the background and requests have half of the time each", async () => {
    const { begun, request, scan } = serving();
    const all = [scan(50), ...names("a", 50).map((name) => request(name, 1))];
    await Promise.all(all);
    const firstHalf = begun.slice(0, 50).filter((name) => name === "scan").length;
    expect(firstHalf).toBeGreaterThanOrEqual(20);
    expect(firstHalf).toBeLessThanOrEqual(30);
  });

  test("many that work for long take turns: all together hold it no longer than one of them", async () => {
    const { begun, scan } = serving();
    const all = names("s", 20).map(() => scan(50));
    // At first nobody has held it yet.
    await nextTurn();
    let most = 0;
    let before = begun.length;
    const watch = async () => {
      while (begun.length < 1000) {
        await nextTurn();
        most = Math.max(most, begun.length - before);
        before = begun.length;
      }
    };
    await Promise.all([...all, watch()]);
    expect(most).toBeLessThanOrEqual(6);
  });

  test("what has waited goes on, as far as it can, before the next one does", async () => {
    const { turns } = serving();
    const trace: string[] = [];
    const work = async (name: string) => {
      await turns.begin();
      for (let step = 0; step < 3; step++) {
        trace.push(`${name}${step}`);
        await Promise.resolve();
      }
    };
    await Promise.all(["a", "b", "c"].map(work));
    expect(trace.join(" ")).toBe("a0 a1 a2 b0 b1 b2 c0 c1 c2");
  });
});
