import type { ByteStream } from "../../stores/blob-store.ts";

const FIRST_BUFFER_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** Cuts a stream into blocks. Copies what it reads, so a source may reuse its chunks; buffers given back are used again. */
export class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #free: Buffer[] = [];
  #rest: Uint8Array = NOTHING;
  #ended = false;

  constructor(source: ByteStream) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The next `size` bytes; fewer, or none, only at the end of the stream. */
  async next(size: number): Promise<Buffer> {
    let block = this.#free.pop() ?? Buffer.allocUnsafeSlow(Math.min(size, FIRST_BUFFER_BYTES));
    let length = 0;
    while (length < size && (await this.#hasMore())) {
      const part = this.#rest.subarray(0, size - length);
      block = withRoom(block, length, part.length, size);
      block.set(part, length);
      length += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return block.subarray(0, length);
  }

  /** For a block that nobody reads any more. */
  recycle(block: Buffer): void {
    this.#free.push(Buffer.from(block.buffer));
  }

  /** Lets a source that was not read to its end clean up. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#chunks.return?.();
  }

  async #hasMore(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#ended) {
      const next = await this.#chunks.next().catch((error) => {
        this.#ended = true;
        throw error;
      });
      if (next.done) this.#ended = true;
      else this.#rest = next.value;
    }
    return this.#rest.length > 0;
  }
}

/** `block`, or a larger copy of its first `length` bytes, so that `more` bytes fit behind them. */
function withRoom(block: Buffer, length: number, more: number, most: number): Buffer {
  if (length + more <= block.length) return block;
  const larger = Buffer.allocUnsafeSlow(Math.min(most, Math.max(length + more, block.length * 2)));
  block.copy(larger, 0, 0, length);
  return larger;
}
