import type { Cells, DenseCells } from "./cells.ts";

/** What a set needs of its columns. */
interface SlotColumn<Value> {
  readonly name: string;
  readonly cells: Pick<Cells<DenseCells>, "count" | "dense" | "entries">;
  readonly bytes: number;
  set(slot: number, value: Value, slots: number): void;
  clear(slot: number): void;
}

const NAME_BYTES = 120;
const RARE_CELL_BYTES = 16;
const RARE_SLOT_BYTES = 60;

/**
 * The columns of one type by name; they come with their first cell and go with their last. Clearing a slot visits the dense columns, which are
 * few, and the sparse ones that hold a cell of it, not all of perhaps 50,000.
 */
export class ColumnSet<Value, Column extends SlotColumn<Value>> {
  readonly #create: (name: string) => Column;
  readonly #byName = new Map<string, Column>();
  readonly #dense = new Set<Column>();
  /** By slot, the columns that got a cell of it while sparse; some may have lost it since or become dense. */
  readonly #rare = new Map<number, Column[]>();
  #rareCells = 0;

  constructor(create: (name: string) => Column) {
    this.#create = create;
  }

  get bytes(): number {
    let bytes = this.#rareCells * RARE_CELL_BYTES + this.#rare.size * RARE_SLOT_BYTES;
    for (const [name, column] of this.#byName) bytes += column.bytes + name.length + NAME_BYTES;
    return bytes;
  }

  get(name: string): Column | undefined {
    return this.#byName.get(name);
  }

  entries(): IterableIterator<[name: string, column: Column]> {
    return this.#byName.entries();
  }

  /** Adds a column that has its cells already; there must be none of its name yet. */
  add(column: Column): void {
    this.#byName.set(column.name, column);
    this.#noteForm(column, false);
  }

  set(name: string, slot: number, value: Value, slots: number): void {
    const column = this.#columnFor(name);
    const { count, dense } = column.cells;
    column.set(slot, value, slots);
    if (column.cells.dense === undefined && dense === undefined) {
      if (column.cells.count > count) this.#noteRare(column, slot);
    } else {
      this.#noteForm(column, dense !== undefined);
    }
  }

  clear(slot: number): void {
    for (const column of this.#dense) {
      this.#clearCell(column, slot);
      this.#noteForm(column, true);
    }
    const rare = this.#rare.get(slot);
    if (!rare) return;
    for (const column of rare) this.#clearCell(column, slot);
    this.#rareCells -= rare.length;
    this.#rare.delete(slot);
  }

  #clearCell(column: Column, slot: number): void {
    column.clear(slot);
    if (column.cells.count > 0 || this.#byName.get(column.name) !== column) return;
    this.#byName.delete(column.name);
    this.#dense.delete(column);
  }

  #columnFor(name: string): Column {
    const known = this.#byName.get(name);
    if (known) return known;
    const column = this.#create(name);
    this.#byName.set(name, column);
    return column;
  }

  #noteForm(column: Column, wasDense: boolean): void {
    if (column.cells.dense !== undefined) {
      if (!wasDense) this.#dense.add(column);
      return;
    }
    this.#dense.delete(column);
    for (const [slot] of column.cells.entries()) this.#noteRare(column, slot);
  }

  #noteRare(column: Column, slot: number): void {
    const known = this.#rare.get(slot);
    if (known) known.push(column);
    else this.#rare.set(slot, [column]);
    this.#rareCells++;
  }
}
