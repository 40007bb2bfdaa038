import type { Int64 } from "../int64.ts";
import { Int64Column } from "./int64-column.ts";
import { compareValues } from "./order.ts";
import type { Origin, Point, PointColumns } from "./points.ts";

/** Many points of one metric in little memory: 24 bytes each, and what they were measured with where that is known. */
export class MetricColumn {
  private readonly key: string;
  private readonly timestamps = new Int64Column();
  private readonly steps = new Int64Column();
  private values = new Float64Array(64);
  private origins: (Origin | undefined)[] | undefined;
  private order: Uint32Array | undefined;
  private size = 0;

  constructor(key: string) {
    this.key = key;
  }

  push(timestamp: Int64, step: Int64, value: number, origin: Origin | undefined): void {
    if (this.size === this.values.length) this.grow();
    this.timestamps.set(this.size, timestamp);
    this.steps.set(this.size, step);
    this.values[this.size] = value;
    if (origin || this.origins) {
      this.origins ??= [];
      this.origins[this.size] = origin;
    }
    this.size++;
  }

  /** Puts the points into the order of history, exact duplicates once. Nothing is pushed afterwards. */
  arrange(): void {
    const order = new Uint32Array(this.size);
    let isOrdered = true;
    for (let i = 0; i < this.size; i++) {
      order[i] = i;
      isOrdered &&= i === 0 || this.compare(i - 1, i) <= 0;
    }
    if (!isOrdered) order.sort((a, b) => this.compare(a, b));
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
    const point = { key, value: this.values[i]!, timestamp: this.timestamps.at(i), step: this.steps.at(i) };
    return origins?.[i] ? { ...point, origin: origins[i] } : point;
  }

  private compare(a: number, b: number): number {
    return this.timestamps.compare(a, b) || this.steps.compare(a, b) || compareValues(this.values[a]!, this.values[b]!);
  }

  private grow(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    this.values = values;
  }
}

/** The points of many metrics, each in a column. */
export class Columns {
  readonly byKey = new Map<string, MetricColumn>();

  of(key: string): MetricColumn {
    const column = this.byKey.get(key) ?? new MetricColumn(key);
    this.byKey.set(key, column);
    return column;
  }

  add({ keys, count, keyIndex, originIndex, origins, timestamps, steps, values }: PointColumns): void {
    const targets = keys.map((key) => this.of(key));
    for (let i = 0; i < count; i++) {
      const originAt = originIndex?.[i] ?? 0;
      const origin = originAt > 0 ? origins[originAt] : undefined;
      targets[keyIndex[i]!]!.push(timestamps[i]!, steps[i]!, values[i]!, origin);
    }
  }
}
