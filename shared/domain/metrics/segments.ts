import { inParallel } from "../../parallel.ts";
import { getHead } from "../record.ts";
import type { RecordAttributes } from "../record-shape.ts";
import type { Workspace } from "../workspace.ts";
import { Segment, SegmentGone, type SegmentReference } from "./segment.ts";

/** So many segments are read side by side at most. */
const SEGMENTS_AT_ONCE = 8;
/** A header takes so many times the bytes of its JSON in memory. */
const PARSED_TIMES = 4;

/** A segment with its header read, which never changes: what was read once is right as long as its blob is there. @throws SegmentGone */
export async function openSegment(workspace: Workspace, reference: SegmentReference): Promise<Segment> {
  const key = `segment/${reference.blob}`;
  const known = workspace.memory.recallValue<Segment>(key);
  if (known) return known;
  const segment = await Segment.open(workspace.stores.blobs, reference);
  workspace.memory.keep(key, segment, reference.headerBytes * PARSED_TIMES);
  return segment;
}

/** What `read` makes of each segment, some of them side by side, in their order. @throws SegmentGone */
export function eachSegment<T>(
  workspace: Workspace,
  references: readonly SegmentReference[],
  read: (segment: Segment) => T | Promise<T>,
): Promise<T[]> {
  return inParallel(references, async (reference) => read(await openSegment(workspace, reference)), SEGMENTS_AT_ONCE);
}

/**
 * Reads what the head names; where a segment was merged away meanwhile, again what it names then. What was listed of documents before the call
 * stays complete: a later head has all that was sealed since.
 * @returns undefined when there is no such record (any more)
 */
export async function onCurrentSegments<T>(
  workspace: Workspace,
  partition: string,
  read: (attributes: RecordAttributes) => Promise<T>,
): Promise<T | undefined> {
  for (let before: string | undefined; ; ) {
    const head = await getHead<RecordAttributes>(workspace, partition);
    if (!head) return undefined;
    try {
      return await read(head.item.attributes);
    } catch (error) {
      if (!(error instanceof SegmentGone) || head.etag === before) throw error;
      before = head.etag;
    }
  }
}
