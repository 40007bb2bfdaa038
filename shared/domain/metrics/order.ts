import { compareInt64, type Int64 } from "../int64.ts";

/** Values in MLflow's order: NaN as 0, above an equal 0. */
export function compareValues(a: number, b: number): number {
  const left = Number.isNaN(a) ? 0 : a;
  const right = Number.isNaN(b) ? 0 : b;
  if (left !== right) return left < right ? -1 : 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** Where a point stands in its metric's history, and where a page of history ended. */
export interface HistoryPosition {
  readonly timestamp: Int64;
  readonly step: Int64;
  readonly value: number;
}

/** The order of history: timestamp, step, value. Equal means: the same point, logged twice. */
export function compareHistory(a: HistoryPosition, b: HistoryPosition): number {
  return compareInt64(a.timestamp, b.timestamp) || compareInt64(a.step, b.step) || compareValues(a.value, b.value);
}

/** Sorts in place, unless all are in order already, as they mostly are. */
export function sorted<T>(values: T[], compare: (a: T, b: T) => number): T[] {
  for (let i = 1; i < values.length; i++) if (compare(values[i - 1]!, values[i]!) > 0) return values.sort(compare);
  return values;
}
