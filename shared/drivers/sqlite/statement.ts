type Value = string | number | null;

/** A prepared statement whose rows have the shape that its SQL gives them. */
export interface Statement<Row> {
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
  iterate(...values: Value[]): IterableIterator<Row>;
  run(...values: Value[]): { changes: number; lastInsertRowid: number };
}

/** Calls a statement whose result nobody waits for. */
export type Later = (...values: Value[]) => void;
