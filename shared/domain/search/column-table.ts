import { ColumnSet } from "./column-set.ts";
import { MISSING, NumberColumn } from "./number-column.ts";
import { StringColumn } from "./string-column.ts";

/** A data set that a run used; `context` is the input tag `mlflow.data.context`. */
export interface DatasetUse {
  readonly name: string;
  readonly digest: string;
  readonly context?: string;
}

/** Column names are `<kind>.<key>`, kinds being attribute, metric, param and tag; the later of two cells of one column wins. */
export interface Row {
  readonly numbers: Iterable<readonly [column: string, value: number]>;
  readonly strings: Iterable<readonly [column: string, value: string]>;
  readonly datasets?: readonly DatasetUse[];
  /** The caller's own, for instance an ETag; the table only keeps it. */
  readonly note?: string;
}

/** All of a table, by slot where it is a list. */
interface TableContents {
  /** Undefined: the slot is free. */
  readonly ids: (string | undefined)[];
  readonly notes: (string | undefined)[];
  readonly datasets: Iterable<readonly [slot: number, use: DatasetUse]>;
  readonly numbers: Iterable<NumberColumn>;
  readonly strings: Iterable<StringColumn>;
}

/** One row as a caller's `visible` or computed order key sees it; valid only during the call that hands it out. */
export interface RowView {
  readonly id: string;
  readonly note: string | undefined;
  /** Undefined when missing; may be NaN. */
  number(column: string): number | undefined;
  string(column: string): string | undefined;
}

const ROW_BYTES = 130;
const DATASET_BYTES = 160;
const NO_DATASETS: readonly DatasetUse[] = [];

/**
 * Rows with an id and typed columns that appear as they are needed: numbers (missing, finite or NaN; ±Infinity is kept as
 * ±1.7976931348623157e308) and strings. Columns cost in proportion to their cells. Nothing is copied out.
 */
export class ColumnTable {
  readonly #slotById = new Map<string, number>();
  #ids: (string | undefined)[] = [];
  #notes: (string | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #numbers = new ColumnSet<number, NumberColumn>((name) => new NumberColumn(name));
  readonly #strings = new ColumnSet<string, StringColumn>((name) => new StringColumn(name));
  readonly #datasets = new Map<number, readonly DatasetUse[]>();
  #datasetUses = 0;

  /** A table with these contents, which are taken over, not copied. */
  static of(contents: TableContents): ColumnTable {
    const table = new ColumnTable();
    table.#ids = contents.ids;
    table.#notes = contents.notes;
    for (let slot = 0; slot < contents.ids.length; slot++) {
      const id = contents.ids[slot];
      if (id === undefined) table.#freeSlots.push(slot);
      else table.#slotById.set(id, slot);
    }
    for (const [slot, use] of contents.datasets) table.#setDatasets(slot, [...table.datasetsAt(slot), use]);
    for (const column of contents.numbers) table.#numbers.add(column);
    for (const column of contents.strings) table.#strings.add(column);
    return table;
  }

  /** Rows. */
  get size(): number {
    return this.#slotById.size;
  }

  /** An estimate of the memory held, for caches bounded in bytes. Visits every column. */
  get bytes(): number {
    const rows = this.#ids.length * ROW_BYTES + this.#datasetUses * DATASET_BYTES;
    return rows + this.#numbers.bytes + this.#strings.bytes;
  }

  has(id: string): boolean {
    return this.#slotById.has(id);
  }

  /** The row's `note`; undefined when there is no such row or note. */
  note(id: string): string | undefined {
    const slot = this.#slotById.get(id);
    return slot === undefined ? undefined : this.#notes[slot];
  }

  ids(): IterableIterator<string> {
    return this.#slotById.keys();
  }

  /** Creates the row, or replaces it whole: cells that `row` does not name become missing. */
  upsert(id: string, row: Row): void {
    let slot = this.#slotById.get(id);
    if (slot === undefined) slot = this.#takeSlot(id);
    else this.#clearCells(slot);
    const slots = this.#ids.length;
    for (const [name, value] of row.numbers) this.#numbers.set(name, slot, value, slots);
    for (const [name, value] of row.strings) this.#strings.set(name, slot, value, slots);
    this.#setDatasets(slot, row.datasets ?? NO_DATASETS);
    this.#notes[slot] = row.note;
  }

  /** Sets one cell of a row. False when there is no such row. */
  setNumber(id: string, column: string, value: number): boolean {
    const slot = this.#slotById.get(id);
    if (slot === undefined) return false;
    this.#numbers.set(column, slot, value, this.#ids.length);
    return true;
  }

  /** False when there was no such row. */
  remove(id: string): boolean {
    const slot = this.#slotById.get(id);
    if (slot === undefined) return false;
    this.#clearCells(slot);
    this.#setDatasets(slot, NO_DATASETS);
    this.#slotById.delete(id);
    this.#ids[slot] = undefined;
    this.#notes[slot] = undefined;
    this.#freeSlots.push(slot);
    return true;
  }

  /** Slots in use are below this; some may be free. For the search. */
  get slotLimit(): number {
    return this.#ids.length;
  }

  /** Undefined when the slot is free. */
  idAt(slot: number): string | undefined {
    return this.#ids[slot];
  }

  noteAt(slot: number): string | undefined {
    return this.#notes[slot];
  }

  datasetsAt(slot: number): readonly DatasetUse[] {
    return this.#datasets.get(slot) ?? NO_DATASETS;
  }

  get hasDatasets(): boolean {
    return this.#datasets.size > 0;
  }

  *numberColumns(): IterableIterator<NumberColumn> {
    for (const [, column] of this.#numbers.entries()) yield column;
  }

  *stringColumns(): IterableIterator<StringColumn> {
    for (const [, column] of this.#strings.entries()) yield column;
  }

  numberColumn(name: string): NumberColumn | undefined {
    return this.#numbers.get(name);
  }

  stringColumn(name: string): StringColumn | undefined {
    return this.#strings.get(name);
  }

  /** A view that can be pointed at one slot after the other. */
  view(): RowView & { slot: number } {
    return new SlotView(this, this.#notes);
  }

  #takeSlot(id: string): number {
    const slot = this.#freeSlots.pop() ?? this.#ids.length;
    this.#slotById.set(id, slot);
    this.#ids[slot] = id;
    return slot;
  }

  #clearCells(slot: number): void {
    this.#numbers.clear(slot);
    this.#strings.clear(slot);
  }

  #setDatasets(slot: number, datasets: readonly DatasetUse[]): void {
    this.#datasetUses += datasets.length - this.datasetsAt(slot).length;
    if (datasets.length === 0) this.#datasets.delete(slot);
    else this.#datasets.set(slot, [...datasets]);
  }
}

class SlotView implements RowView {
  readonly #table: ColumnTable;
  readonly #notes: readonly (string | undefined)[];
  slot = 0;

  constructor(table: ColumnTable, notes: readonly (string | undefined)[]) {
    this.#table = table;
    this.#notes = notes;
  }

  get id(): string {
    return this.#table.idAt(this.slot)!;
  }

  get note(): string | undefined {
    return this.#notes[this.slot];
  }

  number(column: string): number | undefined {
    const value = this.#table.numberColumn(column)?.get(this.slot) ?? MISSING;
    return value === MISSING ? undefined : value;
  }

  string(column: string): string | undefined {
    return this.#table.stringColumn(column)?.get(this.slot);
  }
}
