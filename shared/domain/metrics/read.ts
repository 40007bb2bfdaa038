import type { Stored } from "../../stores/document-store.ts";
import type { RecordAttributes, RecordView } from "../record.ts";
import type { Workspace } from "../workspace.ts";
import { POINTS_RANGE, type PointsItem } from "./append.ts";
import { compareValues, fromTuple, joinColumns, joinPoint, type LatestMetrics } from "./latest.ts";
import { type Point, pointAt, unpackPoints } from "./points.ts";

/** The points documents of a partition, `after` the given id, page by page in order of time. */
export function pointsDocuments(
  workspace: Workspace,
  partition: string,
  after?: string,
): AsyncIterable<readonly Stored<PointsItem>[]> {
  const from = after === undefined ? POINTS_RANGE.from : `${after}-`;
  return workspace.stores.documents.runs.list<PointsItem>(partition, { from, to: POINTS_RANGE.to });
}

/** Folded and unfolded latest values of a record together. `unfolded`: how many documents had to be read. */
export async function readLatest<A extends RecordAttributes>(
  workspace: Workspace,
  view: RecordView<A>,
): Promise<{ latest: LatestMetrics; unfolded: number; lastId?: string }> {
  const latest = foldedLatest(view);
  let unfolded = 0;
  let lastId: string | undefined;
  for await (const page of pointsDocuments(workspace, view.head.partition, view.attributes.foldedTo)) {
    for (const { item } of page) joinColumns(latest, unpackPoints(item.points));
    unfolded += page.length;
    lastId = page.at(-1)!.item.id;
  }
  return { latest, unfolded, lastId };
}

export function foldedLatest<A extends RecordAttributes>(view: RecordView<A>): LatestMetrics {
  const latest: LatestMetrics = new Map();
  for (const [key, tuple] of view.section("metrics")) joinPoint(latest, fromTuple(key, tuple));
  return latest;
}

/** Where a page of history ended. */
export interface HistoryPosition {
  readonly timestamp: number;
  readonly step: number;
  readonly value: number;
}

/**
 * Values of one metric in order of (timestamp, step, value), exact duplicates once.
 * @param limit at most so many; absent: all
 * @returns the points, and where to go on if there are more
 */
export async function readHistory(
  workspace: Workspace,
  partition: string,
  key: string,
  limit?: number,
  after?: HistoryPosition,
): Promise<{ points: Point[]; next?: HistoryPosition }> {
  const points: Point[] = [];
  for await (const page of pointsDocuments(workspace, partition)) {
    for (const { item } of page) collect(item, key, after, points);
  }
  const distinct = sortedDistinct(points);
  if (limit === undefined || distinct.length <= limit) return { points: distinct };
  const { timestamp, step, value } = distinct[limit - 1]!;
  return { points: distinct.slice(0, limit), next: { timestamp, step, value } };
}

function collect(item: PointsItem, key: string, after: HistoryPosition | undefined, into: Point[]): void {
  const index = item.points.keys.indexOf(key);
  if (index < 0) return;
  const columns = unpackPoints(item.points);
  for (let i = 0; i < columns.count; i++) {
    if (columns.keyIndex[i] !== index) continue;
    const point = pointAt(columns, i);
    if (after === undefined || compareHistory(point, after) > 0) into.push(point);
  }
}

/** Origins do not make a difference: as in MLflow's store the same value at the same time and step is one point. */
function sortedDistinct(points: Point[]): Point[] {
  const sorted = isSorted(points) ? points : points.sort(compareHistory);
  return sorted.filter((point, i) => i === 0 || compareHistory(sorted[i - 1]!, point) !== 0);
}

function isSorted(points: readonly Point[]): boolean {
  for (let i = 1; i < points.length; i++) if (compareHistory(points[i - 1]!, points[i]!) > 0) return false;
  return true;
}

export function compareHistory(a: HistoryPosition, b: HistoryPosition): number {
  return a.timestamp - b.timestamp || a.step - b.step || compareValues(a.value, b.value);
}
