import { exactInt64, type Int64 } from "../int64.ts";

/** Whole numbers side by side: as doubles, unless there are some that are not exact as such. */
export type Int64Values = Float64Array | BigInt64Array;

/** A growing column of whole numbers, 8 bytes each. */
export class Int64Column {
  private values: Int64Values = new Float64Array(64);

  /** Places are filled one after the other. */
  set(at: number, value: Int64): void {
    if (at === this.values.length) this.grow();
    if (this.values instanceof Float64Array) {
      if (typeof value === "number") {
        this.values[at] = value;
        return;
      }
      this.values = BigInt64Array.from(this.values, BigInt);
    }
    this.values[at] = BigInt(value);
  }

  at(i: number): Int64 {
    return exactInt64(this.values[i]!);
  }

  compare(a: number, b: number): number {
    const left = this.values[a]!;
    const right = this.values[b]!;
    return left < right ? -1 : left > right ? 1 : 0;
  }

  private grow(): void {
    const { length } = this.values;
    if (this.values instanceof Float64Array) {
      const next = new Float64Array(length * 2);
      next.set(this.values);
      this.values = next;
    } else {
      const next = new BigInt64Array(length * 2);
      next.set(this.values);
      this.values = next;
    }
  }
}
