import type { Workspace } from "../workspace.ts";
import { Segment, type SegmentReference } from "./segment.ts";

/** A segment with its header read; undefined when its run was purged. */
export function openSegment(workspace: Workspace, reference: SegmentReference): Promise<Segment | undefined> {
  return workspace.memory.segment(reference.blob, reference.headerBytes, () =>
    Segment.open(workspace.stores.blobs, reference),
  );
}
