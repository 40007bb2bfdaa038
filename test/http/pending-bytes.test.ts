import { describe, expect, test } from "vitest";
import { PendingBytes } from "../../shared/http/pending-bytes.ts";
import { seededIds } from "../domain/support.ts";

describe("PendingBytes", () => {
  test("one caller may hold all there is, and no more", () => {
    const pending = new PendingBytes(100);
    pending.hold("a", 100);
    expect(pending.isTooMuch("a")).toBe(false);
    pending.hold("a", 1);
    expect(pending.isTooMuch("a")).toBe(true);
    pending.hold("a", -1);
    expect(pending.isTooMuch("a")).toBe(false);
  });

  test("who holds everything keeps nobody else out, but is refused more", () => {
    const pending = new PendingBytes(100);
    pending.hold("greedy", 100);
    pending.hold("modest", 40);
    expect([pending.isTooMuch("modest"), pending.isTooMuch("greedy")]).toEqual([false, true]);
    pending.hold("modest", 11);
    expect(pending.isTooMuch("modest")).toBe(true);
  });

  test("a caller that has given everything back is no longer counted", () => {
    const pending = new PendingBytes(100);
    pending.hold("gone", 10);
    pending.hold("gone", -10);
    pending.hold("greedy", 60);
    pending.hold("other", 60);
    pending.hold("greedy", -10);
    expect([pending.isTooMuch("greedy"), pending.isTooMuch("other")]).toEqual([false, true]);
  });

  test("of callers that stop when it is too much, nobody with less than its share is ever refused", () => {
    const ids = seededIds(7);
    for (let round = 0; round < 200; round++) {
      const pending = new PendingBytes(1000);
      const held = new Map<string, number>();
      for (let step = 0; step < 200; step++) {
        const caller = `caller ${ids.integer(6)}`;
        const own = held.get(caller) ?? 0;
        const bytes = ids.integer(3) === 0 ? -ids.integer(own + 1) : ids.integer(80);
        pending.hold(caller, bytes);
        if (own + bytes > 0) held.set(caller, own + bytes);
        else held.delete(caller);
        const isWithin = (held.get(caller) ?? 0) <= 1000 / held.size;
        if (isWithin) expect(pending.isTooMuch(caller)).toBe(false);
        if (pending.isTooMuch(caller)) {
          pending.hold(caller, -bytes);
          if (own > 0) held.set(caller, own);
          else held.delete(caller);
        }
      }
    }
  });
});
