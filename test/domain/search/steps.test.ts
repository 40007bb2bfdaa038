import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { Clause } from "../../../shared/domain/search/clauses.ts";
import { ColumnTable } from "../../../shared/domain/search/column-table.ts";
import { compileLike } from "../../../shared/domain/search/like.ts";
import type { OrderKey } from "../../../shared/domain/search/order.ts";
import { search } from "../../../shared/domain/search/search.ts";
import { seeker } from "../../../shared/domain/search/seek.ts";
import { Steps } from "../../../shared/domain/search/steps.ts";

const LENGTH = 8000;
const tag = (op: "LIKE" | "ILIKE" | "!=", value: string): Clause => ({ kind: "string", column: "tag.k", op, value });

describe("seek", () => {
  it("finds what indexOf finds", () => {
    const text = (min: number, max: number) =>
      fc.string({ unit: fc.constantFrom("a", "b", "é"), minLength: min, maxLength: max });
    fc.assert(
      fc.property(text(1, 14), text(0, 60), fc.nat(10), (sought, value, from) => {
        expect(seeker(sought)(value, Math.min(from, value.length), new Steps())).toBe(
          value.indexOf(sought, Math.min(from, value.length)),
        );
      }),
      { numRuns: 3000 },
    );
  });
});

describe("LIKE", () => {
  const halves = `${"a".repeat(500)}b${"a".repeat(499)}`;
  test.each([
    ["1,000 _ and a letter", `%${"_".repeat(1000)}b%`],
    ["60,000 _ and a letter", `%${"_".repeat(60_000)}b%`],
    ["a long text that nearly comes again and again", `%${halves}%`],
    ["many pieces", `${"%a".repeat(3000)}%b%`],
    ["many pieces with a _ each", `${"%_a".repeat(3000)}%b%`],
    ["pieces with many _ behind", `${`%a${"_".repeat(30)}`.repeat(100)}%b%`],
    ["many _ between letters", `%a${"_".repeat(7000)}b`],
  ])("looks at a value a few times whatever the pattern: %s", (_, pattern) => {
    for (const ignoreCase of [false, true]) {
      const steps = new Steps();
      compileLike(pattern, ignoreCase, steps)("a".repeat(LENGTH));
      expect(steps.taken).toBeLessThan(3 * LENGTH);
    }
  });

  test.each([`%a_${"a".repeat(1000)}b%`, `%${"a_".repeat(1000)}b%`, `%${"a".repeat(1000)}_b%`])(
    "is counted where it looks at a value again and again: %.20s",
    (pattern) => {
      const steps = new Steps(Number.MAX_SAFE_INTEGER);
      compileLike(pattern, false, steps)("a".repeat(LENGTH));
      expect(steps.taken).toBeGreaterThan(1000 * (LENGTH - 2000));
    },
  );
});

describe("a search", () => {
  const many = new ColumnTable();
  for (let i = 0; i < 10_000; i++) {
    const strings = [["tag.k", `${"a".repeat(i < 300 ? LENGTH : 4000)}${i}`]] as const;
    many.upsert(String(i), { numbers: [["metric.m", i]], strings, datasets: [{ name: "d", digest: "1" }] });
  }
  const run = (clauses: readonly Clause[], orderBy: readonly OrderKey[] = [], limit = 1000) => {
    const steps = new Steps();
    return { found: search([{ table: many }], { clauses, orderBy, limit }, steps), taken: steps.taken };
  };
  const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);
  const positive: Clause = { kind: "number", column: "metric.m", op: ">=", value: 0 };
  const byNumber = (column: string): OrderKey => ({ kind: "number", column, descending: true });

  test("of an ordinary kind takes a fraction of them", () => {
    const { found, taken } = run([positive, tag("LIKE", "%a19%")], [byNumber("metric.m")]);
    expect(found.rows.length).toBeGreaterThan(100);
    expect(taken).toBeLessThan(15_000_000);
  });

  test.each<[string, Clause[], OrderKey[], number]>([
    ["clauses on numbers", times(4000, positive), [], 1000],
    ["clauses on texts", times(4000, tag("!=", "x")), [], 1000],
    ["LIKE that starts again and again", [tag("LIKE", `%${"a".repeat(1000)}_b%`)], [], 1000],
    ["ILIKE of long texts", times(200, tag("ILIKE", "%1%")), [], 1000],
    ["data sets", times(2500, { kind: "dataset", field: "name", op: "LIKE", value: "%d%" }), [], 1000],
    ["keys to sort by", [], times(300, byNumber("metric.unknown")), 10_000],
    ["long texts to sort by", [], times(2, { kind: "string", column: "tag.k", descending: true }), 10_000],
  ])("is refused when it takes too many: %s", (_, clauses, orderBy, limit) => {
    expect(() => run(clauses, orderBy, limit)).toThrow(
      expect.objectContaining({ code: "InvalidParameter", message: expect.stringMatching(/too many steps.*'filter'/) }),
    );
  });

  test("asks a computed key once for each row", () => {
    let asked = 0;
    const value = () => ++asked % 7;
    run([], [{ kind: "computed", name: "n", descending: false, value }], 10_000);
    expect(asked).toBe(10_000);
  });
});
