import { hashOf } from "../experiments.ts";
import type { ModelAttributes } from "../models/types.ts";
import { SEAL_QUEUE } from "../queues.ts";
import { changeRecord, getHead, type RecordAttributes, type RecordHead } from "../record.ts";
import { ENDED, type RunAttributes } from "../runs/types.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { pointsId } from "./append.ts";
import { becomeQuiet, fold, foldInto, requestFold, SETTLED_AFTER_MS } from "./fold.ts";
import { joinColumns, type LatestMetrics } from "./latest.ts";
import { MetricColumn } from "./metric-column.ts";
import { type PointColumns, unpackPoints } from "./points.ts";
import { type Listed, pointsDocuments, removeDocuments } from "./read.ts";
import { buildSegment, type SegmentReference } from "./segment.ts";
import { openSegment } from "./segments.ts";

export interface SealMessage {
  readonly workspaceId: string;
  readonly recordId: string;
}

/** Fewer documents are left as they are: a segment would cost more than it saves. */
export const SEAL_DOCUMENTS = 20;
/** What goes into one segment at most, which bounds the memory that sealing takes. */
const SEGMENT_POINTS = 60_000;
const SEGMENT_DOCUMENTS = 5_000;

export async function requestSeal(workspace: Workspace, recordId: string): Promise<void> {
  const message: SealMessage = { workspaceId: workspace.id, recordId };
  await workspace.stores.queue.send(SEAL_QUEUE, JSON.stringify(message));
}

/** A run that has ended is sealed; one that goes on is when it has grown long. */
const LONG_RUN_DOCUMENTS = 1000;

/**
 * Folds what has settled, and seals where that is worth while: a run that has ended at once, which folds what it moves. Logged models are left as
 * they are: they have few points, and equal values of different datasets are different to their search.
 */
export async function foldAndSeal(workspace: Workspace, recordId: string): Promise<void> {
  const partition = runsPartition(workspace, recordId);
  const attributes = async () =>
    (await getHead<RunAttributes | ModelAttributes>(workspace, partition))?.item.attributes;
  if (hasEnded(await attributes())) await seal(workspace, recordId);
  await fold(workspace, partition);
  const folded = await attributes();
  if (folded?.kind !== "run") return;
  if (hasEnded(folded)) await quieten(workspace, recordId, folded);
  else if ((folded.unsealed ?? 0) >= LONG_RUN_DOCUMENTS) await requestSeal(workspace, recordId);
}

function hasEnded(attributes: RunAttributes | ModelAttributes | undefined): boolean {
  return attributes?.kind === "run" && ENDED.includes(attributes.status);
}

/** Looks again a little later until everything of an ended run is folded. */
async function quieten(workspace: Workspace, recordId: string, { quiet }: RunAttributes): Promise<void> {
  if (quiet?.isFolded) return;
  await changeRecord<RunAttributes, void>(workspace, runsPartition(workspace, recordId), (draft) => {
    if (hasEnded(draft.attributes)) becomeQuiet(draft, workspace.clock.now());
  });
  await requestFold(workspace, recordId, SETTLED_AFTER_MS + 1000);
}

/** Where the segments of a run or logged model lie. */
export function segmentsPrefix(workspace: Workspace, recordId: string): string {
  return `metrics/${runsPartition(workspace, recordId)}/`;
}

interface Gathered {
  readonly documents: Listed[];
  count: number;
  readonly columns: Map<string, MetricColumn>;
  readonly latest: LatestMetrics;
}

/**
 * Moves settled points documents of a run or logged model into immutable blob segments: writes the segment, names it in the head under its ETag,
 * then removes the documents. May die between any two steps, run twice, or run beside itself, readers and writers: readers list
 * documents first, then read the head, then its segments, and drop what they meet twice.
 * @returns how many documents were sealed
 */
export async function seal(workspace: Workspace, recordId: string): Promise<number> {
  const partition = runsPartition(workspace, recordId);
  const head = await getHead<RecordAttributes>(workspace, partition);
  let segments = head?.item.attributes.segments ?? [];
  let sealed = 0;
  if (!head) return sealed;
  for await (const gathered of gather(workspace, partition, await sealedDocuments(workspace, segments))) {
    if (gathered.documents.length < SEAL_DOCUMENTS) break;
    const reference = await sealGathered(workspace, recordId, segments, gathered);
    if (reference === undefined) break;
    segments = [...segments, reference];
    sealed += gathered.documents.length;
  }
  return sealed;
}

/** Ids of documents that are in a segment already: an earlier attempt died before it removed them. */
async function sealedDocuments(workspace: Workspace, segments: readonly SegmentReference[]): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const reference of segments) {
    const segment = await openSegment(workspace, reference);
    for (const id of segment?.header.documents ?? []) ids.add(id);
  }
  return ids;
}

/** Settled documents, oldest first, as many at a time as one segment takes; each is read once. What is sealed already is removed on the way. */
async function* gather(
  workspace: Workspace,
  partition: string,
  sealed: ReadonlySet<string>,
): AsyncGenerator<Gathered, void> {
  const settled = pointsId(workspace.clock.now() - SETTLED_AFTER_MS, "");
  let gathered = nothingGathered();
  for await (const page of pointsDocuments(workspace, partition)) {
    const listed = page.map(({ item, etag }) => ({ id: item.id, etag }));
    await removeDocuments(
      workspace,
      partition,
      listed.filter(({ id }) => sealed.has(id)),
    );
    for (const { item, etag } of page) {
      if (item.id >= settled) return yield gathered;
      if (sealed.has(item.id)) continue;
      if (gathered.count + item.points.count > SEGMENT_POINTS || gathered.documents.length >= SEGMENT_DOCUMENTS) {
        yield gathered;
        gathered = nothingGathered();
      }
      gathered.count += item.points.count;
      gathered.documents.push({ id: item.id, etag });
      const columns = unpackPoints(item.points);
      joinColumns(gathered.latest, columns);
      addColumns(gathered.columns, columns);
    }
  }
  yield gathered;
}

function nothingGathered(): Gathered {
  return { documents: [], count: 0, columns: new Map(), latest: new Map() };
}

function addColumns(into: Map<string, MetricColumn>, columns: PointColumns): void {
  const targets = columns.keys.map((key) => {
    const column = into.get(key) ?? new MetricColumn(key);
    into.set(key, column);
    return column;
  });
  const { keyIndex, originIndex, origins, timestamps, steps, values } = columns;
  for (let i = 0; i < columns.count; i++) {
    const originAt = originIndex?.[i] ?? 0;
    const origin = originAt > 0 ? origins[originAt] : undefined;
    targets[keyIndex[i]!]!.push(timestamps[i]!, steps[i]!, values[i]!, origin);
  }
}

/** Undefined when another sealer was faster, or the record is gone: what was written for nothing is removed again. */
async function sealGathered(
  workspace: Workspace,
  recordId: string,
  segments: readonly SegmentReference[],
  { documents, columns, latest }: Gathered,
): Promise<SegmentReference | undefined> {
  const partition = runsPartition(workspace, recordId);
  const ids = documents.map(({ id }) => id);
  const { header, body, count } = buildSegment(ids, columns);
  const blob = `${segmentsPrefix(workspace, recordId)}${ids[0]}-${hashOf(ids.join()).slice(0, 16)}`;
  await workspace.stores.blobs.put(blob, toStream([header, ...body]));
  const reference: SegmentReference = { blob, count, headerBytes: header.length };
  const named = await changeRecord<RecordAttributes, boolean>(workspace, partition, (draft) => {
    const current = draft.attributes.segments ?? [];
    if (current.some((segment) => segment.blob === blob)) return true;
    if (!isSame(current, segments)) return false;
    foldInto(draft, latest, ids.at(-1)!);
    const unsealed = Math.max(0, (draft.attributes.unsealed ?? 0) - ids.length);
    draft.update({ segments: [...current, reference], unsealed });
    return true;
  });
  if (named) await removeDocuments(workspace, partition, documents);
  else await removeUnlessNamed(workspace, partition, blob);
  return named ? reference : undefined;
}

async function removeUnlessNamed(workspace: Workspace, partition: string, blob: string): Promise<void> {
  const head = await getHead<RecordAttributes>(workspace, partition);
  if (head && namesSegment(head.item, blob)) return;
  await workspace.stores.blobs.remove(blob);
}

function namesSegment(head: RecordHead<RecordAttributes>, blob: string): boolean {
  return (head.attributes.segments ?? []).some((segment) => segment.blob === blob);
}

function isSame(a: readonly SegmentReference[], b: readonly SegmentReference[]): boolean {
  return a.length === b.length && a.every(({ blob }, i) => blob === b[i]!.blob);
}

async function* toStream(chunks: readonly Buffer[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield chunk;
}
