import type { Cells, DenseCells } from "./cells.ts";
import type { Clause } from "./clauses.ts";
import type { ColumnTable } from "./column-table.ts";
import { compileClause } from "./predicates.ts";
import type { Steps } from "./steps.ts";

/** The slots of all rows of `table` that satisfy every clause, in no particular order. */
export function candidates(table: ColumnTable, clauses: readonly Clause[], steps: Steps): Uint32Array {
  const tests = [];
  for (const clause of clauses) {
    const test = compileClause(clause, table, steps);
    if (test === undefined) return new Uint32Array();
    tests.push(test);
  }
  let slots = rarestColumn(table, clauses) ?? allSlots(table);
  steps.take(slots.length);
  for (const test of tests) {
    steps.take(slots.length);
    let kept = 0;
    for (let index = 0; index < slots.length; index++) {
      const slot = slots[index]!;
      if (test(slot)) slots[kept++] = slot;
    }
    slots = slots.subarray(0, kept);
  }
  return slots;
}

function allSlots(table: ColumnTable): Uint32Array {
  const slots = new Uint32Array(table.slotLimit);
  let count = 0;
  for (let slot = 0; slot < slots.length; slot++) if (table.idAt(slot) !== undefined) slots[count++] = slot;
  return slots.subarray(0, count);
}

/** The filled slots of the emptiest sparse column that a clause needs a value in; undefined when there is no such column. */
function rarestColumn(table: ColumnTable, clauses: readonly Clause[]): Uint32Array | undefined {
  let rarest: ReadonlyMap<number, number> | undefined;
  for (const clause of clauses) {
    const sparse = neededCells(table, clause)?.sparse;
    if (sparse && (!rarest || sparse.size < rarest.size)) rarest = sparse;
  }
  return rarest && Uint32Array.from(rarest.keys());
}

function neededCells(table: ColumnTable, clause: Clause): Cells<DenseCells> | undefined {
  if (clause.kind === "number") return table.numberColumn(clause.column)?.cells as Cells<DenseCells> | undefined;
  if (clause.kind === "string") return table.stringColumn(clause.column)?.cells as Cells<DenseCells> | undefined;
  return undefined;
}
