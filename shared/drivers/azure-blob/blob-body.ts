import type { Readable } from "node:stream";
import type { ByteStream } from "../../stores/blob-store.ts";

const MAX_BREAKS_WITHOUT_PROGRESS = 5;
const MAX_SILENCE_MS = 30_000;

/** Bodies that were asked for and dropped without being read would hold a connection each. */
const forgotten = new FinalizationRegistry<Readable>((stream) => stream.destroy());

/**
 * The bytes of a download. A connection that breaks, or is silent for 30 seconds, is replaced by a new one from the byte reached; the
 * body never ends early without an error.
 * @param length what must come
 * @param reopen bytes from this offset of the body on, of the same state of the blob; raises when that is gone
 */
export function blobBody(stream: Readable, length: number, reopen: (offset: number) => Promise<Readable>): ByteStream {
  // An error while nobody reads would end the process; a reader sees it, as the stream keeps it.
  stream.on("error", () => undefined);
  return new BlobBody(stream, length, reopen);
}

/** Is its own iterator, so that it is not garbage while it is read. */
class BlobBody implements AsyncIterableIterator<Uint8Array> {
  readonly #length: number;
  readonly #reopen: (offset: number) => Promise<Readable>;
  #stream: Readable;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #read = 0;
  #breaks = 0;
  #ended = false;

  constructor(stream: Readable, length: number, reopen: (offset: number) => Promise<Readable>) {
    this.#stream = stream;
    this.#length = length;
    this.#reopen = reopen;
    forgotten.register(this, stream, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (!this.#ended && this.#read < this.#length) {
      const chunk = await this.#nextChunk();
      if (chunk !== undefined) {
        this.#read += chunk.length;
        this.#breaks = 0;
        return { done: false, value: chunk };
      }
      if (!this.#ended) await this.#resume();
    }
    // Seeing the end leaves the connection for the next request; destroying the stream before would close it.
    if (!this.#ended) await this.#nextChunk();
    return this.return();
  }

  async return(): Promise<{ done: true; value: undefined }> {
    this.#ended = true;
    forgotten.unregister(this);
    this.#stream.destroy();
    return { done: true, value: undefined };
  }

  /** Undefined when the stream has broken, or ended before all had come. */
  async #nextChunk(): Promise<Uint8Array | undefined> {
    this.#chunks ??= this.#stream[Symbol.asyncIterator]();
    const silence = setTimeout(() => this.#stream.destroy(new Error("no bytes came")), MAX_SILENCE_MS);
    try {
      const next = await this.#chunks.next();
      return next.done ? undefined : next.value;
    } catch {
      return undefined;
    } finally {
      clearTimeout(silence);
    }
  }

  async #resume(): Promise<void> {
    this.#stream.destroy();
    this.#chunks = undefined;
    this.#breaks++;
    try {
      if (this.#breaks > MAX_BREAKS_WITHOUT_PROGRESS) throw new Error(`The download broke at byte ${this.#read}.`);
      this.#stream = await this.#reopen(this.#read);
    } catch (error) {
      this.#ended = true;
      forgotten.unregister(this);
      throw error;
    }
    this.#stream.on("error", () => undefined);
    forgotten.unregister(this);
    forgotten.register(this, this.#stream, this);
  }
}
