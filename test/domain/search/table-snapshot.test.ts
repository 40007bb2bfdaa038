import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ColumnTable } from "../../../shared/domain/search/column-table.ts";
import { FreezableChunks } from "../../../shared/domain/search/freezable-chunks.ts";
import { search } from "../../../shared/domain/search/search.ts";
import { encodeTable, openSnapshot, type TableSnapshot } from "../../../shared/domain/search/table-snapshot.ts";
import { clause, NUMBER_COLUMNS, numberValue, orderKey, row } from "./arbitraries.ts";
import { readRow, type StoredRow } from "./stored-row.ts";

const HEADER = { contents: "rows-1", mark: "17", writtenMs: 1_767_225_600_000 };
const CHUNK_BYTES = 256 * 1024;

const bytesOf = (table: ColumnTable, texts = {}): Buffer => Buffer.concat([...encodeTable(HEADER, table, texts)]);
const restored = (table: ColumnTable): ColumnTable => openSnapshot(bytesOf(table))!.decode().table;

/** Any code units: lone surrogates, characters of one, two and four bytes. */
const anyText = fc.string({ unit: fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 6 });
const text = fc.oneof(anyText, fc.constantFrom("", "a", "é", "😀"));
const id = fc.oneof(
  fc.integer({ min: 0, max: 12 }).map((number) => `r${number}`),
  fc.constantFrom("", "é", "\ud800"),
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("upsert" as const),
      id,
      row,
      extra: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
      uri: fc.boolean(),
      note: fc.option(text, { nil: undefined }),
    }),
  },
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
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(table: ColumnTable, each: Step): void {
  if (each.kind === "remove") table.remove(each.id);
  else if (each.kind === "setNumber") table.setNumber(each.id, each.column, each.value);
  else {
    const strings = [...each.row.strings, ...Object.entries(each.extra)];
    if (each.uri) strings.push(["attribute.artifact_uri", `mlflow-artifacts:/experiments/1/${each.id}/artifacts`]);
    table.upsert(each.id, { ...each.row, strings, note: each.note });
  }
}

const sortedCells = (found: StoredRow | undefined) =>
  found && {
    ...found,
    numbers: [...found.numbers].sort(([a], [b]) => (a < b ? -1 : 1)),
    strings: [...found.strings].sort(([a], [b]) => (a < b ? -1 : 1)),
  };

function expectSameRows(table: ColumnTable, expected: ColumnTable): void {
  expect(table.size).toBe(expected.size);
  expect([...table.ids()].sort()).toEqual([...expected.ids()].sort());
  for (const rowId of expected.ids()) {
    expect(sortedCells(readRow(table, rowId))).toEqual(sortedCells(readRow(expected, rowId)));
  }
}

const wide = (rows: number, columns: number): ColumnTable => {
  const table = new ColumnTable();
  for (let index = 0; index < rows; index++) {
    table.upsert(`r${index}`, {
      numbers: [
        ["metric.all", index / 3],
        [`metric.m${index % columns}`, index],
      ],
      strings: [
        ["attribute.run_id", `r${index}`],
        ["tag.own", `value ${index} of its own`],
        ["tag.even", String(index % 2)],
        [`tag.t${index % columns}`, "rare"],
      ],
      note: `active:${index % 3}`,
      ...(index % 10 === 0 && { datasets: [{ name: `d${index % 7}`, digest: "1", context: "train" }] }),
    });
  }
  for (let index = 0; index < rows; index += 11) table.remove(`r${index}`);
  return table;
};

describe("snapshot of a table", () => {
  it("gives back the same rows and answers, and goes on as the table itself would, whatever was done before and is done after", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.record({ filter: fc.array(clause, { maxLength: 2 }), orderBy: fc.array(orderKey) }), {
          maxLength: 4,
        }),
        fc.array(step, { maxLength: 40 }),
        (before, queries, after) => {
          const table = new ColumnTable();
          for (const each of before) apply(table, each);
          const copy = restored(table);
          const expectSame = (): void => {
            expectSameRows(copy, table);
            for (const { filter, orderBy } of queries) {
              const query = { clauses: filter, orderBy, limit: 5 };
              expect(search([{ table: copy }], query)).toEqual(search([{ table }], query));
            }
          };
          expectSame();
          for (const each of after) {
            apply(table, each);
            apply(copy, each);
          }
          expectSame();
          expectSameRows(restored(copy), table);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keeps thousands of rows with common, rare, own and freed cells, in about their size", () => {
    const table = wide(2_000, 200);
    const copy = restored(table);
    expectSameRows(copy, table);
    expect(copy.bytes).toBeLessThan(table.bytes * 1.1);
    for (let index = 0; index < 2_000; index += 3) {
      for (const each of [table, copy])
        each.upsert(`r${index}`, { numbers: [], strings: [["tag.own", `new ${index}`]] });
    }
    expectSameRows(copy, table);
  });

  it("keeps the header, and what the owner knows of each row", () => {
    const table = new ColumnTable();
    for (const rowId of ["a", "b", "c", "d"]) table.upsert(rowId, { numbers: [], strings: [] });
    table.remove("b");
    const known = new Map([
      ["a", "p-1"],
      ["c", "p-2"],
    ]);
    const snapshot = openSnapshot(bytesOf(table, { first: (rowId: string) => known.get(rowId), second: () => "x" }))!;
    expect(snapshot.header).toEqual(HEADER);
    const { table: copy, texts } = snapshot.decode();
    const byId = (values: TableSnapshot["texts"][string]) =>
      Object.fromEntries(values.flatMap((value, slot) => (value === undefined ? [] : [[copy.idAt(slot), value]])));
    expect(byId(texts.first!)).toEqual({ a: "p-1", c: "p-2" });
    expect(byId(texts.second!)).toEqual({ a: "x", c: "x", d: "x" });
  });

  it("does not write for each row again what stands around its id", () => {
    const uri = (rowId: string) => `mlflow-artifacts:/experiments/123456789012345678/${rowId}/artifacts`;
    const sizeWith = (cells: (rowId: string) => [string, string][]): number => {
      const table = new ColumnTable();
      for (let index = 0; index < 1_000; index++)
        table.upsert(`r${index}`, { numbers: [], strings: cells(`r${index}`) });
      return bytesOf(table).length;
    };
    const none = sizeWith(() => []);
    const around = sizeWith((rowId) => [
      ["attribute.artifact_uri", uri(rowId)],
      ["attribute.run_id", rowId],
    ]);
    expect(around - none).toBeLessThan(300);
  });

  it("is none when it was cut off at any byte, or any byte is another", () => {
    const bytes = bytesOf(wide(30, 3));
    for (let length = 0; length < bytes.length; length++) {
      expect(openSnapshot(bytes.subarray(0, length))).toBeUndefined();
    }
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      expect(openSnapshot(damaged)).toBeUndefined();
    }
  });

  it("is none when it is of another format, or something else", () => {
    const bytes = bytesOf(wide(30, 3));
    const withChecksum = (body: Buffer) => Buffer.concat([body, new Uint8Array(Uint32Array.of(crc32(body)).buffer)]);
    expect(openSnapshot(withChecksum(bytes.subarray(0, -4)))).toBeDefined();
    for (const at of [0, 4]) {
      const other = Buffer.from(bytes.subarray(0, -4));
      other[at]!++;
      expect(openSnapshot(withChecksum(other))).toBeUndefined();
    }
    expect(openSnapshot(withChecksum(Buffer.from("some other file of ours")))).toBeUndefined();
  });

  it("is written in small chunks, of which none is made before it is asked for", () => {
    const table = wide(20_000, 20);
    let asked = 0;
    const chunks = encodeTable(HEADER, table, { last: () => void asked++ });
    expect(asked).toBe(0);
    const sizes = [...chunks].map(({ length }) => length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(CHUNK_BYTES);
    expect(asked).toBe(table.size);
  });

  it("shows the table as it was at one moment, though it changes while the chunks are being consumed", async () => {
    for (const changeAfter of [0, 1, 2]) {
      const table = wide(12_000, 20);
      const expected = bytesOf(table);
      const chunks = new FreezableChunks(encodeTable(HEADER, table));
      const taken: Uint8Array[] = [];
      if (changeAfter === 0) changeAll(table, chunks);
      for await (const chunk of chunks) {
        taken.push(chunk);
        if (taken.length === changeAfter) changeAll(table, chunks);
      }
      expect(taken.length).toBeGreaterThan(changeAfter);
      expect(Buffer.concat(taken).equals(expected)).toBe(true);
    }
  });
});

function changeAll(table: ColumnTable, chunks: FreezableChunks): void {
  chunks.freeze();
  for (const rowId of [...table.ids()]) {
    if (rowId.endsWith("7")) table.remove(rowId);
    else table.upsert(rowId, { numbers: [["metric.all", -1]], strings: [["tag.own", "changed"]] });
  }
}
