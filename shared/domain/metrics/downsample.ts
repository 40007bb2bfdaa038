import { compareInt64, type Int64 } from "../int64.ts";
import type { Point } from "./points.ts";

/**
 * Exactly `wanted` points that look like all of them, in their order; all where there are no more. The last one comes first, then the first, the
 * lowest and the highest, then the lowest and the highest of each stretch, and what room is left goes to points at even distances. A value that
 * is not a number is neither low nor high.
 */
export function sample(points: readonly Point[], wanted: number): Point[] {
  if (points.length <= wanted) return [...points];
  const choice = new Choice(points, wanted);
  choice.addBounds();
  choice.addStretches();
  choice.fill();
  return choice.points();
}

/**
 * The same for runs that are drawn side by side: at the same steps wherever they were logged, so that values can be compared. The steps are those of
 * every run's bounds, where they are few enough, and steps of the runs at even distances.
 * @param runs points of each run in order of step
 */
export function sampleTogether(runs: readonly (readonly Point[])[], wanted: number): Point[][] {
  if (runs.length === 1) return [sample(runs[0]!, wanted)];
  const shared = sharedSteps(runs, wanted);
  return runs.map((points) => {
    if (points.length <= wanted) return [...points];
    const choice = new Choice(points, wanted);
    choice.addBounds();
    for (let i = 0; i < points.length; i++) {
      if (points[i]!.step !== points[i - 1]?.step && shared.has(points[i]!.step)) choice.add(i);
    }
    choice.fill();
    return choice.points();
  });
}

/** At most `wanted` steps. */
function sharedSteps(runs: readonly (readonly Point[])[], wanted: number): Set<Int64> {
  const bounds = runs.flatMap((points) => boundsOf(points).map((i) => points[i]!.step));
  const shared = new Set(bounds.length <= wanted / 2 ? bounds : []);
  const all = [...new Set(runs.flatMap((points) => points.map(({ step }) => step)))].sort(compareInt64);
  const rest = all.filter((step) => !shared.has(step));
  for (const i of evenly(rest.length, wanted - shared.size)) shared.add(rest[i]!);
  return shared;
}

/** At most `count` points at even distances, and the bounds of all. */
export function thinned(points: readonly Point[], count: number): Point[] {
  const kept = new Set([...evenly(points.length, count), ...boundsOf(points)]);
  return points.length <= count ? [...points] : points.filter((_, i) => kept.has(i));
}

/** Some of the points, at most so many, the first to come having precedence. */
class Choice {
  private readonly chosen = new Set<number>();
  private readonly all: readonly Point[];
  private readonly wanted: number;

  constructor(all: readonly Point[], wanted: number) {
    this.all = all;
    this.wanted = wanted;
  }

  add(i: number): void {
    if (this.chosen.size < this.wanted) this.chosen.add(i);
  }

  addBounds(): void {
    for (const i of boundsOf(this.all)) this.add(i);
  }

  addStretches(): void {
    const { length } = this.all;
    const stretches = Math.floor((this.wanted - this.chosen.size) / 2);
    for (let stretch = 0; stretch < stretches; stretch++) {
      const from = Math.floor((stretch * length) / stretches);
      const to = Math.floor(((stretch + 1) * length) / stretches);
      for (const i of lowestAndHighest(this.all, from, to)) this.add(i);
    }
  }

  fill(): void {
    const { length } = this.all;
    for (const at of evenly(length, this.wanted - this.chosen.size)) {
      let i = at;
      while (this.chosen.has(i)) i = (i + 1) % length;
      this.add(i);
    }
  }

  points(): Point[] {
    return [...this.chosen].sort((a, b) => a - b).map((i) => this.all[i]!);
  }
}

/** Last, first, lowest and highest. */
function boundsOf(points: readonly Point[]): number[] {
  return points.length === 0 ? [] : [points.length - 1, 0, ...lowestAndHighest(points, 0, points.length)];
}

/** At most `count` of `length` indexes, the first and the last among them. */
function evenly(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  if (count < 2) return count < 1 ? [] : [length - 1];
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}

function lowestAndHighest(points: readonly Point[], from: number, to: number): [number, number] {
  let lowest = from;
  let highest = from;
  for (let i = from + 1; i < to; i++) {
    const { value } = points[i]!;
    if (value < points[lowest]!.value || Number.isNaN(points[lowest]!.value)) lowest = i;
    if (value > points[highest]!.value || Number.isNaN(points[highest]!.value)) highest = i;
  }
  return [lowest, highest];
}
