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
  /** Made when it is first needed: a restored column that is only looked at by slot does without. */
  #codes: Map<string, number> | undefined;
  #strings: (string | undefined)[] = [undefined];
  #uses: number[] = [0];
  readonly #freeCodes: number[] = [];
  #stringBytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  get bytes(): number {
    return this.cells.bytes + this.#stringBytes + this.#distinct * STRING_OVERHEAD_BYTES + this.#freeCodes.length * 24;
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
    return this.#dictionary().get(value) ?? NO_STRING;
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

  /**
   * Replaces all cells. They are taken over, not copied.
   * @param strings distinct, by code less 1; one that no cell refers to is dropped
   */
  restore(strings: readonly string[], cells: Uint32Array<ArrayBuffer> | Map<number, number>): void {
    this.cells.restore(cells);
    this.#codes = undefined;
    this.#strings = [undefined];
    this.#uses = countUses(cells, strings.length);
    this.#freeCodes.length = 0;
    this.#stringBytes = 0;
    for (let code = 1; code <= strings.length; code++) {
      const isUsed = this.#uses[code]! > 0;
      this.#strings.push(isUsed ? strings[code - 1] : undefined);
      if (isUsed) this.#stringBytes += strings[code - 1]!.length;
      else this.#freeCodes.push(code);
    }
  }

  get #distinct(): number {
    return this.#strings.length - 1 - this.#freeCodes.length;
  }

  #dictionary(): Map<string, number> {
    if (this.#codes) return this.#codes;
    this.#codes = new Map();
    for (let code = 1; code < this.#strings.length; code++) {
      const value = this.#strings[code];
      if (value !== undefined) this.#codes.set(value, code);
    }
    return this.#codes;
  }

  #acquire(value: string): number {
    const codes = this.#dictionary();
    const known = codes.get(value);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const code = this.#freeCodes.pop() ?? this.#strings.length;
    codes.set(value, code);
    this.#strings[code] = value;
    this.#uses[code] = 1;
    this.#stringBytes += value.length;
    return code;
  }

  #release(code: number): void {
    if (code === NO_STRING || --this.#uses[code]! > 0) return;
    const value = this.#strings[code]!;
    this.#codes?.delete(value);
    this.#strings[code] = undefined;
    this.#stringBytes -= value.length;
    this.#freeCodes.push(code);
  }
}

/** How many cells refer to each code, `codes` being the highest. */
function countUses(cells: Uint32Array | ReadonlyMap<number, number>, codes: number): number[] {
  const uses = new Array<number>(codes + 1).fill(0);
  if (cells instanceof Uint32Array) for (let slot = 0; slot < cells.length; slot++) uses[cells[slot]!]!++;
  else for (const code of cells.values()) uses[code]!++;
  return uses;
}
