/** Which contents are being read. The files of a replaced content stay until its last reader is done. */
export class Readers {
  readonly #contents = new Map<number, { count: number; filesToCollect: readonly number[] }>();
  readonly #collect: (files: readonly number[]) => void;
  /** Ends the readings of bodies that were asked for and dropped without being read. */
  readonly #forgotten = new FinalizationRegistry<() => void>((end) => end());

  /** @param collect called with the files of a replaced content when its last reader is done */
  constructor(collect: (files: readonly number[]) => void) {
    this.#collect = collect;
  }

  /** A body that counts as a reader from now on, until it is read to its end, abandoned, or garbage. */
  open(content: number, source: AsyncGenerator<Uint8Array, void, undefined>): AsyncIterable<Uint8Array> {
    const end = this.#begin(content);
    const chunks = (async function* () {
      try {
        yield* source;
      } finally {
        end();
      }
    })();
    // Its own iterator: whoever iterates holds it, so it is not garbage while it is read.
    const body: AsyncIterableIterator<Uint8Array, void, undefined> = {
      [Symbol.asyncIterator]: () => body,
      next: () => chunks.next(),
      // A generator that never started does not run its finally.
      return: () => {
        end();
        return chunks.return();
      },
    };
    this.#forgotten.register(body, end);
    return body;
  }

  /** Whether somebody still reads `content`; if so, its files go to `collect` later. */
  keep(content: number, files: readonly number[]): boolean {
    const entry = this.#contents.get(content);
    if (entry !== undefined) entry.filesToCollect = files;
    return entry !== undefined;
  }

  #begin(content: number): () => void {
    const entry = this.#contents.get(content) ?? { count: 0, filesToCollect: [] };
    entry.count++;
    this.#contents.set(content, entry);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      entry.count--;
      if (entry.count > 0) return;
      this.#contents.delete(content);
      if (entry.filesToCollect.length > 0) this.#collect(entry.filesToCollect);
    };
  }
}
