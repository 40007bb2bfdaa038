import type { Point } from "./points.ts";

/**
 * At most about `wanted` points that look like all of them: the lowest and the highest of each stretch, and both ends. A value that is not a
 * number counts as neither.
 * @param points in order
 */
export function sample(points: readonly Point[], wanted: number): Point[] {
  if (points.length <= wanted) return [...points];
  const stretches = Math.max(1, Math.floor((wanted - 2) / 2));
  const chosen = new Set<number>([0]);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = Math.floor((stretch * points.length) / stretches);
    const to = Math.floor(((stretch + 1) * points.length) / stretches);
    for (const i of lowestAndHighest(points, from, to)) chosen.add(i);
  }
  chosen.add(points.length - 1);
  return [...chosen].sort((a, b) => a - b).map((i) => points[i]!);
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
