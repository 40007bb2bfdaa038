import { hashOf } from "../hash.ts";
import type { ModelAttributes } from "../logged-models/types.ts";
import { SEAL_QUEUE } from "../queues.ts";
import { changeRecord, getHead } from "../record.ts";
import type { Quiet, RecordAttributes, RecordHead } from "../record-shape.ts";
import { ENDED, type RunAttributes } from "../runs/types.ts";
import { BLOBS } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import {
  becomeQuiet,
  fold,
  foldInto,
  isComplete,
  isStillQuiet,
  requestFold,
  SETTLED_AFTER_MS,
  settledBefore,
  weight,
} from "./fold.ts";
import { joinColumns, type LatestMetrics } from "./latest.ts";
import { addSegment, MAX_SEGMENTS, SEGMENT_POINTS, segmentsToMerge } from "./merge.ts";
import { Columns } from "./metric-column.ts";
import { unpackPoints } from "./points.ts";
import { type Listed, pointsDocuments, removeDocuments } from "./read.ts";
import { buildSegment, SegmentGone, type SegmentReference } from "./segment.ts";
import { openSegment } from "./segments.ts";

/** Fewer documents are left as they are: a segment would cost more than it saves. */
export const SEAL_DOCUMENTS = 20;
const SEGMENT_DOCUMENTS = 5_000;

async function requestSeal(workspace: Workspace, recordId: string): Promise<void> {
  await SEAL_QUEUE.send(workspace, { workspaceId: workspace.id, recordId });
}

/** A run that has ended is sealed; one that goes on is when it has grown long. */
const LONG_RUN_WEIGHT = 200;

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
  else if ((folded.unsealed ?? 0) >= LONG_RUN_WEIGHT) await requestSeal(workspace, recordId);
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
  return BLOBS.metrics(workspace.id, `${recordId}/`);
}

interface Gathered {
  readonly documents: Listed[];
  count: number;
  readonly columns: Columns;
  readonly latest: LatestMetrics;
}

/**
 * Moves settled points documents of a run or logged model into immutable blob segments: writes the segment, names it in the head under its ETag,
 * then removes the documents, and the small segments that went into it. May die between any two steps, run twice, or run beside itself, readers
 * and writers: readers list documents first, then read the head, then its segments, drop what they meet twice, and begin again where a segment
 * has gone.
 * @returns how many documents were sealed
 */
export async function seal(workspace: Workspace, recordId: string): Promise<number> {
  const partition = runsPartition(workspace, recordId);
  const head = await getHead<RecordAttributes>(workspace, partition);
  let sealed = 0;
  if (!head) return sealed;
  try {
    await finishLast(workspace, partition, head.item.attributes);
    let { segments = [] } = head.item.attributes;
    const { quiet } = head.item.attributes;
    const completeSince = isComplete(quiet, workspace.clock.now()) ? quiet : undefined;
    const before = completeSince ? undefined : settledBefore(workspace);
    for await (const gathered of gather(workspace, partition, before)) {
      if (gathered.documents.length < SEAL_DOCUMENTS) break;
      const named = await sealGathered(workspace, recordId, { segments, completeSince }, gathered);
      if (named === undefined) break;
      segments = named;
      sealed += gathered.documents.length;
    }
  } catch (error) {
    // Another sealer has merged it, or a purge is under way.
    if (!(error instanceof SegmentGone)) throw error;
  }
  return sealed;
}

/**
 * Removes what the newest segment made superfluous, if whoever wrote it died before. As the next segment is named after that only, no documents of
 * any but the newest are left.
 */
async function finishLast(
  workspace: Workspace,
  partition: string,
  { segments = [], merged = [] }: RecordAttributes,
): Promise<void> {
  await removeBlobs(workspace, merged);
  const newest = segments.at(-1);
  if (!newest) return;
  const { documents } = (await openSegment(workspace, newest)).header;
  const [from, last] = [documents[0], documents.at(-1)];
  if (from === undefined || last === undefined) return;
  const sealed = new Set(documents);
  for await (const page of workspace.stores.documents.runs.list(partition, { from, to: `${last}-` })) {
    const left = page.filter(({ item }) => sealed.has(item.id)).map(({ item, etag }) => ({ id: item.id, etag }));
    await removeDocuments(workspace, partition, left);
  }
}

async function removeBlobs(workspace: Workspace, blobs: readonly string[]): Promise<void> {
  for (const blob of blobs) await workspace.stores.blobs.remove(blob);
}

/** Documents `before` an id, oldest first, as many at a time as one segment takes; each is read once. */
async function* gather(
  workspace: Workspace,
  partition: string,
  before: string | undefined,
): AsyncGenerator<Gathered, void> {
  let gathered = nothingGathered();
  for await (const page of pointsDocuments(workspace, partition)) {
    for (const { item, etag } of page) {
      if (before !== undefined && item.id >= before) return yield gathered;
      if (gathered.count + item.points.count > SEGMENT_POINTS || gathered.documents.length >= SEGMENT_DOCUMENTS) {
        yield gathered;
        gathered = nothingGathered();
      }
      gathered.count += item.points.count;
      gathered.documents.push({ id: item.id, etag });
      const columns = unpackPoints(item.points);
      joinColumns(gathered.latest, columns);
      gathered.columns.add(columns);
    }
  }
  yield gathered;
}

function nothingGathered(): Gathered {
  return { documents: [], count: 0, columns: new Columns(), latest: new Map() };
}

/** How a record was found. */
interface Found {
  readonly segments: readonly SegmentReference[];
  /** Every document was taken because of it. */
  readonly completeSince: Quiet | undefined;
}

/**
 * @returns what the head names now; undefined when it names as many as it may, another sealer was faster, somebody has appended to what was
 * complete, or the record is gone: what was written for nothing is removed again
 */
async function sealGathered(
  workspace: Workspace,
  recordId: string,
  { segments, completeSince }: Found,
  { documents, count, columns, latest }: Gathered,
): Promise<readonly SegmentReference[] | undefined> {
  const partition = runsPartition(workspace, recordId);
  const ids = documents.map(({ id }) => id);
  const kept = segments.slice(0, segments.length - segmentsToMerge(segments, count));
  const merged = segments.slice(kept.length).map(({ blob }) => blob);
  if (kept.length >= MAX_SEGMENTS) return undefined;
  for (const reference of segments.slice(kept.length)) await addSegment(workspace, reference, columns);
  const segment = buildSegment(ids, columns.byKey);
  // Of two sealers that write the same blob either both may name it or neither: whoever may not removes it.
  const written = hashOf([...merged, ...ids, completeSince?.sinceMs].join()).slice(0, 16);
  const blob = `${segmentsPrefix(workspace, recordId)}${ids[0]}-${written}`;
  await workspace.stores.blobs.put(blob, toStream([segment.header, ...segment.body]), { mustLast: true });
  const next = [...kept, { blob, count: segment.count, headerBytes: segment.header.length }];
  const isNamed = await changeRecord<RecordAttributes, boolean>(workspace, partition, (draft) => {
    const current = draft.attributes.segments ?? [];
    if (current.some((other) => other.blob === blob)) return true;
    if (!isSame(current, segments) || (completeSince && !isStillQuiet(draft, completeSince))) return false;
    foldInto(draft, latest, ids.at(-1)!);
    const unsealed = Math.max(0, (draft.attributes.unsealed ?? 0) - weight(ids.length, count));
    draft.update({ segments: next, merged, unsealed });
    return true;
  });
  if (!isNamed) return removeUnlessNamed(workspace, partition, blob);
  await removeDocuments(workspace, partition, documents);
  await removeBlobs(workspace, merged);
  return next;
}

async function removeUnlessNamed(workspace: Workspace, partition: string, blob: string): Promise<undefined> {
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
