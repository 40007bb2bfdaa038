import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Clause } from "../../../shared/domain/search/clauses.ts";
import { ColumnTable } from "../../../shared/domain/search/column-table.ts";
import type { OrderKey, SortPosition } from "../../../shared/domain/search/order.ts";
import { decodePageToken, encodePageToken } from "../../../shared/domain/search/page-token.ts";
import { type SearchedTable, search } from "../../../shared/domain/search/search.ts";
import { clause, orderKey, type PlainRow, row } from "./arbitraries.ts";
import { referenceSearch } from "./reference.ts";

const rowsOf = (prefix: string, maxLength = 25) =>
  fc
    .array(row, { maxLength })
    .map((rows) => new Map(rows.map((each, index) => [`${prefix}${(index * 7) % 10}-${index}`, each] as const)));

const clauses = fc.array(clause, { maxLength: 3 });
const orders = fc.array(orderKey, { maxLength: 3 });

function tableOf(rows: ReadonlyMap<string, PlainRow>): ColumnTable {
  const table = new ColumnTable();
  for (const [id, each] of rows) table.upsert(id, each);
  return table;
}

/** All pages of a search, each continued through a page token; `between` runs after each page. */
function allPages(
  tables: readonly SearchedTable[],
  filter: readonly Clause[],
  orderBy: readonly OrderKey[],
  limit: number,
  between: (page: number) => void = () => {},
): string[] {
  const query = { scope: "s", filter, order: orderBy };
  const ids: string[] = [];
  let after: SortPosition | undefined;
  for (let page = 0; ; page++) {
    const result = search(tables, { clauses: filter, orderBy, limit, after });
    ids.push(...result.rows.map(({ id }) => id));
    if (!result.after) return ids;
    after = decodePageToken(encodePageToken(result.after, query), query, orderBy);
    between(page);
  }
}

describe("search", () => {
  it("finds and orders what a plain filter and sort would, for any rows, clauses and order", () => {
    fc.assert(
      fc.property(rowsOf("r"), clauses, orders, fc.integer({ min: 1, max: 30 }), (rows, filter, orderBy, limit) => {
        const found = search([{ table: tableOf(rows) }], { clauses: filter, orderBy, limit });
        expect(found.rows.map(({ id }) => id)).toEqual(referenceSearch(rows, filter, orderBy).slice(0, limit));
      }),
      { numRuns: 1500 },
    );
  });

  it("merges several tables into one order and tells where each row is", () => {
    fc.assert(
      fc.property(rowsOf("a"), rowsOf("b"), clauses, orders, (first, second, filter, orderBy) => {
        const tables = [{ table: tableOf(first) }, { table: new ColumnTable() }, { table: tableOf(second) }];
        const found = search(tables, { clauses: filter, orderBy, limit: 100 });
        expect(found.rows.map(({ id }) => id)).toEqual(
          referenceSearch(new Map([...first, ...second]), filter, orderBy),
        );
        for (const { table, id } of found.rows) expect(tables[table]!.table.has(id)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it("shows only rows that are visible", () => {
    const table = new ColumnTable();
    for (let index = 0; index < 10; index++) {
      const strings: [string, string][] = [["attribute.stage", index % 2 ? "deleted" : "active"]];
      table.upsert(`r${index}`, { numbers: [["metric.m", index]], strings, note: `etag${index}` });
    }
    const seen: string[] = [];
    const result = search(
      [
        {
          table,
          visible: (each) => {
            seen.push(`${each.id} ${each.note} ${each.number("metric.m")} ${each.number("metric.none")}`);
            return each.string("attribute.stage") === "active";
          },
        },
      ],
      { clauses: [{ kind: "number", column: "metric.m", op: ">=", value: 5 }], orderBy: [], limit: 10 },
    );
    expect(result.rows.map(({ id }) => id)).toEqual(["r6", "r8"]);
    expect(seen).toContain("r5 etag5 5 undefined");
    expect(seen).toHaveLength(5);
  });

  it("orders by a computed key: values, then NaN, then none, in both directions", () => {
    const table = new ColumnTable();
    for (const id of ["a", "b", "c", "d", "e"]) table.upsert(id, { numbers: [], strings: [] });
    const values: Record<string, number | undefined> = { a: Number.NaN, c: 2, d: Number.POSITIVE_INFINITY, e: 1 };
    const by = (descending: boolean): OrderKey => ({
      kind: "computed",
      name: "v",
      descending,
      value: ({ id }) => values[id],
    });
    const find = (descending: boolean) => allPages([{ table }], [], [by(descending)], 2);
    expect(find(false)).toEqual(["e", "c", "d", "a", "b"]);
    expect(find(true)).toEqual(["d", "c", "e", "a", "b"]);
  });

  it("keeps -0 equal to 0 and infinities at the ends of the finite numbers", () => {
    const table = new ColumnTable();
    const values: [string, number][] = [
      ["a", -0],
      ["b", 0],
      ["c", Number.NEGATIVE_INFINITY],
      ["d", Number.POSITIVE_INFINITY],
      ["e", Number.NaN],
    ];
    for (const [id, value] of values) table.upsert(id, { numbers: [["metric.m", value]], strings: [] });
    const find = (op: "=" | "!=" | "<" | "<=", value: number) =>
      search([{ table }], {
        clauses: [{ kind: "number", column: "metric.m", op, value }],
        orderBy: [{ kind: "number", column: "metric.m", descending: false }],
        limit: 10,
      }).rows.map(({ id }) => id);
    expect(find("=", 0)).toEqual(["a", "b"]);
    expect(find("<", 0)).toEqual(["c"]);
    expect(find("!=", 0)).toEqual(["c", "d", "e"]);
    expect(find("=", Number.MAX_VALUE)).toEqual(["d"]);
    expect(find("<=", Number.POSITIVE_INFINITY)).toEqual(["c", "a", "b", "d"]);
  });
});

describe("search: paging", () => {
  it("concatenates to the whole answer, whatever the page size", () => {
    fc.assert(
      fc.property(
        rowsOf("a"),
        rowsOf("b"),
        clauses,
        orders,
        fc.integer({ min: 1, max: 9 }),
        (a, b, filter, orderBy, limit) => {
          const tables = [{ table: tableOf(a) }, { table: tableOf(b) }];
          const whole = search(tables, { clauses: filter, orderBy, limit: 1000 });
          expect(whole.after).toBeUndefined();
          expect(allPages(tables, filter, orderBy, limit)).toEqual(whole.rows.map(({ id }) => id));
        },
      ),
      { numRuns: 400 },
    );
  });

  it("offers no further page when the last one is exactly full", () => {
    const table = new ColumnTable();
    for (const id of ["a", "b", "c", "d"]) table.upsert(id, { numbers: [], strings: [] });
    expect(search([{ table }], { clauses: [], orderBy: [], limit: 4 }).after).toBeUndefined();
    expect(search([{ table }], { clauses: [], orderBy: [], limit: 3 }).after).toEqual({ values: [], id: "c" });
    expect(search([], { clauses: [], orderBy: [], limit: 3 })).toEqual({ rows: [], positions: [] });
  });

  it("neither skips nor repeats an unchanged row while others are added, changed and removed", () => {
    const change = fc.record({
      id: fc.integer({ min: 0, max: 60 }),
      row: fc.option(row),
      page: fc.integer({ min: 0, max: 8 }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 5, maxLength: 40 }),
        clauses,
        orders,
        fc.integer({ min: 1, max: 7 }),
        fc.array(change, { maxLength: 20 }),
        (rows, filter, orderBy, limit, changes) => {
          const before = new Map(rows.map((each, index) => [`r${index}`, each] as const));
          const table = tableOf(before);
          const changed = new Set(changes.map(({ id }) => `r${id}`));
          const seen = allPages([{ table }], filter, orderBy, limit, (page) => {
            for (const each of changes.filter((one) => one.page === page)) {
              if (each.row) table.upsert(`r${each.id}`, each.row);
              else table.remove(`r${each.id}`);
            }
          });
          const unchanged = (id: string): boolean => !changed.has(id);
          expect(seen.filter(unchanged)).toEqual(referenceSearch(before, filter, orderBy).filter(unchanged));
        },
      ),
      { numRuns: 400 },
    );
  });
});
