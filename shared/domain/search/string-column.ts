import { type CellLayout, Cells } from "./cells.ts";

/** The code of "no value". */
export const NO_STRING = 0;

const LAYOUT: CellLayout<Uint32Array<ArrayBuffer>> = {
  allocate: (length) => new Uint32Array(length),
  empty: NO_STRING,
};
const STRING_OVERHEAD_BYTES = 76;

/**
 * Strings by slot, kept as codes of a dictionary. A string leaves the dictionary with its last cell and its code is used again, so
 * the dictionary never holds more than the column does.
 */
export class StringColumn {
  readonly name: string;
  readonly cells = new Cells(LAYOUT);
  readonly #codes = new Map<string, number>();
  readonly #strings: (string | undefined)[] = [undefined];
  readonly #uses: number[] = [0];
  readonly #freeCodes: number[] = [];
  #stringBytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  get bytes(): number {
    return (
      this.cells.bytes + this.#stringBytes + this.#codes.size * STRING_OVERHEAD_BYTES + this.#freeCodes.length * 24
    );
  }

  /** Every code is below this. */
  get codeLimit(): number {
    return this.#strings.length;
  }

  get(slot: number): string | undefined {
    return this.#strings[this.cells.get(slot)];
  }

  stringOf(code: number): string | undefined {
    return this.#strings[code];
  }

  /** NO_STRING when no cell holds `value`. */
  codeOf(value: string): number {
    return this.#codes.get(value) ?? NO_STRING;
  }

  set(slot: number, value: string, slots: number): void {
    const code = this.#acquire(value);
    const before = this.cells.get(slot);
    this.cells.set(slot, code, slots);
    this.#release(before);
  }

  clear(slot: number): void {
    const before = this.cells.get(slot);
    this.cells.clear(slot);
    this.#release(before);
  }

  #acquire(value: string): number {
    const known = this.#codes.get(value);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const code = this.#freeCodes.pop() ?? this.#strings.length;
    this.#codes.set(value, code);
    this.#strings[code] = value;
    this.#uses[code] = 1;
    this.#stringBytes += value.length;
    return code;
  }

  #release(code: number): void {
    if (code === NO_STRING || --this.#uses[code]! > 0) return;
    const value = this.#strings[code]!;
    this.#codes.delete(value);
    this.#strings[code] = undefined;
    this.#stringBytes -= value.length;
    this.#freeCodes.push(code);
  }
}
