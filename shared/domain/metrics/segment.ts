import type { BlobStore } from "../../stores/blob-store.ts";
import { PreconditionFailed } from "../../stores/errors.ts";
import { sample } from "./downsample.ts";
import type { MetricColumn } from "./metric-column.ts";
import { compareHistory, type HistoryPosition } from "./order.ts";
import { decodePoints, encodePoints, type Origin, type Point, pointAt } from "./points.ts";

/** A run's head names its segments; each is one immutable blob. */
export interface SegmentReference {
  readonly blob: string;
  /** Points in it. */
  readonly count: number;
  readonly headerBytes: number;
}

/** A segment's blob is not there: it was merged into another, which the head names by now, or its run was purged. */
export class SegmentGone extends Error {
  constructor(blob: string) {
    super(`The segment ${blob} is gone.`);
  }
}

/** Where some points of one metric lie in the blob, behind the header. */
interface Block {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
  readonly first: HistoryPosition;
  readonly origins?: readonly Origin[];
}

interface MetricIndex {
  readonly key: string;
  readonly count: number;
  /** In order of (timestamp, step, value). */
  readonly blocks: readonly Block[];
  /** What a chart of the whole metric needs; absent where there are few points anyway. */
  readonly sampled?: Block;
}

export interface SegmentHeader {
  readonly version: 1;
  /** The points documents that it took in last. While it is the newest segment some may still be there, and the next sealer removes them. */
  readonly documents: readonly string[];
  readonly metrics: readonly MetricIndex[];
}

const BLOCK_POINTS = 4096;
/** A metric with more points has a sampled level of about so many. */
const SAMPLED_POINTS = 4096;

/**
 * Lays points out as a segment: a header in JSON (its length stands in the reference), then for each metric its points in blocks of 4,096 in order of
 * (timestamp, step, value), then its sampled level.
 * @param columns by metric; arranged here
 */
export function buildSegment(
  documents: readonly string[],
  columns: ReadonlyMap<string, MetricColumn>,
): { header: Buffer; body: Buffer[]; count: number } {
  const body: Buffer[] = [];
  let offset = 0;
  let count = 0;
  const add = (part: readonly Point[]): Block => {
    const encoded = encodePoints(part);
    // The encoder's buffer is as large as the worst case.
    const bytes = Buffer.from(encoded.bytes);
    body.push(bytes);
    const { timestamp, step, value } = part[0]!;
    const block = { offset, length: bytes.length, count: part.length, first: { timestamp, step, value } };
    offset += bytes.length;
    return encoded.origins ? { ...block, origins: encoded.origins } : block;
  };
  const metrics: MetricIndex[] = [];
  for (const [key, column] of columns) {
    column.arrange();
    count += column.length;
    const blocks: Block[] = [];
    for (let i = 0; i < column.length; i += BLOCK_POINTS) blocks.push(add(column.slice(i, i + BLOCK_POINTS)));
    const sampled = column.length > SAMPLED_POINTS ? add(sampledLevel(column)) : undefined;
    metrics.push({ key, count: column.length, blocks, ...(sampled && { sampled }) });
  }
  const header: SegmentHeader = { version: 1, documents, metrics };
  return { header: Buffer.from(JSON.stringify(header, withOddNumbers)), body, count };
}

/** Sampled block by block, so that the points of a long metric are never objects all at once. */
function sampledLevel(column: MetricColumn): Point[] {
  const level: Point[] = [];
  const ofBlock = Math.max(4, Math.ceil((SAMPLED_POINTS * BLOCK_POINTS) / column.length));
  for (let i = 0; i < column.length; i += BLOCK_POINTS) {
    for (const point of sample(column.slice(i, i + BLOCK_POINTS), ofBlock)) level.push(point);
  }
  return level;
}

/** Exact duplicates once; `points` in order. */
export function distinct(points: Point[]): Point[] {
  const isNew = (point: Point, i: number) => i === 0 || compareHistory(points[i - 1]!, point) !== 0;
  return points.every(isNew) ? points : points.filter(isNew);
}

export interface SegmentPart {
  /** Its first point; the others follow in order. */
  readonly bound: HistoryPosition;
  read(): Promise<Point[]>;
}

/** A segment as it is read, part by part. Whatever reads raises SegmentGone once its blob is not there any more. */
export class Segment {
  readonly header: SegmentHeader;
  private readonly blobs: BlobStore;
  private readonly reference: SegmentReference;
  private readonly byKey: ReadonlyMap<string, MetricIndex>;

  private constructor(blobs: BlobStore, reference: SegmentReference, header: SegmentHeader) {
    this.blobs = blobs;
    this.reference = reference;
    this.header = header;
    this.byKey = new Map(header.metrics.map((metric) => [metric.key, metric]));
  }

  /** @throws SegmentGone */
  static async open(blobs: BlobStore, reference: SegmentReference): Promise<Segment> {
    const bytes = await readRange(blobs, reference.blob, 0, reference.headerBytes);
    return new Segment(blobs, reference, JSON.parse(bytes.toString(), fromOddNumbers) as SegmentHeader);
  }

  keys(): Iterable<string> {
    return this.byKey.keys();
  }

  /** A position that none of the metric's points after `after` precedes; undefined when it has no points. */
  lowerBound(key: string, after?: HistoryPosition): HistoryPosition | undefined {
    const blocks = this.byKey.get(key)?.blocks;
    return blocks?.[firstBlock(blocks, after)]?.first;
  }

  /** The metric's points from about `after` on, in parts of some thousands. */
  parts(key: string, after?: HistoryPosition): SegmentPart[] {
    const blocks = this.byKey.get(key)?.blocks ?? [];
    return blocks.slice(firstBlock(blocks, after)).map((block) => ({
      bound: block.first,
      read: () => this.read(key, block),
    }));
  }

  /** At most the first `limit` points of a metric after a position, in order. */
  async points(key: string, limit: number, after?: HistoryPosition): Promise<Point[]> {
    const found: Point[] = [];
    const blocks = this.byKey.get(key)?.blocks ?? [];
    for (let i = firstBlock(blocks, after); i < blocks.length && found.length < limit; i++) {
      for (const point of await this.read(key, blocks[i]!)) {
        if (found.length < limit && (after === undefined || compareHistory(point, after) > 0)) found.push(point);
      }
    }
    return found;
  }

  /** Points enough to draw the metric: all of them where they are few. */
  async sampled(key: string): Promise<Point[]> {
    const metric = this.byKey.get(key);
    if (metric?.sampled) return this.read(key, metric.sampled);
    return this.points(key, Number.POSITIVE_INFINITY);
  }

  private async read(key: string, { offset, length, count, origins }: Block): Promise<Point[]> {
    const start = this.reference.headerBytes + offset;
    const bytes = await readRange(this.blobs, this.reference.blob, start, length);
    const columns = decodePoints({ count, keys: [key], origins, bytes });
    return Array.from({ length: count }, (_, i) => pointAt(columns, i));
  }
}

/** The last block that begins at or before the position. */
function firstBlock(blocks: readonly Block[], after: HistoryPosition | undefined): number {
  if (!after) return 0;
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareHistory(blocks[middle]!.first, after) <= 0) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

async function readRange(blobs: BlobStore, name: string, first: number, length: number): Promise<Buffer> {
  const found = await blobs.get(name, { first, last: first + length - 1 });
  if (!found) throw new SegmentGone(name);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of found.body) chunks.push(chunk);
  } catch (error) {
    // It went, or another sealer wrote the same once more, while the connection was lost.
    throw error instanceof PreconditionFailed ? new SegmentGone(name) : error;
  }
  return Buffer.concat(chunks);
}

/** JSON has neither NaN nor bigints. */
function withOddNumbers(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return { int64: String(value) };
  return typeof value === "number" && Number.isNaN(value) ? { NaN: true } : value;
}

function fromOddNumbers(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("int64" in value) return BigInt(value.int64 as string);
  return "NaN" in value ? Number.NaN : value;
}
