import fc from "fast-check";
import type { Int64 } from "../../../shared/domain/int64.ts";
import type { HistoryPosition } from "../../../shared/domain/metrics/order.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { readHistory, readWholeHistory } from "../../../shared/domain/metrics/read.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";

/*
 * What metrics mean, said as plainly as can be: keep every point, sort when asked. The tests hold the real thing against it.
 */

export const KEYS = ["a", "b", "größe/c"];

const NANOSECONDS = 1_767_225_600_123_456_789n;

/** Few values, so that ties, duplicates and every special case are frequent. */
export const somePoint: fc.Arbitrary<Point> = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.constantFrom(0, 1, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  timestamp: fc.constantFrom<Int64>(0, 1, 1_767_225_600_000, NANOSECONDS, NANOSECONDS + 1n),
  step: fc.constantFrom<Int64>(-1, 0, 1, 2 ** 53 - 1, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
});

export const stored = (value: number): number =>
  Number.isNaN(value) ? value : Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));

/** NaN counts as 0 and stands above it. */
const valueRank = (value: number): [number, number] => (Number.isNaN(value) ? [0, 1] : [stored(value), 0]);

const byRanks = (left: readonly Int64[], right: readonly Int64[]): number => {
  const i = left.findIndex((rank, at) => rank !== right[at]);
  return i < 0 ? 0 : left[i]! > right[i]! ? 1 : -1;
};

/** Latest value of each metric. */
export function modelLatest(points: readonly Point[]): Record<string, [number, Int64, Int64]> {
  const ranks = ({ step, timestamp, value }: Point) => [step, timestamp, ...valueRank(value)];
  const latest = new Map<string, Point>();
  for (const point of [...points].sort((a, b) => byRanks(ranks(a), ranks(b)))) latest.set(point.key, point);
  return shapes(latest);
}

export const shapes = (latest: ReadonlyMap<string, Point>): Record<string, [number, Int64, Int64]> =>
  Object.fromEntries([...latest.values()].map((point) => [point.key, shape(point)]));

/** All values of a metric in order of (timestamp, step, value), each once. */
export function modelHistory(points: readonly Point[], key: string): [number, Int64, Int64][] {
  const ranks = ({ step, timestamp, value }: Point) => [timestamp, step, ...valueRank(value)];
  const sorted = points.filter((point) => point.key === key).sort((a, b) => byRanks(ranks(a), ranks(b)));
  return sorted.filter((point, i) => i === 0 || byRanks(ranks(sorted[i - 1]!), ranks(point)) !== 0).map(shape);
}

export const shape = ({ value, timestamp, step }: Point): [number, Int64, Int64] => [
  stored(value) + 0,
  timestamp,
  step,
];

/** A metric's history as a client reads it: page by page when a size is given, else in one answer. */
export async function readAll(
  workspace: Workspace,
  runId: string,
  key: string,
  pageSize?: number,
): Promise<[number, Int64, Int64][]> {
  const partition = runsPartition(workspace, runId);
  const all: Point[] = [];
  if (pageSize === undefined) {
    const whole = (await readWholeHistory(workspace, partition, key))!;
    for await (const piece of whole.pieces) all.push(...piece);
    return all.map(shape);
  }
  let after: HistoryPosition | undefined;
  do {
    const { points, next } = (await readHistory(workspace, partition, key, pageSize, after))!;
    all.push(...points);
    after = next;
  } while (after);
  return all.map(shape);
}
