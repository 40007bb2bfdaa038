/**
 * What callers hold of something that there is only so much of, such as memory for half-read bodies. When it is too
 * much, those callers are refused more that hold more than their share: none of them can keep the others out.
 */
export class Shares {
  readonly #max: number;
  readonly #byCaller = new Map<string, number>();
  #total = 0;

  /** @param max when more is held, it is shared out among all callers that hold any */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * @param caller undefined: of no matter whom, as it is so little or nobody knows yet
   * @param amount below zero: given back
   */
  hold(caller: string | undefined, amount: number): void {
    this.#total += amount;
    if (caller === undefined) return;
    const held = (this.#byCaller.get(caller) ?? 0) + amount;
    if (held > 0) this.#byCaller.set(caller, held);
    else this.#byCaller.delete(caller);
  }

  isTooMuch(caller: string): boolean {
    if (this.#total <= this.#max) return false;
    return (this.#byCaller.get(caller) ?? 0) > this.#max / this.#byCaller.size;
  }
}
