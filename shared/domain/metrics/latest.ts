import { compareInt64, int64From, type StoredInt64, storedInt64 } from "../int64.ts";
import { compareValues } from "./order.ts";
import type { Origin, Point, PointColumns } from "./points.ts";
import { originKey, pointAt } from "./points.ts";

/** The latest value of each metric of a run, by name. */
export type LatestMetrics = Map<string, Point>;

/** A latest value as it is stored in a run document, numbers that a document cannot hold as text. */
export type LatestTuple = readonly [value: number | string, timestamp: StoredInt64, step: StoredInt64, origin?: Origin];

/**
 * The order in which values of one metric supersede each other: step, then timestamp, then value, where NaN counts as 0 and
 * stands above an equal 0; origins last, so that the order is total and a join does not depend on who comes first.
 */
export function compareLatest(a: Point, b: Point): number {
  return (
    compareInt64(a.step, b.step) ||
    compareInt64(a.timestamp, b.timestamp) ||
    compareValues(a.value, b.value) ||
    compareOrigins(a, b)
  );
}

/** Keeps the greater of what is there and each point. Commutative, associative, idempotent. */
export function joinPoint(latest: LatestMetrics, point: Point): void {
  const current = latest.get(point.key);
  if (current === undefined || compareLatest(point, current) > 0) latest.set(point.key, point);
}

/** Joins all points of one stored batch; cheap where most points are superseded by others. */
export function joinColumns(latest: LatestMetrics, columns: PointColumns): void {
  for (const i of newestOfEachKey(columns)) joinPoint(latest, pointAt(columns, i));
}

export function joinLatest(latest: LatestMetrics, other: Iterable<Point>): void {
  for (const point of other) joinPoint(latest, point);
}

export function toTuple(point: Point): LatestTuple {
  const value = isPlainNumber(point.value) ? point.value : String(point.value);
  const timestamp = storedInt64(point.timestamp);
  const step = storedInt64(point.step);
  return point.origin ? [value, timestamp, step, point.origin] : [value, timestamp, step];
}

export function fromTuple(key: string, [value, timestamp, step, origin]: LatestTuple): Point {
  const point = { key, value: Number(value), timestamp: int64From(timestamp), step: int64From(step) };
  return origin ? { ...point, origin } : point;
}

/** Documents refuse NaN, and whole numbers beyond 2^53-1. */
function isPlainNumber(value: number): boolean {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
}

/** Where values of one key tie in step and timestamp but differ in value, the full comparison decides later. */
function newestOfEachKey(columns: PointColumns): number[] {
  const newest: number[] = new Array(columns.keys.length).fill(-1);
  for (let i = 0; i < columns.count; i++) {
    const key = columns.keyIndex[i]!;
    const best = newest[key]!;
    if (best < 0 || isNewer(columns, i, best)) newest[key] = i;
  }
  return newest.filter((i) => i >= 0);
}

function isNewer(columns: PointColumns, i: number, best: number): boolean {
  const { steps, timestamps } = columns;
  if (steps[i] !== steps[best]) return steps[i]! > steps[best]!;
  if (timestamps[i] !== timestamps[best]) return timestamps[i]! > timestamps[best]!;
  return compareLatest(pointAt(columns, i), pointAt(columns, best)) > 0;
}

function compareOrigins(a: Point, b: Point): number {
  if (a.origin === b.origin) return 0;
  const left = originKey(a.origin);
  const right = originKey(b.origin);
  return left < right ? -1 : left > right ? 1 : 0;
}
