import { storableNumber } from "../storable-number.ts";
import { type CellLayout, Cells } from "./cells.ts";

/**
 * Stands for "no value" in a number column. No stored value can equal it, since infinities are stored as the largest finite numbers;
 * NaN is a value of its own.
 */
export const MISSING = Number.NEGATIVE_INFINITY;

const LAYOUT: CellLayout<Float64Array<ArrayBuffer>> = {
  allocate: (length) => new Float64Array(length),
  empty: MISSING,
};

/** Float64 values by slot; each is missing, a finite number or NaN. */
export class NumberColumn {
  readonly name: string;
  readonly cells = new Cells(LAYOUT);

  constructor(name: string) {
    this.name = name;
  }

  get bytes(): number {
    return this.cells.bytes;
  }

  /** MISSING, a finite number or NaN. */
  get(slot: number): number {
    return this.cells.get(slot);
  }

  set(slot: number, value: number, slots: number): void {
    this.cells.set(slot, storableNumber(value), slots);
  }

  clear(slot: number): void {
    this.cells.clear(slot);
  }
}
