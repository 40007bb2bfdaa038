import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileLike } from "../../../shared/domain/search/like.ts";
import { Steps } from "../../../shared/domain/search/steps.ts";

describe("LIKE", () => {
  it.each([
    ["adam", "adam", true],
    ["adam", "Adam", false],
    ["a%", "abc", true],
    ["%c", "abc", true],
    ["%b%", "abc", true],
    ["a%a", "a", false],
    ["a_c", "abc", true],
    ["a_c", "ac", false],
    ["%", "", true],
    ["_", "", false],
    ["", "", true],
    ["", "a", false],
    ["%x_z%", "a xyz b", true],
    ["multi%line", "multi\nother\r\nline", true],
    [".*", "abc", false],
    ["100\\%", "100\\% and more", true],
  ])("%s against %s: %s", (pattern, value, expected) => {
    expect(compileLike(pattern, false, new Steps())(value)).toBe(expected);
  });

  it("_ is one character, also outside the basic plane", () => {
    expect(compileLike("_", false, new Steps())("😀")).toBe(true);
    expect(compileLike("__", false, new Steps())("😀")).toBe(false);
    expect(compileLike("%_x", false, new Steps())("😀x")).toBe(true);
    expect(compileLike("_%_", false, new Steps())("😀")).toBe(false);
    expect(compileLike("%_😀_%", false, new Steps())("a😀😀😀")).toBe(true);
  });

  it("ILIKE ignores case, also beyond ASCII", () => {
    expect(compileLike("ÉT_%", true, new Steps())("été")).toBe(true);
    expect(compileLike("adam", true, new Steps())("ADAM")).toBe(true);
  });

  it("agrees with a naive matcher on any pattern and value", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "%", "_", "\n", "😀"), maxLength: 9 });
    fc.assert(
      fc.property(text, text, (pattern, value) => {
        expect(compileLike(pattern, false, new Steps())(value)).toBe(naive([...pattern], [...value]));
      }),
      { numRuns: 2000 },
    );
  });

  it("answers on patterns made to run a backtracking matcher forever", () => {
    expect(compileLike(`${"%a".repeat(500)}b`, false, new Steps())("a".repeat(8000))).toBe(false);
    expect(compileLike(`${"%_a".repeat(500)}b`, false, new Steps())("a".repeat(8000))).toBe(false);
  });
});

function naive(pattern: readonly string[], value: readonly string[]): boolean {
  if (pattern.length === 0) return value.length === 0;
  const [first, ...rest] = pattern;
  if (first === "%") return value.some((_, at) => naive(rest, value.slice(at))) || naive(rest, []);
  return value.length > 0 && (first === "_" || first === value[0]) && naive(rest, value.slice(1));
}
