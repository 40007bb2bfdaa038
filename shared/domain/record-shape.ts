import type { Item } from "../stores/document-store.ts";
import type { StoredInt64 } from "./int64.ts";
import type { LatestTuple } from "./metrics/latest.ts";
import type { SegmentReference } from "./metrics/segment.ts";
import type { StoredInput } from "./runs/stored-input.ts";

/**
 * A record is a run or a logged model: one head document with attributes and named sections of key-value entries. While everything is small
 * it is that one document. A section that makes the head pass INLINE_BYTES moves to pages of the same partition, PAGE_COUNT buckets by hash of
 * the key, and stays there; head and pages change in one batch under the head's ETag.
 */
export interface Sections {
  readonly params: string;
  readonly tags: string;
  /** Folded latest values; what was appended after `foldedTo` is joined by readers. */
  readonly metrics: LatestTuple;
  readonly inputs: StoredInput;
  /** Logged models used, by id. */
  readonly modelInputs: true;
  /** Logged models produced, by id: the step. */
  readonly outputs: StoredInt64;
}
export type SectionName = keyof Sections;

/** In order of key. */
export type Entries<V> = readonly (readonly [string, V])[];

/** What both kinds of record have; their own attributes come on top. */
export interface RecordAttributes {
  readonly kind: "run" | "model";
  readonly experimentId: string;
  /** Id of the last points document that is folded into `metrics`. */
  readonly foldedTo?: string;
  /** What is folded and waits to be sealed, about: see `weight`. */
  readonly unsealed?: number;
  /** Points that were moved from documents into blobs. */
  readonly segments?: readonly SegmentReference[];
  /** Blobs of segments that went into the newest of `segments`: gone, or about to be removed. */
  readonly merged?: readonly string[];
  readonly quiet?: Quiet;
}

/**
 * Says that a run has ended. Whoever appends points to it all the same takes this away in the same batch: while it stands, nobody has appended who
 * saw the head after `sinceMs`.
 */
export interface Quiet {
  /** Milliseconds. */
  readonly sinceMs: number;
  /** Everything from before is folded too: readers of latest values need not look for points documents. */
  readonly isFolded: boolean;
}

export type RecordHead<A extends RecordAttributes> = Item & {
  readonly attributes: A;
  readonly sections: { readonly [S in SectionName]?: Entries<Sections[S]> };
  readonly paged?: readonly SectionName[];
};
