import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ColumnTable, type Row } from "../../../shared/domain/search/column-table.ts";
import { NUMBER_COLUMNS, numberValue, type PlainRow, row } from "./arbitraries.ts";
import { numberOf } from "./reference.ts";
import { readRow } from "./stored-row.ts";

const id = fc.integer({ min: 0, max: 30 }).map((number) => `r${number}`);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("upsert" as const), id, row, note: fc.option(fc.string()) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("setNumber" as const),
      id,
      column: fc.constantFrom(...NUMBER_COLUMNS, "metric.rare"),
      value: numberValue,
    }),
  },
);

interface ModelRow extends PlainRow {
  readonly note: string | undefined;
}

describe("ColumnTable", () => {
  it("behaves as a Map of rows under any upserts, removals and single cells", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = new ColumnTable();
        const model = new Map<string, ModelRow>();
        for (const each of steps) {
          if (each.kind === "upsert") {
            const note = each.note ?? undefined;
            table.upsert(each.id, { ...each.row, note });
            model.set(each.id, { ...each.row, note });
          } else if (each.kind === "remove") {
            expect(table.remove(each.id)).toBe(model.delete(each.id));
          } else {
            const known = model.get(each.id);
            expect(table.setNumber(each.id, each.column, each.value)).toBe(known !== undefined);
            if (known) model.set(each.id, withNumber(known, each.column, each.value));
          }
        }
        expect(table.size).toBe(model.size);
        expect([...table.ids()].sort()).toEqual([...model.keys()].sort());
        for (let number = 0; number <= 30; number++) expectSame(table, `r${number}`, model.get(`r${number}`));
      }),
      { numRuns: 200 },
    );
  });

  it("upsert: replaces the row whole", () => {
    const table = new ColumnTable();
    table.upsert("r", {
      numbers: [["metric.a", 1]],
      strings: [["tag.b", "x"]],
      datasets: [{ name: "iris", digest: "1" }],
      note: "1",
    });
    table.upsert("r", { numbers: [["metric.c", Number.NaN]], strings: [] });
    expect(readRow(table, "r")).toEqual({
      numbers: [["metric.c", Number.NaN]],
      strings: [],
      datasets: [],
      note: undefined,
    });
  });

  it("note, remove: nothing for a row that is not there", () => {
    const table = new ColumnTable();
    expect(readRow(table, "none")).toBeUndefined();
    expect(table.note("none")).toBeUndefined();
    expect(table.remove("none")).toBe(false);
    expect(table.setNumber("none", "metric.a", 1)).toBe(false);
    expect(table.has("none")).toBe(false);
  });

  it("keeps thousands of rarely filled columns in proportion to their cells", () => {
    const table = new ColumnTable();
    const columns = 2_000;
    for (let index = 0; index < 20_000; index++) {
      table.upsert(`r${index}`, { numbers: [[`metric.m${index % columns}`, index]], strings: [] });
    }
    expect(table.bytes).toBeLessThan(8e6);
    for (let index = 0; index < 20_000; index += 997) {
      expect(readRow(table, `r${index}`)?.numbers).toEqual([[`metric.m${index % columns}`, index]]);
    }
  });

  it("replaces and removes rows of thousands of columns, and forgets the columns with their last cells", () => {
    const table = new ColumnTable();
    const names = (seed: number) =>
      Array.from({ length: 5 }, (_, index) => `metric.m${(seed * 7 + index * 131) % 3_000}`);
    const put = (index: number, seed: number) =>
      table.upsert(`r${index}`, { numbers: names(seed).map((name) => [name, seed]), strings: [["tag.t", `${seed}`]] });
    for (let index = 0; index < 3_000; index++) put(index, index);
    for (let index = 0; index < 3_000; index += 3) put(index, index + 5_000);
    for (let index = 1; index < 3_000; index += 3) table.remove(`r${index}`);
    for (let index = 0; index < 3_000; index++) {
      const seed = index % 3 === 0 ? index + 5_000 : index;
      const expected = index % 3 === 1 ? undefined : new Map(names(seed).map((name) => [name, seed]));
      const found = readRow(table, `r${index}`);
      expect(found && new Map(found.numbers)).toEqual(expected);
    }
    for (const rowId of [...table.ids()]) table.remove(rowId);
    expect(table.size).toBe(0);
    expect(table.numberColumn(names(0)[0]!)).toBeUndefined();
    table.upsert("new", { numbers: [["metric.m7", 1]], strings: [] });
    expect(readRow(table, "new")?.numbers).toEqual([["metric.m7", 1]]);
  });

  it("does not grow while rows are replaced and removed for ever", () => {
    const table = new ColumnTable();
    const churn = (round: number): void => {
      for (let index = 0; index < 500; index++) {
        table.upsert(`r${index}`, rowOf(`${round}-${index}`, round));
        table.upsert(`passing-${round}-${index}`, rowOf(`passing-${round}-${index}`, round));
      }
      for (let index = 0; index < 500; index++) table.remove(`passing-${round}-${index}`);
    };
    churn(0);
    const afterOne = table.bytes;
    for (let round = 1; round < 20; round++) churn(round);
    expect(table.bytes).toBeLessThan(afterOne * 1.5);
    expect(table.size).toBe(500);
  });
});

function rowOf(text: string, round: number): Row {
  return { numbers: [[`metric.round${round}`, round]], strings: [["tag.text", text]] };
}

function withNumber(known: ModelRow, column: string, value: number): ModelRow {
  return { ...known, numbers: [...new Map(known.numbers).set(column, value)] };
}

function expectSame(table: ColumnTable, rowId: string, expected: ModelRow | undefined): void {
  expect(table.has(rowId)).toBe(expected !== undefined);
  const found = readRow(table, rowId);
  if (!expected) {
    expect(found).toBeUndefined();
    return;
  }
  expect(new Map(found!.numbers)).toEqual(
    new Map(expected.numbers.map(([column]) => [column, numberOf(expected, column)!])),
  );
  expect(new Map(found!.strings)).toEqual(new Map(expected.strings));
  expect(found!.datasets).toEqual(expected.datasets);
  expect(found!.note).toBe(expected.note);
}
