import fc from "fast-check";
import type { Clause, StringCondition } from "../../../shared/domain/search/clauses.ts";
import type { DatasetUse } from "../../../shared/domain/search/column-table.ts";
import type { OrderKey } from "../../../shared/domain/search/order.ts";

/** Few values and few columns, so that ties, gaps and hits are frequent. */
export const NUMBER_COLUMNS = ["metric.a", "metric.b", "attribute.start_time"];
export const STRING_COLUMNS = ["param.a", "tag.b", "attribute.status"];

export interface PlainRow {
  readonly numbers: readonly (readonly [string, number])[];
  readonly strings: readonly (readonly [string, string])[];
  readonly datasets: readonly DatasetUse[];
}

export const numberValue = fc.constantFrom(
  0,
  -0,
  1,
  2.5,
  -3,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
);
export const stringValue = fc.constantFrom("", "a", "A", "ab", "b%", "_", "é", "😀", "\uffee");

const cells = <T>(columns: readonly string[], value: fc.Arbitrary<T>) =>
  fc
    .dictionary(fc.constantFrom(...columns), value, { maxKeys: columns.length, noNullPrototype: true })
    .map((record) => Object.entries(record));

const dataset = fc.record(
  {
    name: fc.constantFrom("iris", "wine"),
    digest: fc.constantFrom("1", "2"),
    context: fc.constantFrom("train", "eval"),
  },
  { requiredKeys: ["name", "digest"], noNullPrototype: true },
);

export const row: fc.Arbitrary<PlainRow> = fc.record({
  numbers: cells(NUMBER_COLUMNS, numberValue),
  strings: cells(STRING_COLUMNS, stringValue),
  datasets: fc.array(dataset, { maxLength: 2 }),
});

const condition: fc.Arbitrary<StringCondition> = fc.oneof(
  fc.record({ op: fc.constantFrom("=" as const, "!=" as const), value: stringValue }),
  fc.record({
    op: fc.constantFrom("LIKE" as const, "ILIKE" as const),
    value: fc.constantFrom("%", "_", "a%", "%b%", "a_", "É", "", "tr%"),
  }),
  fc.record({ op: fc.constantFrom("IN" as const, "NOT IN" as const), values: fc.array(stringValue, { maxLength: 3 }) }),
);

const simpleClause: fc.Arbitrary<Clause> = fc.oneof(
  fc.record({
    kind: fc.constant("number" as const),
    column: fc.constantFrom(...NUMBER_COLUMNS, "metric.none"),
    op: fc.constantFrom("=", "!=", "<", "<=", ">", ">="),
    value: fc.constantFrom(0, 1, 2.5, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  }),
  fc
    .tuple(fc.constantFrom(...STRING_COLUMNS, "tag.none"), condition)
    .map(([column, test]) => ({ kind: "string" as const, column, ...test })),
  fc.record({
    kind: fc.constant("presence" as const),
    column: fc.constantFrom(...NUMBER_COLUMNS, ...STRING_COLUMNS, "tag.none"),
    present: fc.boolean(),
  }),
  fc
    .tuple(fc.constantFrom("name" as const, "digest" as const, "context" as const), condition)
    .map(([field, test]) => ({ kind: "dataset" as const, field, ...test })),
  fc.constant<Clause>({ kind: "never" }),
);

export const clause: fc.Arbitrary<Clause> = fc.oneof(
  { weight: 5, arbitrary: simpleClause },
  { weight: 1, arbitrary: simpleClause.map((inner): Clause => ({ kind: "not", clause: inner })) },
);

export const orderKey: fc.Arbitrary<Extract<OrderKey, { column: string }>> = fc.oneof(
  fc.record({
    kind: fc.constant("number" as const),
    column: fc.constantFrom(...NUMBER_COLUMNS),
    descending: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("string" as const),
    column: fc.constantFrom(...STRING_COLUMNS),
    descending: fc.boolean(),
  }),
);
