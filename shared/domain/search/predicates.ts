import type { Clause, NumberOperator, StringCondition } from "./clauses.ts";
import type { ColumnTable } from "./column-table.ts";
import { compileLike, type StringTest } from "./like.ts";
import { MISSING, type NumberColumn } from "./number-column.ts";
import type { Steps } from "./steps.ts";
import { NO_STRING, type StringColumn } from "./string-column.ts";

/** Whether the row in this slot satisfies a clause. */
type SlotTest = (slot: number) => boolean;

const NOTHING: SlotTest = () => false;

/**
 * Compiles a clause for one table; undefined when no row can satisfy it. Valid until the table changes.
 * @param steps takes what a test does besides looking at one cell
 */
export function compileClause(clause: Clause, table: ColumnTable, steps: Steps): SlotTest | undefined {
  switch (clause.kind) {
    case "number": {
      const column = table.numberColumn(clause.column);
      return column && numberTest(column, clause.op, clause.value);
    }
    case "string": {
      const column = table.stringColumn(clause.column);
      return column && stringTest(column, clause, steps);
    }
    case "presence":
      return presenceTest(clause.column, clause.present, table);
    case "dataset": {
      const { field } = clause;
      const test = compileString(clause, steps);
      const holds = (value: string | undefined): boolean => value !== undefined && test(value);
      if (!table.hasDatasets) return undefined;
      return (slot) => {
        const uses = table.datasetsAt(slot);
        steps.take(uses.length);
        return uses.some((use) => holds(use[field]));
      };
    }
    case "not": {
      const test = compileClause(clause.clause, table, steps) ?? NOTHING;
      return (slot) => !test(slot);
    }
    case "never":
      return undefined;
  }
}

/** Compiles a condition on strings that are there. */
function compileString(condition: StringCondition, steps: Steps): StringTest {
  switch (condition.op) {
    case "=":
      return (value) => value === condition.value;
    case "!=":
      return (value) => value !== condition.value;
    case "LIKE":
    case "ILIKE":
      return compileLike(condition.value, condition.op === "ILIKE", steps);
    case "IN":
    case "NOT IN": {
      const values = new Set(condition.values);
      const wanted = condition.op === "IN";
      return (value) => values.has(value) === wanted;
    }
  }
}

function numberTest(column: NumberColumn, op: NumberOperator, wanted: number): SlotTest {
  const compare = numberComparison(op, wanted);
  const { dense, sparse } = column.cells;
  if (sparse) {
    return (slot) => {
      const value = sparse.get(slot);
      return value !== undefined && compare(value);
    };
  }
  return (slot) => {
    const value = slot < dense!.length ? dense![slot]! : MISSING;
    return value !== MISSING && compare(value);
  };
}

/** On values that are there; every comparison with NaN but "!=" is false. */
export function numberComparison(op: NumberOperator, wanted: number): (value: number) => boolean {
  switch (op) {
    case "=":
      return (value) => value === wanted;
    case "!=":
      return (value) => value !== wanted;
    case "<":
      return (value) => value < wanted;
    case "<=":
      return (value) => value <= wanted;
    case ">":
      return (value) => value > wanted;
    case ">=":
      return (value) => value >= wanted;
  }
}

function stringTest(column: StringColumn, condition: StringCondition, steps: Steps): SlotTest | undefined {
  const { cells } = column;
  switch (condition.op) {
    case "=": {
      const code = column.codeOf(condition.value);
      return code === NO_STRING ? undefined : (slot) => cells.get(slot) === code;
    }
    case "!=": {
      const code = column.codeOf(condition.value);
      return (slot) => {
        const found = cells.get(slot);
        return found !== NO_STRING && found !== code;
      };
    }
    default:
      return byDictionaryEntry(column, compileString(condition, steps));
  }
}

const UNKNOWN = 0;
const HOLDS = 1;
const FAILS = 2;

/** Runs `test` at most once for each entry of the dictionary, however many rows share it. */
function byDictionaryEntry(column: StringColumn, test: StringTest): SlotTest {
  const { cells } = column;
  const results = new Uint8Array(column.codeLimit);
  return (slot) => {
    const code = cells.get(slot);
    if (code === NO_STRING) return false;
    if (results[code] === UNKNOWN) results[code] = test(column.stringOf(code)!) ? HOLDS : FAILS;
    return results[code] === HOLDS;
  };
}

function presenceTest(name: string, present: boolean, table: ColumnTable): SlotTest {
  const numbers = table.numberColumn(name)?.cells;
  const strings = table.stringColumn(name)?.cells;
  return (slot) =>
    ((numbers !== undefined && numbers.get(slot) !== MISSING) ||
      (strings !== undefined && strings.get(slot) !== NO_STRING)) === present;
}
