import type { ColumnTable, DatasetUse } from "../../../shared/domain/search/column-table.ts";
import { MISSING } from "../../../shared/domain/search/number-column.ts";

/** A row as it was read back; its columns are in no particular order. */
export interface StoredRow {
  readonly numbers: readonly (readonly [column: string, value: number])[];
  readonly strings: readonly (readonly [column: string, value: string])[];
  readonly datasets: readonly DatasetUse[];
  readonly note: string | undefined;
}

/** Undefined when there is no such row. Visits every slot and column. */
export function readRow(table: ColumnTable, id: string): StoredRow | undefined {
  if (!table.has(id)) return undefined;
  let slot = 0;
  while (table.idAt(slot) !== id) slot++;
  const numbers = [...table.numberColumns()].map((column) => [column.name, column.get(slot)] as const);
  const strings = [...table.stringColumns()].map((column) => [column.name, column.get(slot)] as const);
  return {
    numbers: numbers.filter(([, value]) => value !== MISSING),
    strings: strings.filter((cell): cell is [string, string] => cell[1] !== undefined),
    datasets: table.datasetsAt(slot),
    note: table.noteAt(slot),
  };
}
