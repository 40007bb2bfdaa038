import fc from "fast-check";
import type { HistoryPosition } from "../../../shared/domain/metrics/order.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";
import { readHistory, readWholeHistory } from "../../../shared/domain/metrics/read.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";

/*
 * What metrics mean, said as plainly as can be: keep every point, sort when asked. The tests hold the real thing against it.
 */

export const KEYS = ["a", "b", "größe/c"];

/** Few values, so that ties, duplicates and every special case are frequent. */
export const somePoint: fc.Arbitrary<Point> = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.constantFrom(0, 1, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  timestamp: fc.constantFrom(0, 1, 1_767_225_600_000),
  step: fc.constantFrom(-1, 0, 1, 2 ** 53 - 1),
});

export const stored = (value: number): number =>
  Number.isNaN(value) ? value : Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));

/** NaN counts as 0 and stands above it. */
const valueRank = (value: number): [number, number] => (Number.isNaN(value) ? [0, 1] : [stored(value), 0]);

const byRanks = (left: readonly number[], right: readonly number[]): number => {
  const i = left.findIndex((rank, at) => rank !== right[at]);
  return i < 0 ? 0 : left[i]! - right[i]! > 0 ? 1 : -1;
};

/** Latest value of each metric. */
export function modelLatest(points: readonly Point[]): Record<string, [number, number, number]> {
  const ranks = ({ step, timestamp, value }: Point) => [step, timestamp, ...valueRank(value)];
  const latest = new Map<string, Point>();
  for (const point of [...points].sort((a, b) => byRanks(ranks(a), ranks(b)))) latest.set(point.key, point);
  return shapes(latest);
}

export const shapes = (latest: ReadonlyMap<string, Point>): Record<string, [number, number, number]> =>
  Object.fromEntries([...latest.values()].map((point) => [point.key, shape(point)]));

/** All values of a metric in order of (timestamp, step, value), each once. */
export function modelHistory(points: readonly Point[], key: string): [number, number, number][] {
  const ranks = ({ step, timestamp, value }: Point) => [timestamp, step, ...valueRank(value)];
  const sorted = points.filter((point) => point.key === key).sort((a, b) => byRanks(ranks(a), ranks(b)));
  return sorted.filter((point, i) => i === 0 || byRanks(ranks(sorted[i - 1]!), ranks(point)) !== 0).map(shape);
}

export const shape = ({ value, timestamp, step }: Point): [number, number, number] => [
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
): Promise<[number, number, number][]> {
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
