/** A typed array that holds one cell for each slot. */
export type DenseCells = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** How to make the dense form, and which value means that a cell is empty. */
export interface CellLayout<Dense extends DenseCells> {
  readonly allocate: (length: number) => Dense;
  readonly empty: number;
}

/** A dense array pays off from this share of filled cells on; it is given up below a quarter of it. */
const DENSE_SHARE = 1 / 6;
const MAP_ENTRY_BYTES = 44;
const FIXED_BYTES = 200;

/**
 * The cells of one column by slot. They live in a Map while few slots are filled, and in a typed array when many are; so a column
 * costs in proportion to its cells, whatever the number of rows. A slot beyond the typed array is empty.
 */
export class Cells<Dense extends DenseCells> {
  readonly #layout: CellLayout<Dense>;
  #dense: Dense | undefined;
  #sparse: Map<number, number> | undefined;
  #count = 0;

  constructor(layout: CellLayout<Dense>) {
    this.#layout = layout;
    this.#sparse = new Map();
  }

  /** Filled cells. */
  get count(): number {
    return this.#count;
  }

  /** The typed array when the column is dense; for scans, not to be changed. */
  get dense(): Dense | undefined {
    return this.#dense;
  }

  /** The Map when the column is sparse; for scans, not to be changed. */
  get sparse(): ReadonlyMap<number, number> | undefined {
    return this.#sparse;
  }

  get bytes(): number {
    return FIXED_BYTES + (this.#dense?.byteLength ?? this.#count * MAP_ENTRY_BYTES);
  }

  get(slot: number): number {
    const { empty } = this.#layout;
    if (this.#dense) return slot < this.#dense.length ? this.#dense[slot]! : empty;
    return this.#sparse!.get(slot) ?? empty;
  }

  /** @param slots the number of slots in use in the whole table: what a dense array would have to hold */
  set(slot: number, value: number, slots: number): void {
    if (value === this.#layout.empty) {
      this.clear(slot);
      return;
    }
    if (this.#dense && slot >= this.#dense.length) this.#makeRoomFor(slot);
    if (this.#dense) {
      if (this.#dense[slot] === this.#layout.empty) this.#count++;
      this.#dense[slot] = value;
      return;
    }
    this.#sparse!.set(slot, value);
    this.#count = this.#sparse!.size;
    if (this.#count >= slots * DENSE_SHARE) this.#toDense(slots);
  }

  clear(slot: number): void {
    if (this.#dense) {
      if (slot >= this.#dense.length || this.#dense[slot] === this.#layout.empty) return;
      this.#dense[slot] = this.#layout.empty;
      this.#count--;
      if (this.#count < (this.#dense.length * DENSE_SHARE) / 4) this.#toSparse();
    } else if (this.#sparse!.delete(slot)) {
      this.#count--;
    }
  }

  /** Replaces all cells. They are taken over, not copied. */
  restore(cells: Dense | Map<number, number>): void {
    if (cells instanceof Map) {
      this.#sparse = cells;
      this.#dense = undefined;
      this.#count = cells.size;
      return;
    }
    this.#dense = cells;
    this.#sparse = undefined;
    this.#count = 0;
    const { empty } = this.#layout;
    for (let slot = 0; slot < cells.length; slot++) if (cells[slot] !== empty) this.#count++;
  }

  *entries(): IterableIterator<[slot: number, value: number]> {
    if (this.#sparse) {
      yield* this.#sparse;
      return;
    }
    const dense = this.#dense!;
    for (let slot = 0; slot < dense.length; slot++) {
      if (dense[slot] !== this.#layout.empty) yield [slot, dense[slot]!];
    }
  }

  #makeRoomFor(slot: number): void {
    if (this.#count + 1 < (slot + 1) * (DENSE_SHARE / 4)) {
      this.#toSparse();
      return;
    }
    const old = this.#dense!;
    const grown = this.#layout.allocate(Math.max(16, slot + 1, Math.ceil(old.length * 1.5)));
    grown.set(old as never);
    if (this.#layout.empty !== 0) grown.fill(this.#layout.empty, old.length);
    this.#dense = grown;
  }

  #toDense(slots: number): void {
    let length = slots;
    for (const slot of this.#sparse!.keys()) length = Math.max(length, slot + 1);
    const dense = this.#layout.allocate(length);
    if (this.#layout.empty !== 0) dense.fill(this.#layout.empty);
    for (const [slot, value] of this.#sparse!) dense[slot] = value;
    this.#dense = dense;
    this.#sparse = undefined;
  }

  #toSparse(): void {
    this.#sparse = new Map(this.entries());
    this.#dense = undefined;
  }
}
