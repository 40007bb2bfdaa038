/**
 * Chunks that are computed from something in memory while they are being consumed. When that is about to change, `freeze` computes the rest at once; so
 * a long write sees one state of it, and copies it only where it has to.
 */
export class FreezableChunks implements AsyncIterable<Uint8Array> {
  readonly #source: Iterator<Uint8Array>;
  readonly #computed: Uint8Array[] = [];

  constructor(source: Iterator<Uint8Array>) {
    this.#source = source;
  }

  freeze(): void {
    for (let next = this.#source.next(); !next.done; next = this.#source.next()) this.#computed.push(next.value);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#computed.shift() ?? this.#source.next().value;
      if (chunk === undefined) return;
      yield chunk;
    }
  }
}
