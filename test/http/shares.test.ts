import { describe, expect, test } from "vitest";
import { Shares } from "../../shared/http/shares.ts";
import { seededIds } from "../domain/support.ts";

describe("Shares", () => {
  test("one caller may hold all there is, and no more", () => {
    const shares = new Shares(100);
    shares.hold("a", 100);
    expect(shares.isTooMuch("a")).toBe(false);
    shares.hold("a", 1);
    expect(shares.isTooMuch("a")).toBe(true);
    shares.hold("a", -1);
    expect(shares.isTooMuch("a")).toBe(false);
  });

  test("who holds everything keeps nobody else out, but is refused more", () => {
    const shares = new Shares(100);
    shares.hold("greedy", 100);
    shares.hold("modest", 40);
    expect([shares.isTooMuch("modest"), shares.isTooMuch("greedy")]).toEqual([false, true]);
    shares.hold("modest", 11);
    expect(shares.isTooMuch("modest")).toBe(true);
  });

  test("a caller that has given everything back is no longer counted", () => {
    const shares = new Shares(100);
    shares.hold("gone", 10);
    shares.hold("gone", -10);
    shares.hold("greedy", 60);
    shares.hold("other", 60);
    shares.hold("greedy", -10);
    expect([shares.isTooMuch("greedy"), shares.isTooMuch("other")]).toEqual([false, true]);
  });

  test("of callers that stop when it is too much, nobody with less than its share is ever refused", () => {
    const ids = seededIds(7);
    for (let round = 0; round < 200; round++) {
      const shares = new Shares(1000);
      const held = new Map<string, number>();
      for (let step = 0; step < 200; step++) {
        const caller = `caller ${ids.integer(6)}`;
        const own = held.get(caller) ?? 0;
        const amount = ids.integer(3) === 0 ? -ids.integer(own + 1) : ids.integer(80);
        shares.hold(caller, amount);
        if (own + amount > 0) held.set(caller, own + amount);
        else held.delete(caller);
        const isWithin = (held.get(caller) ?? 0) <= 1000 / held.size;
        if (isWithin) expect(shares.isTooMuch(caller)).toBe(false);
        if (shares.isTooMuch(caller)) {
          shares.hold(caller, -amount);
          if (own > 0) held.set(caller, own);
          else held.delete(caller);
        }
      }
    }
  });
});
