import { compareValues } from "./order.ts";
import type { Origin, Point } from "./points.ts";

/** Many points of one metric in little memory: 24 bytes each, and what they were measured with where that is known. */
export class MetricColumn {
  private readonly key: string;
  private timestamps = new Float64Array(64);
  private steps = new Float64Array(64);
  private values = new Float64Array(64);
  private origins: (Origin | undefined)[] | undefined;
  private order: Uint32Array | undefined;
  private size = 0;

  constructor(key: string) {
    this.key = key;
  }

  push(timestamp: number, step: number, value: number, origin: Origin | undefined): void {
    if (this.size === this.timestamps.length) this.grow();
    this.timestamps[this.size] = timestamp;
    this.steps[this.size] = step;
    this.values[this.size] = value;
    if (origin || this.origins) {
      this.origins ??= [];
      this.origins[this.size] = origin;
    }
    this.size++;
  }

  /** Puts the points into the order of history, exact duplicates once. Nothing is pushed afterwards. */
  arrange(): void {
    const order = Uint32Array.from({ length: this.size }, (_, i) => i).sort((a, b) => this.compare(a, b));
    this.order = order.filter((i, at) => at === 0 || this.compare(order[at - 1]!, i) !== 0);
  }

  /** How many points there are once arranged. */
  get length(): number {
    return this.order!.length;
  }

  /** Points `from` to `to` (exclusive) in order. */
  slice(from: number, to: number): Point[] {
    return Array.from(this.order!.subarray(from, to), (i) => this.at(i));
  }

  private at(i: number): Point {
    const { key, origins } = this;
    const point = { key, value: this.values[i]!, timestamp: this.timestamps[i]!, step: this.steps[i]! };
    return origins?.[i] ? { ...point, origin: origins[i] } : point;
  }

  private compare(a: number, b: number): number {
    return (
      this.timestamps[a]! - this.timestamps[b]! ||
      this.steps[a]! - this.steps[b]! ||
      compareValues(this.values[a]!, this.values[b]!)
    );
  }

  private grow(): void {
    const enlarged = (column: Float64Array) => {
      const next = new Float64Array(column.length * 2);
      next.set(column);
      return next;
    };
    this.timestamps = enlarged(this.timestamps);
    this.steps = enlarged(this.steps);
    this.values = enlarged(this.values);
  }
}
