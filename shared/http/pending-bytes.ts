/**
 * What half-read bodies hold in memory, all together and by caller. When it is too much, those callers are refused more that hold more than their
 * share: none of them can keep the others out.
 */
export class PendingBytes {
  readonly #max: number;
  readonly #byCaller = new Map<string, number>();
  #total = 0;

  /** @param max bytes; when more are held, they are shared out among all callers that hold any */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * @param caller undefined: of no matter whom, as it is so little
   * @param bytes below zero: given back
   */
  hold(caller: string | undefined, bytes: number): void {
    this.#total += bytes;
    if (caller === undefined) return;
    const held = (this.#byCaller.get(caller) ?? 0) + bytes;
    if (held > 0) this.#byCaller.set(caller, held);
    else this.#byCaller.delete(caller);
  }

  isTooMuch(caller: string): boolean {
    if (this.#total <= this.#max) return false;
    return (this.#byCaller.get(caller) ?? 0) > this.#max / this.#byCaller.size;
  }
}
