import type { Int64 } from "../int64.ts";
import type { Workspace } from "../workspace.ts";
import { sampleTogether, thinned } from "./downsample.ts";
import { compareLatest } from "./latest.ts";
import { sorted } from "./order.ts";
import type { Point } from "./points.ts";
import { appendedPoints, sortedDistinct } from "./read.ts";
import { eachSegment, onCurrentSegments } from "./segments.ts";

export interface StepRange {
  readonly from: Int64;
  readonly to: Int64;
}

export const EVERY_STEP: StepRange = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** So many points of all runs together are weighed against each other. */
const MAX_WEIGHED = 100_000;

/**
 * A metric of some runs as a chart needs it: of each run `wanted` points within a range of steps, or all where there are no more, in order of step.
 * Ends and extremes are among them, and runs that have logged the same steps are shown at the same ones.
 * @returns in the order of `partitions`; undefined where there is no such run or model
 */
export async function sampleHistories(
  workspace: Workspace,
  partitions: readonly string[],
  key: string,
  wanted: number,
  range: StepRange,
): Promise<(Point[] | undefined)[]> {
  const share = Math.max(wanted, Math.floor(MAX_WEIGHED / partitions.length));
  const histories: (Point[] | undefined)[] = [];
  for (const partition of partitions) {
    const points = await pointsWithin(workspace, partition, key, range);
    histories.push(points && (partitions.length > 1 ? thinned(points, share) : points));
  }
  const sampled = sampleTogether(
    histories.map((points) => points ?? []),
    wanted,
  );
  return histories.map((points, i) => points && sampled[i]);
}

/** In order of step. Of what is sealed and long a sampled level stands for the whole, which holds more than a chart shows. */
async function pointsWithin(
  workspace: Workspace,
  partition: string,
  key: string,
  { from, to }: StepRange,
): Promise<Point[] | undefined> {
  const appended = await appendedPoints(workspace, partition, key);
  const isWhole = from === EVERY_STEP.from && to === EVERY_STEP.to;
  return onCurrentSegments(workspace, partition, async ({ segments = [] }) => {
    const sealed = await eachSegment(workspace, segments, (segment) =>
      isWhole ? segment.sampled(key) : segment.points(key, Number.POSITIVE_INFINITY),
    );
    for (const points of sealed) for (const point of points) appended.push(point);
    const within = isWhole ? appended : appended.filter(({ step }) => step >= from && step <= to);
    return sorted(sortedDistinct(within), compareLatest);
  });
}
