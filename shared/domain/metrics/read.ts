import { type BatchOperation, type ETag, MAX_BATCH_OPERATIONS, type Stored } from "../../stores/document-store.ts";
import { PreconditionFailed } from "../../stores/errors.ts";
import { notFound } from "../errors.ts";
import { getHead, type RecordView, readRecord, recallHead } from "../record.ts";
import type { RecordAttributes } from "../record-shape.ts";
import type { Workspace } from "../workspace.ts";
import { POINTS_RANGE, type PointsItem } from "./append.ts";
import { fromTuple, joinColumns, joinLatest, joinPoint, type LatestMetrics } from "./latest.ts";
import { compareHistory, type HistoryPosition, sorted } from "./order.ts";
import { type Point, pointAt, unpackPoints } from "./points.ts";
import { distinct, type Segment, SegmentGone, type SegmentPart, type SegmentReference } from "./segment.ts";
import { eachSegment, onCurrentSegments, openSegment } from "./segments.ts";

/** A document may hold 1,000 points: a page of them is some 1.3 MB. */
const PAGE_DOCUMENTS = 100;

/** The points documents of a partition, `after` the given id, page by page in order of time. */
export function pointsDocuments(
  workspace: Workspace,
  partition: string,
  after?: string,
): AsyncIterable<readonly Stored<PointsItem>[]> {
  const from = after === undefined ? POINTS_RANGE.from : `${after}-`;
  return workspace.stores.documents.runs.list<PointsItem>(partition, { from, to: POINTS_RANGE.to }, PAGE_DOCUMENTS);
}

/** A record with the latest values of its metrics. */
interface RecordWithLatest<A extends RecordAttributes> {
  readonly view: RecordView<A>;
  readonly latest: ReadonlyMap<string, Point>;
  /** How many documents had to be read that are not folded. */
  readonly unfolded: number;
}

/**
 * A record and everything that was appended to it before the call. Those who ask at once share what is read.
 * @returns undefined when there is no such record
 */
export function readWithLatest<A extends RecordAttributes>(
  workspace: Workspace,
  partition: string,
): Promise<RecordWithLatest<A> | undefined> {
  return workspace.memory.share(`latest/${partition}`, () => readDocumentsThenRecord<A>(workspace, partition));
}

/**
 * Reads documents first and the head after them: what a seal has removed before is folded into that head. Where the documents begin is told by the
 * head as this process saw it last, for it only ever moves on; where it has seen none, or one that says there are no such documents, the head
 * comes first.
 */
async function readDocumentsThenRecord<A extends RecordAttributes>(
  workspace: Workspace,
  partition: string,
): Promise<RecordWithLatest<A> | undefined> {
  const seen = recallHead<A>(workspace, partition)?.attributes;
  const listed = seen && !seen.quiet?.isFolded ? await listLatest(workspace, partition, seen.foldedTo) : undefined;
  const view = await readRecord<A>(workspace, partition);
  if (!view) return undefined;
  if (!listed) return { view, ...(await readLatest(workspace, view)) };
  const { foldedTo = "" } = view.attributes;
  const latest = foldedLatest(view);
  joinLatest(latest, listed.latest.values());
  return { view, latest, unfolded: listed.ids.filter((id) => id > foldedTo).length };
}

/** The latest values among the documents behind a place. */
async function listLatest(workspace: Workspace, partition: string, after: string | undefined) {
  const latest: LatestMetrics = new Map();
  const ids: string[] = [];
  for await (const page of pointsDocuments(workspace, partition, after)) {
    for (const { item } of page) {
      joinColumns(latest, unpackPoints(item.points));
      ids.push(item.id);
    }
  }
  return { latest, ids };
}

/**
 * Folded and unfolded latest values of a record together. A seal removes documents once they are folded: where the head has come to fold more
 * than `view` shows, both are read again.
 * @returns `unfolded`: how many documents had to be read
 */
export async function readLatest<A extends RecordAttributes>(
  workspace: Workspace,
  view: RecordView<A>,
): Promise<{ latest: LatestMetrics; unfolded: number }> {
  const { partition } = view.head;
  if (view.attributes.quiet?.isFolded) return { latest: foldedLatest(view), unfolded: 0 };
  for (let current = view; ; ) {
    const { foldedTo } = current.attributes;
    const latest = foldedLatest(current);
    const listed = await listLatest(workspace, partition, foldedTo);
    joinLatest(latest, listed.latest.values());
    const head = await getHead<A>(workspace, partition);
    if (!head || head.item.attributes.foldedTo === foldedTo) return { latest, unfolded: listed.ids.length };
    current = (await readRecord<A>(workspace, partition)) ?? current;
  }
}

export function foldedLatest<A extends RecordAttributes>(view: RecordView<A>): LatestMetrics {
  const latest: LatestMetrics = new Map();
  for (const [key, tuple] of view.section("metrics")) joinPoint(latest, fromTuple(key, tuple));
  return latest;
}

/** One page of a metric's history. */
interface HistoryPage {
  readonly kind: RecordAttributes["kind"];
  readonly points: readonly Point[];
  /** Where to go on; undefined at the end. */
  readonly next?: HistoryPosition;
}

/**
 * Values of one metric in order of (timestamp, step, value), exact duplicates once. Documents are listed before the head is read and its segments
 * after, so that a seal beside it hides nothing.
 * @param limit at most so many
 * @returns undefined when there is no such run or model
 */
export async function readHistory(
  workspace: Workspace,
  partition: string,
  key: string,
  limit: number,
  after?: HistoryPosition,
): Promise<HistoryPage | undefined> {
  const appended = sortedDistinct(await appendedPoints(workspace, partition, key, after));
  return onCurrentSegments(workspace, partition, async ({ kind, segments = [] }) => {
    let found = appended;
    for (const { segment, bound } of await segmentsWith(workspace, segments, key, after)) {
      const last = found[limit];
      if (last && compareHistory(bound, last) > 0) break;
      found = sortedDistinct([...found.slice(0, limit + 1), ...(await segment.points(key, limit + 1, after))]);
    }
    if (found.length <= limit) return { kind, points: found };
    const { timestamp, step, value } = found[limit - 1]!;
    return { kind, points: found.slice(0, limit), next: { timestamp, step, value } };
  });
}

/** A metric's history from beginning to end. */
interface WholeHistory {
  readonly kind: RecordAttributes["kind"];
  /** In the order of `readHistory`; each has some thousand points at most, or what was appended between two of them. */
  readonly pieces: AsyncIterable<readonly Point[]>;
}

/**
 * The same to the end, for histories of any length: of what is sealed only a piece is in memory at a time.
 * @returns undefined when there is no such run or model
 */
export async function readWholeHistory(
  workspace: Workspace,
  partition: string,
  key: string,
  after?: HistoryPosition,
): Promise<WholeHistory | undefined> {
  const appended = sortedDistinct(await appendedPoints(workspace, partition, key, after));
  const begun = await sealedParts(workspace, partition, key, after);
  if (!begun) return undefined;
  async function* pieces(): AsyncGenerator<readonly Point[]> {
    let parts = begun!.parts;
    for (let last = after; ; ) {
      try {
        for await (const piece of inPieces(appended, parts, last)) {
          yield piece;
          last = piece.at(-1);
        }
        return;
      } catch (error) {
        if (!(error instanceof SegmentGone)) throw error;
        const again = await sealedParts(workspace, partition, key, last);
        if (!again) throw notFound("What was being read was removed for good meanwhile.");
        parts = again.parts;
      }
    }
  }
  return { kind: begun.kind, pieces: pieces() };
}

/** The parts of what is sealed of a metric, in the order in which they begin. */
function sealedParts(workspace: Workspace, partition: string, key: string, after: HistoryPosition | undefined) {
  return onCurrentSegments(workspace, partition, async ({ kind, segments = [] }) => {
    const found = await segmentsWith(workspace, segments, key, after);
    const parts = found.flatMap(({ segment }) => segment.parts(key, after));
    return { kind, parts: parts.sort((a, b) => compareHistory(a.bound, b.bound)) };
  });
}

const PIECE_POINTS = 5_000;

/** What precedes the beginning of the next part is complete. */
async function* inPieces(
  appended: readonly Point[],
  parts: readonly SegmentPart[],
  after: HistoryPosition | undefined,
): AsyncGenerator<readonly Point[]> {
  let taken = after ? appended.findIndex((point) => compareHistory(point, after) > 0) : 0;
  if (taken < 0) taken = appended.length;
  let found: Point[] = [];
  for (let i = -1; i < parts.length; i++) {
    const more = (await parts[i]?.read()) ?? [];
    for (const point of more) if (!after || compareHistory(point, after) > 0) found.push(point);
    const bound = parts[i + 1]?.bound;
    const isComplete = (point: Point) => bound === undefined || compareHistory(point, bound) < 0;
    for (; taken < appended.length && isComplete(appended[taken]!); taken++) found.push(appended[taken]!);
    found = sortedDistinct(found);
    const rest = found.findIndex((point) => !isComplete(point));
    const complete = rest < 0 ? found.length : rest;
    for (let at = 0; at < complete; at += PIECE_POINTS) yield found.slice(at, Math.min(at + PIECE_POINTS, complete));
    found = found.slice(complete);
  }
}

/** The segments that have points of a metric, in the order in which those begin. */
async function segmentsWith(
  workspace: Workspace,
  references: readonly SegmentReference[],
  key: string,
  after: HistoryPosition | undefined,
): Promise<{ segment: Segment; bound: HistoryPosition }[]> {
  const found = await eachSegment(workspace, references, (segment) => {
    const bound = segment.lowerBound(key, after);
    return bound ? [{ segment, bound }] : [];
  });
  return found.flat().sort((a, b) => compareHistory(a.bound, b.bound));
}

/** Every point of a run or model, in no order. */
export async function readAllPoints(workspace: Workspace, partition: string): Promise<Point[]> {
  const points: Point[] = [];
  for await (const page of pointsDocuments(workspace, partition)) {
    for (const { item } of page) {
      const columns = unpackPoints(item.points);
      for (let i = 0; i < columns.count; i++) points.push(pointAt(columns, i));
    }
  }
  const sealed = await onCurrentSegments(workspace, partition, ({ segments = [] }) =>
    eachSegment(workspace, segments, allPoints),
  );
  return [points, ...(sealed ?? [])].flat();
}

/** Every point of a segment, metric by metric. @throws SegmentGone */
export async function readSegment(workspace: Workspace, reference: SegmentReference): Promise<Point[]> {
  return allPoints(await openSegment(workspace, reference));
}

async function allPoints(segment: Segment): Promise<Point[]> {
  const points: Point[] = [];
  for (const key of segment.keys()) {
    for (const point of await segment.points(key, Number.POSITIVE_INFINITY)) points.push(point);
  }
  return points;
}

/** A document as it was listed. */
export interface Listed {
  readonly id: string;
  readonly etag: ETag;
}

/** Removes documents that may be gone already. */
export async function removeDocuments(
  workspace: Workspace,
  partition: string,
  listed: readonly Listed[],
): Promise<void> {
  const { runs } = workspace.stores.documents;
  for (let i = 0; i < listed.length; i += MAX_BATCH_OPERATIONS) {
    const some = listed.slice(i, i + MAX_BATCH_OPERATIONS);
    try {
      // With their ETags: without, the store has to look first whether one of them has expired.
      const removals = some.map(({ id, etag }): BatchOperation => ({ kind: "remove", id, etag }));
      await runs.batch(partition, removals);
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
      for (const { id } of some) await runs.remove(partition, id);
    }
  }
}

/** Points of a metric that are not sealed, in no order. */
export async function appendedPoints(
  workspace: Workspace,
  partition: string,
  key: string,
  after?: HistoryPosition,
): Promise<Point[]> {
  const points: Point[] = [];
  for await (const page of pointsDocuments(workspace, partition)) {
    for (const { item } of page) collect(item, key, after, points);
  }
  return points;
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
export function sortedDistinct(points: Point[]): Point[] {
  return distinct(sorted(points, compareHistory));
}
