import type { Workspace } from "../workspace.ts";
import type { Columns } from "./metric-column.ts";
import type { SegmentReference } from "./segment.ts";
import { openSegment } from "./segments.ts";

/** What goes into one segment at most, which bounds the memory that sealing takes. */
export const SEGMENT_POINTS = 120_000;
/** A record's head names so many at most, which are 100 million points and more. What is logged beyond stays in documents. */
export const MAX_SEGMENTS = 2_000;

/**
 * How many of the newest segments go into the next one with its own points: those that are not at least twice as large as all behind them. So what
 * is logged little by little is in few segments, each at least twice as large as the next, and a point is written again a few times only.
 * @param count points that the next segment has of its own
 */
export function segmentsToMerge(segments: readonly SegmentReference[], count: number): number {
  let merged = 0;
  let total = count;
  for (const segment of [...segments].reverse()) {
    if (segment.count >= 2 * total || segment.count + total > SEGMENT_POINTS) break;
    total += segment.count;
    merged++;
  }
  return merged;
}

/** Adds all points of a segment to columns by metric. @throws SegmentGone */
export async function addSegment(workspace: Workspace, reference: SegmentReference, columns: Columns): Promise<void> {
  const segment = await openSegment(workspace, reference);
  for (const key of segment.keys()) {
    const column = columns.of(key);
    for (const part of segment.parts(key)) {
      for (const { timestamp, step, value, origin } of await part.read()) column.push(timestamp, step, value, origin);
    }
  }
}
