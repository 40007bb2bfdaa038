import type { Clause, StringCondition } from "../../../shared/domain/search/clauses.ts";
import type { OrderKey } from "../../../shared/domain/search/order.ts";
import type { PlainRow } from "./arbitraries.ts";

type ColumnKey = Extract<OrderKey, { column: string }>;

/** The search written down as plainly as possible: filter everything, sort everything. */
export function referenceSearch(
  rows: ReadonlyMap<string, PlainRow>,
  clauses: readonly Clause[],
  orderBy: readonly ColumnKey[],
): string[] {
  const found = [...rows].filter(([, row]) => clauses.every((clause) => holds(row, clause)));
  found.sort(([leftId, left], [rightId, right]) => {
    for (const key of orderBy) {
      const order = compareBy(key, left, right);
      if (order !== 0) return order;
    }
    return Buffer.compare(Buffer.from(leftId), Buffer.from(rightId));
  });
  return found.map(([id]) => id);
}

export function numberOf(row: PlainRow, column: string): number | undefined {
  const value = new Map(row.numbers).get(column);
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  return value === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : value;
}

const stringOf = (row: PlainRow, column: string): string | undefined => new Map(row.strings).get(column);

function holds(row: PlainRow, clause: Clause): boolean {
  switch (clause.kind) {
    case "number": {
      const value = numberOf(row, clause.column);
      if (value === undefined) return false;
      return {
        "=": value === clause.value,
        "!=": value !== clause.value,
        "<": value < clause.value,
        "<=": value <= clause.value,
        ">": value > clause.value,
        ">=": value >= clause.value,
      }[clause.op];
    }
    case "string":
      return satisfies(stringOf(row, clause.column), clause);
    case "presence":
      return (
        clause.present === (numberOf(row, clause.column) !== undefined || stringOf(row, clause.column) !== undefined)
      );
    case "dataset":
      return row.datasets.some((dataset) => satisfies(dataset[clause.field], clause));
    case "not":
      return !holds(row, clause.clause);
    case "never":
      return false;
  }
}

function satisfies(value: string | undefined, condition: StringCondition): boolean {
  if (value === undefined) return false;
  switch (condition.op) {
    case "=":
      return value === condition.value;
    case "!=":
      return value !== condition.value;
    case "IN":
      return condition.values.includes(value);
    case "NOT IN":
      return !condition.values.includes(value);
    default: {
      const source = condition.value
        .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        .replaceAll("%", "[^]*")
        .replaceAll("_", "[^]");
      return new RegExp(`^${source}$`, condition.op === "ILIKE" ? "iu" : "u").test(value);
    }
  }
}

function compareBy(key: ColumnKey, left: PlainRow, right: PlainRow): number {
  const sign = key.descending ? -1 : 1;
  if (key.kind === "string") {
    const [a, b] = [stringOf(left, key.column), stringOf(right, key.column)];
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
    return sign * Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  const [a, b] = [numberOf(left, key.column), numberOf(right, key.column)];
  const group = (value: number | undefined): number => (value === undefined ? 2 : Number.isNaN(value) ? 1 : 0);
  if (group(a) !== group(b)) return group(a) - group(b);
  return group(a) > 0 || a === b ? 0 : sign * (a! < b! ? -1 : 1);
}
