import { storableNumber } from "../storable-number.ts";
import { compareCodePoints } from "./code-points.ts";
import type { ColumnTable, RowView } from "./column-table.ts";
import { MISSING } from "./number-column.ts";
import type { Steps } from "./steps.ts";

/**
 * One sort key. Missing values come last in both directions, NaN directly before them; strings are ordered by code point. A computed
 * key is a number that is no column; its function is called once for every row found.
 */
export type OrderKey =
  | { readonly kind: "number" | "string"; readonly column: string; readonly descending: boolean }
  | {
      readonly kind: "computed";
      /** Tells this key from others in page tokens. */
      readonly name: string;
      readonly descending: boolean;
      /** Undefined when the row has none. */
      readonly value: (row: RowView, tableIndex: number) => number | undefined;
    };

/** A sort value: a finite number or NaN, a string, or null when missing. */
export type SortValue = number | string | null;

/** Where a row stands in an order: what paging continues after. */
export interface SortPosition {
  /** One for each order key. */
  readonly values: readonly SortValue[];
  readonly id: string;
}

/** Reads the sort value of a slot. */
export type SortReader = (slot: number) => SortValue;

export function sortReader(key: OrderKey, table: ColumnTable, tableIndex: number): SortReader {
  if (key.kind === "computed") {
    const view = table.view();
    const known = new Map<number, SortValue>();
    return (slot) => {
      const before = known.get(slot);
      if (before !== undefined) return before;
      view.slot = slot;
      const value = key.value(view, tableIndex);
      const read = value === undefined ? null : storableNumber(value);
      known.set(slot, read);
      return read;
    };
  }
  if (key.kind === "string") {
    const column = table.stringColumn(key.column);
    return (slot) => column?.get(slot) ?? null;
  }
  const column = table.numberColumn(key.column);
  return (slot) => {
    const value = column?.get(slot) ?? MISSING;
    return value === MISSING ? null : value;
  };
}

/** Two values are read and compared, here and there in their columns. */
const COMPARISON_STEPS = 4;

/** Negative when `left` comes first; 0 when the key does not tell them apart. */
export function compareSortValues(left: SortValue, right: SortValue, descending: boolean, steps: Steps): number {
  steps.take(COMPARISON_STEPS);
  const leftClass = classOf(left);
  const rightClass = classOf(right);
  if (leftClass !== rightClass) return leftClass - rightClass;
  if (leftClass !== IS_VALUE) return 0;
  const order =
    typeof left === "string" ? compareCodePoints(left, right as string, steps) : (left as number) - (right as number);
  return descending ? -order : order;
}

const IS_VALUE = 0;
const IS_NAN = 1;
const IS_MISSING = 2;

function classOf(value: SortValue): number {
  if (value === null) return IS_MISSING;
  return Number.isNaN(value) ? IS_NAN : IS_VALUE;
}

/**
 * A number that orders most pairs of rows by a key alone: the smaller comes first, equal ones must be compared by their values. NaN and
 * missing numbers share the rank after all numbers; strings all have the same.
 */
export function rankOf(value: SortValue, key: OrderKey): number {
  if (key.kind === "string") return 0;
  if (typeof value !== "number" || Number.isNaN(value)) return Number.POSITIVE_INFINITY;
  return key.descending ? -value : value;
}

/** Reads the rank of a slot. */
type RankReader = (slot: number) => number;

export function rankReader(key: OrderKey | undefined, table: ColumnTable, read: SortReader | undefined): RankReader {
  if (!key || !read || key.kind === "string") return () => 0;
  if (key.kind === "computed") return (slot) => rankOf(read(slot), key);
  const column = table.numberColumn(key.column);
  const sign = key.descending ? -1 : 1;
  return (slot) => {
    const value = column === undefined ? MISSING : column.get(slot);
    return value === MISSING || Number.isNaN(value) ? Number.POSITIVE_INFINITY : sign * value;
  };
}
