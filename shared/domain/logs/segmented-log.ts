import type { BlobStore, ByteRange, ByteStream } from "../../stores/blob-store.ts";
import { PreconditionFailed, TooLarge } from "../../stores/errors.ts";

const SEGMENT_DIGITS = 8;

/** One blob of the log. */
interface Segment {
  readonly index: number;
  /** Where its first byte is in the log. */
  readonly start: number;
}

interface LogDownload {
  /** Of the whole log, when it was asked; the next to ask for, for one who follows it. */
  readonly size: number;
  /** Bytes of the range that the log has so far. */
  readonly body: ByteStream;
}

/**
 * A log that grows for as long as somebody writes it, and can be read meanwhile: one sequence of bytes, in appended blobs
 * `<prefix>/00000000`, `<prefix>/00000001`, …, of which each begins when the one before takes no more pieces. So all but the last never
 * change again. Nothing else is stored; a log that nobody has written has no bytes. An instance remembers where segments begin, so it is of
 * no use after the log was removed.
 */
export class SegmentedLog {
  readonly #blobs: BlobStore;
  readonly #prefix: string;
  /** As far as known, in order; the blobs of all but the last are there and full. */
  readonly #segments: Segment[] = [{ index: 0, start: 0 }];

  /** @param prefix a blob's name, whose blobs are the log's alone */
  constructor(blobs: BlobStore, prefix: string) {
    this.#blobs = blobs;
    this.#prefix = prefix;
  }

  /**
   * How many bytes it has. The next segment is looked for before the last one is measured: where there is one, the measure is final, and
   * where there is none, the size is one that the log has had.
   */
  async size(): Promise<number> {
    for (;;) {
      const last = this.#last();
      const next = await this.#blobs.head(this.#nameOf(last.index + 1));
      const size = (await this.#blobs.head(this.#nameOf(last.index)))?.size ?? 0;
      if (next === undefined) return last.start + size;
      this.#roll(last, last.start + size);
    }
  }

  /**
   * Adds 1 byte to 4 MiB to the end of the log, whole or not at all. Of several who append at one position one succeeds.
   * @param at the log's size; after an error that leaves open whether the piece was added, the same piece may be sent to the same place
   * @throws PreconditionFailed when the log has another size, and nothing is added; InvalidArgument
   */
  async append(bytes: Uint8Array, at: number): Promise<void> {
    try {
      await this.#appendToLast(bytes, at);
    } catch (error) {
      // Others may have gone on to segments that this one has not seen.
      if (!(error instanceof PreconditionFailed) || (await this.size()) !== at) throw error;
      await this.#appendToLast(bytes, at);
    }
  }

  /** The bytes of a range, over the borders of segments; none where it begins at or behind the end. */
  async read({ first, last = Number.POSITIVE_INFINITY }: ByteRange = { first: 0 }): Promise<LogDownload> {
    const size = await this.size();
    return { size, body: this.#bytes(first, Math.min(last + 1, size)) };
  }

  async #appendToLast(bytes: Uint8Array, at: number): Promise<void> {
    const last = this.#last();
    if (at < last.start) throw new PreconditionFailed(`${this.#prefix} has more than ${at} bytes.`);
    try {
      await this.#blobs.append(this.#nameOf(last.index), bytes, at - last.start);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      this.#roll(last, at);
      await this.#appendToLast(bytes, at);
    }
  }

  async *#bytes(first: number, end: number): ByteStream {
    for (const { index, start } of [...this.#segments]) {
      const segmentEnd = this.#segments[index + 1]?.start ?? end;
      const [from, to] = [Math.max(first, start), Math.min(end, segmentEnd)];
      if (from >= to) continue;
      const found = await this.#blobs.get(this.#nameOf(index), { first: from - start, last: to - start - 1 });
      if (found === undefined) throw new PreconditionFailed(`${this.#prefix} was removed while it was being read.`);
      yield* found.body;
    }
  }

  #last(): Segment {
    return this.#segments.at(-1) as Segment;
  }

  /** Notes that the segment ends at `end`, if nobody has yet. */
  #roll({ index }: Segment, end: number): void {
    this.#segments[index + 1] ??= { index: index + 1, start: end };
  }

  #nameOf(index: number): string {
    return `${this.#prefix}/${String(index).padStart(SEGMENT_DIGITS, "0")}`;
  }
}
